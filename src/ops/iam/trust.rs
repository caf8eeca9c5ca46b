//! What a trust policy must be, and what it means at the moment that it is written.

use super::common::check_document;
use crate::identity::quota;
use crate::ops::{Call, Error, principals};
use crate::policy::Kind;
use crate::policy::lint::names_provider;
use crate::store::Tx;

/// Holds a trust policy to the grammar and its size, and gives the text that is put in force: see [`principals::in_force`].
///
/// # Errors
/// `MalformedPolicyDocument` when it is not a trust policy, names a user or role that does not exist, or what
/// cannot be a provider. Whether a provider exists is not asked, as with AWS: roles are made before and after it.
pub(super) async fn in_force(document: &str, call: &Call<'_>, tx: &mut Tx) -> Result<String, Error> {
    let parsed = check_document(document, Kind::Trust, quota::TRUST_POLICY_SIZE, "ACLSizePerRole")?;
    let mut federated = parsed.statements().iter().filter_map(|statement| statement.principals.as_ref());
    if federated.any(|principals| !principals.federated.iter().all(|text| names_provider(text))) {
        let sentence = "Federated principals must be valid domain names or SAML metadata ARNs";
        return Err(Error::MalformedPolicyDocument(sentence.to_owned()));
    }
    principals::in_force(document, &parsed, call.realm(), tx).await
}
