//! Whom an identity provider vouches for: the principal of a request to take on a role, and afterwards what the role's session still
//! says of it.

use crate::policy::{Context, Fact, Facts, Key, Principal, PrincipalKind};
use crate::types::Arn;

/// What a provider says of somebody.
#[derive(Clone, Debug)]
pub struct Federation {
    provider: Arn,
    /// The issuer's name and a colon, in lower case.
    prefix: Box<str>,
    issuer: String,
    keys: Context,
}

impl Federation {
    /// Somebody of whom the provider `provider` of the issuer `issuer` says `keys`, all of which begin with the issuer's name.
    pub fn new(provider: Arn, issuer: &str, keys: Context) -> Self {
        let prefix = format!("{}:", issuer.to_ascii_lowercase()).into();
        Self { provider, prefix, issuer: issuer.to_owned(), keys }
    }

    /// What a session says of it that was issued to whom the provider `provider` vouches for.
    pub fn of_session(provider: Arn, aud: &[String], sub: &str, amr: &[String]) -> Option<Self> {
        let issuer = provider.resource_of_kind("oidc-provider")?.to_owned();
        let mut keys = Context::new();
        match aud {
            [] => {}
            [one] => keys.set(&format!("{issuer}:aud"), one.as_str()),
            several => keys.set(&format!("{issuer}:aud"), several.to_vec()),
        }
        keys.set(&format!("{issuer}:sub"), sub);
        if !amr.is_empty() {
            keys.set(&format!("{issuer}:amr"), amr.to_vec());
        }
        Some(Self::new(provider, &issuer, keys))
    }

    /// The provider's ARN.
    pub fn provider(&self) -> &Arn {
        &self.provider
    }

    /// The value of a key of its issuer. The answer is final for such a key: what it does not say is not so, whoever claims it.
    pub(super) fn answer(&self, key: &Key) -> Option<Option<Fact<'_>>> {
        key.name().starts_with(&*self.prefix).then(|| self.keys.fact(key))
    }

    /// What the provider says.
    pub(super) fn keys(&self) -> &Context {
        &self.keys
    }

    /// The principal in the policy engine's terms, before a role is assumed.
    pub(super) fn principal(&self) -> Principal {
        Principal {
            kind: PrincipalKind::Federated,
            account: String::new(),
            arn: self.provider.to_string(),
            issuer_arn: Some(self.issuer.clone()),
            unique_id: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_speaks_for_its_own_issuer_alone() {
        let provider: Arn = "arn:aws:iam::111122223333:oidc-provider/Idp.example/T".parse().expect("an ARN");
        let one = ["app".to_owned()];
        let federation = Federation::of_session(provider, &one, "ann", &[]).expect("an OIDC provider");
        let answer = |key: &str| federation.answer(&Key::new(key));
        assert_eq!(answer("idp.EXAMPLE/t:AUD"), Some(Some(Fact::Text("app"))));
        assert_eq!(answer("idp.example/t:sub"), Some(Some(Fact::Text("ann"))));
        assert_eq!(answer("idp.example/t:amr"), Some(None));
        assert_eq!(answer("idp.example/t:other"), Some(None));
        for other in ["idp.example:sub", "idp.example/t/u:sub", "xidp.example/t:sub", "aws:username"] {
            assert_eq!(answer(other), None, "{other}");
        }
    }
}
