//! What the claims of a signed token must say before it counts: for whom it is, about whom, and when.
//!
//! Source: OpenID Connect Core 1.0 section 3.1.3.7; RFC 7519 section 4.1; the IAM user guide's `id_roles_providers_oidc.html` for the
//! five minutes that clocks may differ, and `reference_policies_iam-condition-keys.html` for `aud`, `azp` and `oaud`.

use serde_json::Value as Json;

use super::refusal::Refusal;
use super::token::Claims;
use crate::clock::Timestamp;
use crate::policy::Value;

/// Seconds that the issuer's clock may differ from the broker's: AWS's five minutes.
const SKEW: i64 = 300;
/// Characters of a subject: OpenID Connect Core 1.0 section 2, and what AWS declares for `SubjectFromWebIdentityToken`.
const LONGEST_SUBJECT: usize = 255;
/// Audiences of one token.
const MOST_AUDIENCES: usize = 100;

/// Whom a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Audience {
    /// The client that AWS's answer names.
    pub(super) client: String,
    /// What the condition key `aud` holds: the authorized party where the token names one, else the audiences that are clients of
    /// the provider.
    pub(super) key: Value,
    /// What the condition key `oaud` holds: every audience.
    pub(super) all: Value,
}

/// Holds a token to its times.
pub(super) fn check_times(claims: &Claims, now: Timestamp) -> Result<(), Refusal> {
    let now = now.seconds();
    let until = moment(claims, "exp")?.ok_or(Refusal::Missing("exp"))?;
    if until.saturating_add(SKEW) <= now {
        return Err(Refusal::Expired { now, until });
    }
    for claim in ["nbf", "iat"] {
        if let Some(from) = moment(claims, claim)?
            && from > now.saturating_add(SKEW)
        {
            return Err(Refusal::Early { claim, from, now });
        }
    }
    Ok(())
}

/// AWS takes whole numbers only.
fn moment(claims: &Claims, claim: &'static str) -> Result<Option<i64>, Refusal> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let wrong = || Refusal::Claim { claim: claim.to_owned(), why: "it must be a whole number of seconds since 1970" };
    value.as_i64().map(Some).ok_or_else(wrong)
}

/// The subject.
pub(super) fn subject(claims: &Claims) -> Result<&str, Refusal> {
    let value = claims.get("sub").ok_or(Refusal::Missing("sub"))?;
    let fits =
        |text: &&str| (1..=LONGEST_SUBJECT).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    let why = "it must be a text of 1 to 255 characters";
    value.as_str().filter(fits).ok_or_else(|| Refusal::Claim { claim: "sub".to_owned(), why })
}

/// Whom the token is for, if that is a client of the provider. A token that names the party it was issued to (`azp`) must have been
/// issued to a client as well.
pub(super) fn audience(claims: &Claims, clients: &[String]) -> Result<Audience, Refusal> {
    let audiences = texts(claims, "aud")?.ok_or(Refusal::Missing("aud"))?;
    let known: Vec<&String> = audiences.iter().filter(|audience| clients.contains(audience)).collect();
    let first = *known.first().ok_or(Refusal::Audience)?;
    let party = match claims.get("azp") {
        None | Some(Json::Null) => None,
        Some(Json::String(party)) => Some(party),
        Some(_) => return Err(Refusal::Claim { claim: "azp".to_owned(), why: "it must be a text" }),
    };
    if party.is_some_and(|party| !clients.contains(party)) {
        return Err(Refusal::AuthorizedParty);
    }
    let client = party.unwrap_or(first).clone();
    let key = match (party, known.as_slice()) {
        (Some(party), _) => Value::from(party.as_str()),
        (None, [one]) => Value::from(one.as_str()),
        (None, several) => Value::List(several.iter().map(ToString::to_string).collect()),
    };
    let all = match audiences.as_slice() {
        [one] => Value::from(one.as_str()),
        _ => Value::List(audiences),
    };
    Ok(Audience { client, key, all })
}

