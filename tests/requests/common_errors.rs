//! Errors that every operation may answer with.

use brevet::wire::model::Operation;

/// Code and status, as "Common Error Types" in the API references of IAM and STS has them.
const PUBLISHED: [(&str, u16); 19] = [
    ("AccessDeniedException", 403),
    ("ExpiredTokenException", 403),
    ("IncompleteSignature", 400),
    ("InternalFailure", 500),
    ("InvalidAction", 400),
    ("InvalidClientTokenId", 403),
    ("InvalidParameterCombination", 400),
    ("InvalidParameterValue", 400),
    ("InvalidQueryParameter", 400),
    ("MalformedQueryString", 404),
    ("MissingAction", 400),
    ("MissingAuthenticationToken", 403),
    ("MissingParameter", 400),
    ("NotAuthorized", 401),
    ("OptInRequired", 403),
    ("RequestExpired", 400),
    ("ServiceUnavailable", 503),
    ("ThrottlingException", 400),
    ("ValidationError", 400),
];

/// What AWS answers beside them, under names that the page does not have: people show these answers of IAM and STS, and of other
/// services of the Query protocol for `MalformedInput`. `NotImplemented` is what
/// brevet says of what it has not built, and the last is HTTP's own, for a body that is not read at all.
const SEEN: [(&str, u16); 6] = [
    ("AccessDenied", 403),
    ("ExpiredToken", 403),
    ("MalformedInput", 400),
    ("SignatureDoesNotMatch", 403),
    ("NotImplemented", 501),
    ("RequestEntityTooLarge", 413),
];

/// Answers that the model does not declare, and why they are given all the same.
const UNDECLARED: [(&str, &str, u16); 1] = [
    // The model declares no error at all for it, and the page of the operation says nothing of keys that do not exist.
    ("GetAccessKeyLastUsed", "NoSuchEntity", 404),
];

/// Whether an operation may answer this.
pub fn is_allowed(operation: &Operation, code: &str, status: u16) -> bool {
    operation.error(code).is_some_and(|error| error.status == status)
        || UNDECLARED.contains(&(&operation.name, code, status))
        || is_common(code, status)
}

/// Whether any operation may answer this.
fn is_common(code: &str, status: u16) -> bool {
    PUBLISHED.iter().chain(&SEEN).any(|known| *known == (code, status))
}
