//! What a request claims: who signed it, when, for what, and with which signature. Parsed, not yet believed.

use std::borrow::Cow;

use crate::clock::Timestamp;

use super::authorization::Authorization;
use super::header::Singles;
use super::payload::{Content, Coverage, Payload};
use super::query::Query;
use super::refusal::{Refusal, quoted};
use super::{ALGORITHM, MAX_EXPIRES_SECONDS, MAX_SESSION_TOKEN_BYTES, MAX_SKEW_SECONDS, RequestParts, Scope};
use super::{canonical, date, header, signs_like_s3};

/// The claim of a signed request, with everything that is needed to check it but the key.
///
/// Being well-formed proves nothing: call [`SignedRequest::check_time`] and [`SignedRequest::verify`] before believing it.
pub struct SignedRequest<'a> {
    access_key_id: String,
    session_token: Option<Cow<'a, str>>,
    scope: Scope,
    timestamp: Timestamp,
    canonical_request: String,
    string_to_sign: String,
    /// The string to sign of a client that signed the `+` in its query string as it stands.
    pub(super) other_string_to_sign: Option<String>,
    pub(super) form: Form,
    pub(super) signature: String,
    pub(super) payload_mismatch: bool,
    coverage: Coverage,
}

/// Where the signature stands, and what that means for how long it is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Header,
    /// With the seconds of `X-Amz-Expires`. Some SDKs leave it out when presigning for services other than S3; such a
    /// request is good for as long as one signed in its headers.
    Presigned(Option<u32>),
}

impl<'a> SignedRequest<'a> {
    /// Finds the signature in the `Authorization` header or in the query string; `Ok(None)` when the request carries neither.
    ///
    /// Refuses whatever is ambiguous: both forms at once, a repeated header or parameter of the signature, an unsigned
    /// `x-amz-` header, a scope of another day.
    pub fn parse(parts: &RequestParts<'a>) -> Result<Option<SignedRequest<'a>>, Refusal> {
        Self::read(parts, Content::Whole(parts.body), false)
    }

    /// The same of a request that somebody else received and tells of. Of its body counts what `content` says, not
    /// `parts.body`; and if it is for S3, the body may come in chunks.
    pub fn parse_told(parts: &RequestParts<'a>, content: Content<'_>) -> Result<Option<SignedRequest<'a>>, Refusal> {
        Self::read(parts, content, true)
    }

    fn read(parts: &RequestParts<'a>, content: Content<'_>, streaming: bool) -> Result<Option<Self>, Refusal> {
        let headers = Singles::of(parts.headers);
        let authorization = headers.authorization.value()?;
        let query = Query::read(parts.query)?;
        match (authorization, query.carries_signature()) {
            (None, false) => Ok(None),
            (Some(_), true) => Err(Refusal::TwoSignatures),
            (Some(_), false) if query.carries_token() => Err(Refusal::TwoSignatures),
            (Some(value), false) => {
                let claim = Authorization::read(value)?;
                Self::from_header((parts, &headers), &claim, &query, (content, streaming)).map(Some)
            }
            (None, true) => Self::from_query((parts, &headers), &query, (content, streaming)).map(Some),
        }
    }

    /// The access key id that claims to have signed.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The session token that came with the request. The signature covers it.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// The scope of the signature, which is also that of the key to check it with.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// When it was signed, as the signer says.
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// Whether the signature stands in the query string.
    pub fn presigned(&self) -> bool {
        self.form != Form::Header
    }

    /// Whether the signature covers the body. It does not when the signer declared `UNSIGNED-PAYLOAD`: whoever relays the
    /// request could then have exchanged the body.
    pub fn payload_signed(&self) -> bool {
        self.coverage == Coverage::Signed
    }

    /// What the signature says of the body.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// The names of the headers that the signature covers, in lower case.
    pub fn signed_headers(&self) -> impl Iterator<Item = &str> {
        // They stand in the last line but one.
        self.canonical_request.rsplit('\n').nth(1).unwrap_or_default().split(';')
    }

    /// Until when it is accepted, see [`check_time`](Self::check_time).
    pub fn ends(&self) -> Timestamp {
        match self.form {
            Form::Presigned(Some(expires)) => self.timestamp.plus(i64::from(expires)),
            Form::Presigned(None) | Form::Header => self.timestamp.plus(MAX_SKEW_SECONDS),
        }
    }

    /// The canonical request, for explaining a mismatch. It may contain the session token.
    pub fn canonical_request(&self) -> &str {
        &self.canonical_request
    }

    /// The string to sign, for explaining a mismatch.
    pub fn string_to_sign(&self) -> &str {
        &self.string_to_sign
    }

