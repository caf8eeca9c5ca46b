//! What each kind of session may not call, whatever its policies say.
//!
//! Source: IAM User Guide, "Compare AWS STS credentials" (`id_credentials_sts-comparison.html`), and the API reference's pages
//! `GetSessionToken` and `GetFederationToken`. The codes and sentences are those that AWS answers with.

use super::Error;
use crate::session::{SessionClaims, SessionKind};
use crate::wire::model::Service;

/// The operations of a service that a kind of session may call.
#[derive(Clone, Copy)]
enum Callable {
    All,
    AllBut(&'static [&'static str]),
    Only(&'static [&'static str]),
}

/// What asks for a session; a session does not ask for further ones.
const OF_LONG_LIVED_KEYS: [&str; 2] = ["GetFederationToken", "GetSessionToken"];

/// The table: which operations of IAM, and which of STS.
fn callable(kind: SessionKind, mfa: bool) -> (Callable, Callable) {
    use Callable::{All, AllBut, Only};
    match kind {
        // "Cannot call IAM API operations unless MFA information is included with the request."
        SessionKind::SessionToken => (if mfa { All } else { Only(&[]) }, Only(&["AssumeRole", "GetCallerIdentity"])),
        SessionKind::FederatedUser => (Only(&[]), Only(&["GetCallerIdentity"])),
        SessionKind::AssumedRole | SessionKind::AssumedRoot => (All, AllBut(&OF_LONG_LIVED_KEYS)),
    }
}

/// Whether the holder of this session may call an operation at all.
///
/// # Errors
/// It may not.
pub(super) fn check(session: Option<&SessionClaims>, service: Service, operation: &str) -> Result<(), Error> {
    let Some(session) = session else { return Ok(()) };
    let (iam, sts) = callable(session.kind, session.mfa_present());
    let callable = match service {
        Service::Iam => iam,
        Service::Sts => sts,
    };
    let may = match callable {
        Callable::All => true,
        Callable::AllBut(names) => !names.contains(&operation),
        Callable::Only(names) => names.contains(&operation),
    };
    match service {
        _ if may => Ok(()),
        // To IAM such a token is none.
        Service::Iam => Err(Error::NoPrincipal),
        Service::Sts => Err(Error::Forbidden(format!("Cannot call {operation} with session credentials"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::model::Model;

    fn session(kind: &str, amr: &str) -> SessionClaims {
        serde_json::from_str(&format!(
            r#"{{"iss":"https://b","sub":"s","iat":1,"exp":2,"jti":"j","kind":"{kind}","acc":"111122223333","uid":"u",
            "name":"n","cnf":{{"kid":"ASIA1"}},"amr":{amr}}}"#
        ))
        .unwrap()
    }

    fn names(service: Service) -> Vec<&'static str> {
        Model::of(service).operations().map(|operation| operation.name.as_str()).collect()
    }

    /// Every operation that AWS declares, built or not, for every kind.
    #[test]
    fn the_table_is_awss() {
        let factor = r#"["pop","otp","mfa"]"#;
        let all = |service| names(service).len();
        for (kind, amr, iam, sts) in [
            ("st", "[]", 0, 2),
            ("st", r#"["pop"]"#, 0, 2),
            ("st", factor, all(Service::Iam), 2),
            ("fu", "[]", 0, 1),
            ("fu", factor, 0, 1),
            ("ar", "[]", all(Service::Iam), all(Service::Sts) - 2),
            ("ar", factor, all(Service::Iam), all(Service::Sts) - 2),
            ("rt", "[]", all(Service::Iam), all(Service::Sts) - 2),
        ] {
            let session = session(kind, amr);
            for (service, expected) in [(Service::Iam, iam), (Service::Sts, sts)] {
                let may = |name: &&&str| check(Some(&session), service, name).is_ok();
                assert_eq!(names(service).iter().filter(may).count(), expected, "{kind} {amr} {}", service.name());
            }
            assert!(check(Some(&session), Service::Sts, "GetCallerIdentity").is_ok(), "{kind}");
            assert!(check(Some(&session), Service::Sts, "GetSessionToken").is_err(), "{kind}");
            assert!(check(Some(&session), Service::Sts, "GetFederationToken").is_err(), "{kind}");
        }
        for service in [Service::Iam, Service::Sts] {
            assert!(names(service).iter().all(|name| check(None, service, name).is_ok()), "long-lived keys");
        }
    }

    #[test]
    fn refusals_have_awss_codes_and_sentences() {
        let refused = |kind, service, name| check(Some(&session(kind, "[]")), service, name).unwrap_err();
        let told = |error: Error| (error.aws().code, error.aws().status, error.to_string());
        let token = "The security token included in the request is invalid.".to_owned();
        for kind in ["st", "fu"] {
            assert_eq!(told(refused(kind, Service::Iam, "GetUser")), ("InvalidClientTokenId", 403, token.clone()));
        }
        let sentence = "Cannot call GetFederationToken with session credentials".to_owned();
        for kind in ["st", "fu", "ar", "rt"] {
            let told = told(refused(kind, Service::Sts, "GetFederationToken"));
            assert_eq!(told, ("AccessDenied", 403, sentence.clone()));
        }
    }
}
