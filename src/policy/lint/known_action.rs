//! Actions of IAM and STS, whose names brevet knows: those that are nearly one of them are misspelt, and allow or deny nothing.
//!
//! Sources: the published operations, and for actions that are none the Service Authorization Reference's pages
//! `list_awsidentityandaccessmanagementiam` and `list_awssecuritytokenservice`.

use crate::wire::model::{Model, Service};

/// Actions that no operation is called by: they are demanded beside others.
const BESIDE: [(Service, &str); 5] = [
    (Service::Iam, "PassRole"),
    (Service::Sts, "GetServiceBearerToken"),
    (Service::Sts, "SetContext"),
    (Service::Sts, "SetSourceIdentity"),
    (Service::Sts, "TagSession"),
];
/// So many letters may be wrong, or stand elsewhere. What is further off may be an action that AWS has added since.
const SLIPS: usize = 2;

/// The action that was likely meant, of a name that is none of the service's. Names with wildcards mean several.
pub(super) fn meant(service: &str, name: &str) -> Option<String> {
    let service = [Service::Iam, Service::Sts].into_iter().find(|known| known.name().eq_ignore_ascii_case(service))?;
    if name.contains(['*', '?']) {
        return None;
    }
    let operations = Model::of(service).operations().map(|operation| operation.name.as_str());
    let beside = BESIDE.iter().filter(|(of, _)| *of == service).map(|(_, name)| *name);
    let written = name.to_ascii_lowercase();
    let slips = |known: &str| strsim::damerau_levenshtein(&known.to_ascii_lowercase(), &written);
    let nearest = operations.chain(beside).map(|known| (slips(known), known)).min_by_key(|(slips, _)| *slips);
    let (_, known) = nearest.filter(|(slips, _)| (1..=SLIPS).contains(slips))?;
    Some(format!("{}:{known}", service.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_known_and_a_name_that_is_right_is_none() {
        for (service, name, right) in [
            ("iam", "CreateUsr", Some("iam:CreateUser")),
            ("IAM", "passrol", Some("iam:PassRole")),
            ("sts", "AssumeRol", Some("sts:AssumeRole")),
            ("sts", "AsusmeRole", Some("sts:AssumeRole")),
            ("sts", "assumerole", None),
            ("sts", "TagSession", None),
            ("iam", "GetUser", None),
            // Nothing is known of these.
            ("sts", "CreateUser", None),
            ("iam", "SomethingThatAwsHasAdded", None),
            ("iam", "CreateUs*", None),
            ("s3", "GetObjct", None),
        ] {
            assert_eq!(meant(service, name).as_deref(), right, "{service}:{name}");
        }
    }

    #[test]
    fn every_operation_is_an_action() {
        for service in [Service::Iam, Service::Sts] {
            for operation in Model::of(service).operations() {
                assert_eq!(meant(service.name(), &operation.name), None);
            }
        }
    }
}