/// A claim that is a text or a list of texts.
fn texts(claims: &Claims, claim: &'static str) -> Result<Option<Vec<String>>, Refusal> {
    let wrong = || Refusal::Claim { claim: claim.to_owned(), why: "it must be a text or a list of texts" };
    match claims.get(claim) {
        None => Ok(None),
        Some(Json::String(one)) => Ok(Some(vec![one.clone()])),
        Some(Json::Array(items)) if items.len() <= MOST_AUDIENCES => {
            let texts: Option<Vec<String>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            texts.map(Some).ok_or_else(wrong)
        }
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    fn claims(value: Json) -> Claims {
        let Json::Object(claims) = value else { panic!("an object") };
        claims
    }

    fn times(value: Json) -> Result<(), &'static str> {
        check_times(&claims(value), NOW).map_err(|refusal| refusal.cause())
    }

    #[test]
    fn clocks_may_differ_by_five_minutes() {
        let at = |seconds: i64| NOW.seconds() + seconds;
        assert_eq!(times(json!({"exp": at(1)})), Ok(()));
        assert_eq!(times(json!({"exp": at(-299), "nbf": at(300), "iat": at(300)})), Ok(()));
        assert_eq!(times(json!({"exp": at(-300)})), Err("token-expired"));
        assert_eq!(times(json!({"exp": at(900), "nbf": at(301)})), Err("token-early"));
        assert_eq!(times(json!({"exp": at(900), "iat": at(301)})), Err("token-early"));
        assert_eq!(times(json!({"exp": i64::MAX, "nbf": i64::MIN})), Ok(()));
        assert_eq!(times(json!({"iat": at(0)})), Err("missing-claim"));
        for exp in [json!("1900000000"), json!(1_900_000_000.5), json!(1e300), json!(u64::MAX), json!(null), json!([])]
        {
            assert_eq!(times(json!({ "exp": exp })), Err("claim"), "{exp}");
        }
    }

    fn audience_of(value: Json) -> Result<Audience, &'static str> {
        audience(&claims(value), &["app".to_owned(), "web".to_owned()]).map_err(|refusal| refusal.cause())
    }

    #[test]
    fn a_token_is_for_a_client_of_the_provider() {
        let one = audience_of(json!({"aud": "app"})).unwrap();
        assert_eq!((one.client.as_str(), one.key, one.all), ("app", "app".into(), "app".into()));
        let several = audience_of(json!({"aud": ["other", "web", "app"]})).unwrap();
        assert_eq!(several.client, "web");
        assert_eq!(several.key, Value::List(vec!["web".to_owned(), "app".to_owned()]));
        assert_eq!(several.all, Value::List(vec!["other".to_owned(), "web".to_owned(), "app".to_owned()]));
        let party = audience_of(json!({"aud": "web", "azp": "app"})).unwrap();
        assert_eq!((party.client.as_str(), party.key, party.all), ("app", "app".into(), "web".into()));
    }

    #[test]
    fn a_token_for_others_is_refused() {
        for (value, cause) in [
            (json!({}), "missing-claim"),
            (json!({"aud": "App"}), "audience"),
            (json!({"aud": ""}), "audience"),
            (json!({"aud": []}), "audience"),
            (json!({"aud": ["other"]}), "audience"),
            (json!({"aud": 1}), "claim"),
            (json!({"aud": ["app", 1]}), "claim"),
            (json!({"aud": vec!["app"; MOST_AUDIENCES + 1]}), "claim"),
            (json!({"aud": "app", "azp": "other"}), "authorized-party"),
            (json!({"aud": "other", "azp": "app"}), "audience"),
            (json!({"aud": "app", "azp": ["app"]}), "claim"),
        ] {
            assert_eq!(audience_of(value.clone()), Err(cause), "{value}");
        }
        assert!(audience(&claims(json!({"aud": "app"})), &[]).is_err(), "a provider without clients takes no token");
    }

    #[test]
    fn a_subject_is_a_short_text() {
        assert_eq!(
            subject(&claims(json!({"sub": "repo:o/r:ref:refs/heads/main"}))).unwrap(),
            "repo:o/r:ref:refs/heads/main"
        );
        for wrong in
            [json!({}), json!({"sub": ""}), json!({"sub": 7}), json!({"sub": "a\nb"}), json!({"sub": "x".repeat(256)})]
        {
            assert!(subject(&claims(wrong.clone())).is_err(), "{wrong}");
        }
    }
}
