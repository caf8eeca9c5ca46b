//! How answers may be kept, in an answer's headers: the same ones at every door for questions.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::ops::questions::{Keeping, TELL_DEPENDS};

/// The revision that an answer was made on.
const REVISION: HeaderName = HeaderName::from_static("x-brevet-revision");
/// For how many seconds anybody may keep it.
const MAX_AGE: HeaderName = HeaderName::from_static("x-brevet-max-age");
/// For how many seconds it is true if nothing changes.
const HOLDS_FOR: HeaderName = HeaderName::from_static("x-brevet-holds-for");
/// What it stands on.
const DEPENDS: HeaderName = HeaderName::from_static("x-brevet-depends");

/// Takes note of how answers may be kept, if the request asks for that.
pub(super) fn wanted(headers: &HeaderMap) -> Option<Keeping> {
    const WANTED: HeaderName = HeaderName::from_static(TELL_DEPENDS);
    headers.contains_key(WANTED).then(Keeping::default)
}

/// Says it in the answer's headers.
pub(super) fn tell(keeping: Option<&Keeping>, headers: &mut HeaderMap) {
    let Some(kept) = keeping.and_then(Keeping::kept) else { return };
    headers.insert(REVISION, HeaderValue::from(kept.revision.0));
    headers.insert(MAX_AGE, HeaderValue::from(kept.max_age));
    if let Some(seconds) = kept.holds_for {
        headers.insert(HOLDS_FOR, HeaderValue::from(seconds));
    }
    let depends: Vec<String> = kept.footings.iter().map(ToString::to_string).collect();
    if let Ok(depends) = HeaderValue::from_str(&depends.join(",")) {
        headers.insert(DEPENDS, depends);
    }
}
