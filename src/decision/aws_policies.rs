//! AWS's managed policies, compiled: each once, when the first principal with it is loaded, and shared by all who have it.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::identity::AwsPolicy;
use crate::policy::{Document, Kind, Policy};
use crate::store::StoreError;
use crate::types::{Arn, Realm};

/// The policies of an installation. Making it compiles none of them.
#[derive(Debug)]
pub(super) struct AwsPolicies {
    realm: Realm,
    compiled: HashMap<&'static str, OnceLock<Result<Arc<Policy>, StoreError>>>,
}

impl AwsPolicies {
    pub(super) fn new(realm: &Realm) -> Self {
        let compiled = AwsPolicy::all().iter().map(|policy| (policy.name, OnceLock::new())).collect();
        Self { realm: realm.clone(), compiled }
    }

    /// The policy that an ARN names, for use as `kind`; `None` when it is no policy of AWS.
    ///
    /// The partition does not matter: an installation that gets another name must not lose what its entities are denied.
    ///
    /// # Errors
    /// This version of brevet does not have the policy. What it allows and denies is not known, so nothing can be decided.
    pub(super) fn find(&self, arn: &Arn, kind: Kind) -> Result<Option<Arc<Policy>>, StoreError> {
        if !AwsPolicy::owns(arn) {
            return Ok(None);
        }
        let unknown = || StoreError::corrupt(arn.as_str(), "this version of brevet does not have the policy");
        let known = AwsPolicy::named_by(arn).ok_or_else(unknown)?;
        let slot = self.compiled.get(known.name).ok_or_else(unknown)?;
        let policy = slot.get_or_init(|| self.compile(known)).clone()?;
        Ok(Some(if kind == policy.kind() { policy } else { Arc::new(policy.used_as(kind)) }))
    }

    fn compile(&self, known: &AwsPolicy) -> Result<Arc<Policy>, StoreError> {
        let document = Document::parse(&known.document(&self.realm.partition), Kind::Identity)
            .map_err(|why| StoreError::corrupt(known.name, &why.to_string()))?;
        Ok(Arc::new(Policy::compile(&document, Kind::Identity, known.arn(&self.realm).as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PolicySet;

    fn arn(text: &str) -> Arn {
        text.parse().expect("an ARN")
    }

    #[test]
    fn a_policy_is_compiled_once_and_serves_every_use() {
        let policies = AwsPolicies::new(&Realm::default());
        let read_only = arn("arn:aws:iam::aws:policy/ReadOnlyAccess");
        let find = |kind| policies.find(&read_only, kind).expect("found").expect("AWS's");
        assert!(Arc::ptr_eq(&find(Kind::Identity), &find(Kind::Identity)));
        for kind in [Kind::Boundary, Kind::Session] {
            let used = find(kind);
            assert_eq!((used.kind(), used.id()), (kind, read_only.as_str()));
            assert_eq!(used.statements().count(), find(Kind::Identity).statements().count());
        }
    }

    /// The policies themselves are shared; the indexes of whoever has them are not, and a cache of them is bounded by what is told
    /// here.
    #[test]
    fn a_set_of_large_policies_tells_that_it_is_large() {
        let policies = AwsPolicies::new(&Realm::default());
        let of = |names: &[&str]| {
            let found =
                names.iter().map(|name| policies.find(&arn(&format!("arn:aws:iam::aws:policy/{name}")), Kind::Session));
            PolicySet::new(found.map(|policy| policy.expect("found").expect("AWS's")).collect()).bytes()
        };
        assert!(of(&["AWSDenyAll"]) < 1 << 10);
        let (one, both) = (of(&["ReadOnlyAccess"]), of(&["ReadOnlyAccess", "SecurityAudit"]));
        assert!(one > 50 << 10 && both > one + (20 << 10), "{one} {both}");
    }

    #[test]
    fn what_is_not_known_stops_the_decision_and_what_is_not_aws_is_left_to_others() {
        let policies = AwsPolicies::new(&Realm { partition: "example".to_owned(), ..Realm::default() });
        assert!(policies.find(&arn("arn:aws:iam::aws:policy/OfAnotherVersion"), Kind::Identity).is_err());
        let own = policies.find(&arn("arn:aws:iam::123456789012:policy/ReadOnlyAccess"), Kind::Identity);
        assert!(matches!(own, Ok(None)));
        let renamed = policies.find(&arn("arn:aws:iam::aws:policy/AWSDenyAll"), Kind::Identity);
        assert_eq!(renamed.expect("found").expect("AWS's").id(), "arn:example:iam::aws:policy/AWSDenyAll");
    }
}