    fn from_header(
        (parts, headers): (&RequestParts<'a>, &Singles<'a>),
        claim: &Authorization<'a>,
        query: &Query<'_>,
        content: (Content<'_>, bool),
    ) -> Result<Self, Refusal> {
        let token = headers.security_token.text()?;
        let payload = headers.content_sha256.text()?;
        Self::build(
            (parts, headers),
            Claim {
                credential: claim.credential,
                signed_headers: claim.signed_headers,
                signature: claim.signature,
                time: date::from_headers(headers)?,
                token: token.map(Cow::Borrowed),
                payload,
                form: Form::Header,
            },
            query,
            content,
        )
    }

    fn from_query(
        (parts, headers): (&RequestParts<'a>, &Singles<'a>),
        query: &Query<'_>,
        content: (Content<'_>, bool),
    ) -> Result<Self, Refusal> {
        let needed = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"];
        let mut given = [const { String::new() }; 5];
        let mut missing = Vec::new();
        for (name, slot) in needed.into_iter().zip(&mut given) {
            match query.value(name)? {
                Some(value) if !value.is_empty() => *slot = value,
                _ => missing.push(name),
            }
        }
        if !missing.is_empty() {
            return Err(Refusal::MissingQueryParameters(missing));
        }
        let [algorithm, credential, signature, signed_headers, date] = &given;
        if algorithm != ALGORITHM {
            return Err(Refusal::UnsupportedAlgorithm(quoted(algorithm)));
        }
        // A token in the header beside a signature in the query string would be a second, unsigned opinion.
        if headers.security_token.value()?.is_some() {
            return Err(Refusal::TwoSignatures);
        }
        let declared = query.value("X-Amz-Content-Sha256")?;
        let payload = headers.content_sha256.text()?.or(declared.as_deref());
        Self::build(
            (parts, headers),
            Claim {
                credential,
                signed_headers,
                signature,
                time: date::basic(date)?,
                token: query.value("X-Amz-Security-Token")?.map(Cow::Owned),
                payload,
                form: Form::Presigned(query.value("X-Amz-Expires")?.map(|text| read_expires(&text)).transpose()?),
            },
            query,
            content,
        )
    }

    fn build(
        (parts, headers): (&RequestParts<'a>, &Singles<'a>),
        claim: Claim<'a, '_>,
        query: &Query<'_>,
        (content, streaming): (Content<'_>, bool),
    ) -> Result<Self, Refusal> {
        let (access_key_id, scope) = Scope::read_credential(claim.credential)?;
        let (timestamp, stamp) = claim.time;
        if !stamp.starts_with(&scope.date) {
            let date = stamp.chars().take(8).collect();
            return Err(Refusal::ScopeDate { scope: scope.date, date, timestamp: stamp });
        }
        if claim.token.as_ref().is_some_and(|token| token.len() > MAX_SESSION_TOKEN_BYTES) {
            return Err(Refusal::TooLong("X-Amz-Security-Token"));
        }
        let signed = header::signed_list(claim.signed_headers)?;
        header::all_amz_signed(&signed, parts.headers)?;
        headers.host.value()?;
        let s3 = signs_like_s3(&scope.service);
        let payload = Payload::read(claim.payload, s3 && claim.form != Form::Header, s3 && streaming, content)?;
        let canonical = |query: &str| {
            let request = canonical::canonical_request(parts, &scope.service, query, &signed, &payload.text)?;
            Ok((canonical::string_to_sign(&stamp, &scope, &request), request))
        };
        let (string_to_sign, canonical_request) = canonical(&query.canonical())?;
        let other = Query::canonical_as_sent(parts.query).map(|query| canonical(&query)).transpose()?;
        Ok(Self {
            string_to_sign,
            other_string_to_sign: other.map(|(string_to_sign, _)| string_to_sign),
            canonical_request,
            access_key_id: access_key_id.to_owned(),
            session_token: claim.token,
            scope,
            timestamp,
            form: claim.form,
            signature: claim.signature.to_owned(),
            payload_mismatch: payload.mismatch,
            coverage: payload.coverage,
        })
    }
}

impl std::fmt::Debug for SignedRequest<'_> {
    /// Leaves out the token, the signature and the canonical request, which contains the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedRequest")
            .field("access_key_id", &self.access_key_id)
            .field("scope", &self.scope)
            .field("timestamp", &self.timestamp)
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}

/// What the two forms have in common.
struct Claim<'a, 'c> {
    credential: &'c str,
    signed_headers: &'c str,
    signature: &'c str,
    time: date::Stamped,
    token: Option<Cow<'a, str>>,
    payload: Option<&'c str>,
    form: Form,
}

fn read_expires(text: &str) -> Result<u32, Refusal> {
    let digits = (1..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let seconds = if digits { text.parse().ok() } else { None };
    seconds.filter(|s| (1..=MAX_EXPIRES_SECONDS).contains(s)).ok_or(Refusal::Expires)
}
