//! Both directions against the independent `aws-sigv4` crate, for requests of any shape, and: whatever is signed cannot be
//! changed.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials as AwsCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use brevet::crypto::hash::sha256;
use brevet::sigv4::Content;

use super::*;

/// What the crate is asked to do.
#[derive(Debug, Clone)]
struct Case {
    request: Request,
    token: Option<String>,
    s3: bool,
    expires: Option<u32>,
    now: Timestamp,
}

impl Case {
    fn service(&self) -> &'static str {
        if self.s3 { "s3" } else { "iam" }
    }

    fn credentials(&self) -> Credentials {
        credentials(self.token.as_deref())
    }

    fn signed_here(&self) -> Request {
        let request = self.request.clone();
        match self.expires {
            Some(expires) => request.presign(&self.credentials(), self.service(), expires, self.now),
            None => request.sign(&self.credentials(), self.service(), self.now),
        }
    }

    fn signed_by_the_crate(&self) -> Request {
        let mut settings = SigningSettings::default();
        if self.s3 {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            if self.expires.is_none() {
                settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            }
        }
        if let Some(expires) = self.expires {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(Duration::from_secs(expires.into()));
        }
        let identity = AwsCredentials::new(ACCESS_KEY, SECRET, self.token.clone(), None, "test").into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name(self.service())
            .time(UNIX_EPOCH + Duration::from_secs(self.now.seconds().unsigned_abs()))
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let request = &self.request;
        let question = if request.query.is_empty() { "" } else { "?" };
        let uri = format!("https://example.amazonaws.com{}{question}{}", request.path, request.query);
        let headers: Vec<(&str, &str)> =
            request.headers.iter().map(|(n, v)| (n.as_str(), std::str::from_utf8(v).unwrap())).collect();
        let body = match self.expires {
            Some(_) if self.s3 => SignableBody::UnsignedPayload,
            _ => SignableBody::Bytes(&request.body),
        };
        let signable = SignableRequest::new(&request.method, uri.as_str(), headers.into_iter(), body).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        let mut uri = http::Request::builder().uri(uri.as_str()).body(()).unwrap();
        instructions.apply_to_request_http1x(&mut uri);
        let mut signed = request.clone();
        signed.query = uri.uri().query().unwrap_or_default().to_owned();
        for (name, value) in uri.headers() {
            signed = signed.with(name.as_str(), value);
        }
        signed
    }
}

/// A path as SDKs send it: segments of any text, percent-encoded.
fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        4 => "[a-zA-Z0-9._~-]{1,8}",
        2 => any::<Vec<u8>>().prop_map(|bytes| bytes.iter().take(6).map(|b| format!("%{b:02X}")).collect()),
        1 => Just("..".to_owned()),
        1 => Just(String::new()),
    ];
    // A last segment of dots or escapes that need no escape is where implementations part company.
    (prop::collection::vec(segment, 0..6), "[a-z]{0,5}/?").prop_map(|(segments, last)| {
        let reserved = |s: &String| !s.split('%').skip(1).any(|e| u8::from_str_radix(e, 16).is_ok_and(is_unreserved));
        let kept: Vec<String> = segments.into_iter().filter(reserved).collect();
        if kept.is_empty() { format!("/{last}") } else { format!("/{}/{last}", kept.join("/")) }
    })
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// A query string in any spelling, but of text only, which the crate needs.
fn query() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        3 => "[a-zA-Z0-9._~*:,+-]{0,8}",
        1 => "\\PC{0,4}".prop_map(|text| text.bytes().map(|b| format!("%{b:02x}")).collect()),
    ];
    let pair = (word.clone(), prop::option::of(word)).prop_filter_map("a name", |(name, value)| {
        let value = value.map(|v| format!("={v}")).unwrap_or_default();
        (!name.is_empty()).then(|| format!("{name}{value}"))
    });
    prop::collection::vec(pair, 0..6).prop_map(|pairs| pairs.join("&"))
}

fn request() -> impl Strategy<Value = Request> {
    let method = prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("DELETE"), Just("HEAD"), Just("PATCH")];
    let headers = prop::collection::btree_map("x-[b-y][a-z0-9-]{0,6}[a-z]", "[!-~]( {0,3}[!-~]{1,5}){0,3}", 0..5)
        .prop_filter("x-amzn-trace-id is not signed", |headers| !headers.keys().any(|k| k.starts_with("x-amzn")));
    (method, path(), query(), headers, any::<Vec<u8>>()).prop_map(|(method, path, query, headers, body)| {
        let request = Request::new(method, &path, &query).header("host", "example.amazonaws.com").body(body);
        headers.into_iter().fold(request, |request, (name, value)| request.header(&name, value))
    })
}

fn case() -> impl Strategy<Value = Case> {
    let token = prop::option::of("[A-Za-z0-9/+=]{1,40}");
    let expires = prop::option::of(1..=604_800_u32);
    (request(), token, any::<bool>(), expires, 1_000_000_000..4_000_000_000_i64)
        .prop_map(|(request, token, s3, expires, now)| Case { request, token, s3, expires, now: Timestamp(now) })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, rng_seed: RngSeed::Fixed(20_150_830), ..ProptestConfig::default() })]

    #[test]
    fn what_the_crate_signs_verifies_here(case in case()) {
        let signed = case.signed_by_the_crate();
        prop_assert_eq!(signed.check(case.now), Ok(()), "{:?}", signed);
    }

    /// The crate does not verify, but a signature is a function of the request: equal signatures are mutual verification.
    #[test]
    fn what_is_signed_here_is_what_the_crate_signs(case in case()) {
        let (ours, theirs) = (case.signed_here(), case.signed_by_the_crate());
        prop_assert_eq!(ours.check(case.now), Ok(()));
        if case.expires.is_some() {
            let signature = |r: &Request| r.query.split('&').find(|p| p.starts_with("X-Amz-Signature=")).map(str::to_owned);
            prop_assert_eq!(signature(&ours), signature(&theirs));
        } else {
            prop_assert_eq!(ours.value("authorization"), theirs.value("authorization"));
        }
    }

    /// A service that tells of a request signs and covers nothing else than the one that received it, whatever it knows of the body.
    #[test]
    fn what_is_told_of_a_request_is_the_request(case in case()) {
        let signed = case.signed_here();
        signed.parts(|parts| {
            let direct = SignedRequest::parse(parts).unwrap().unwrap();
            for content in [Content::Whole(parts.body), Content::Hashed(sha256(parts.body)), Content::Unread] {
                match SignedRequest::parse_told(parts, content) {
                    Ok(told) => {
                        let told = told.unwrap();
                        assert_eq!(told.string_to_sign(), direct.string_to_sign());
                        assert_eq!(told.coverage() == direct.coverage(), content != Content::Unread || !direct.payload_signed());
                    }
                    Err(refusal) => assert_eq!((refusal, content), (Refusal::BodyUnknown, Content::Unread)),
                }
            }
        });
    }

    #[test]
    fn no_bit_of_a_signed_request_can_be_flipped(case in case(), place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let signed = case.signed_here();
        let unsigned_body = case.s3 && case.expires.is_some();
        let mut bytes: Vec<(usize, usize)> = Vec::new();
        for (part, length) in [(0, signed.path.len()), (1, signed.query.len()), (2, signed.body.len() * usize::from(!unsigned_body))] {
            bytes.extend((0..length).map(|i| (part, i)));
        }
        for (number, (_, value)) in signed.headers.iter().enumerate() {
            bytes.extend((0..value.len()).map(|i| (3 + number, i)));
        }
        let (part, index) = *place.get(&bytes);
        let mut changed = signed.clone();
        let flip = |text: &mut String| {
            let mut bytes = std::mem::take(text).into_bytes();
            bytes[index] ^= 1 << bit;
            String::from_utf8(bytes).map(|flipped| *text = flipped).is_ok()
        };
        let text = match part {
            0 => flip(&mut changed.path),
            1 => flip(&mut changed.query),
            2 => { changed.body[index] ^= 1 << bit; true }
            header => { changed.headers[header - 3].1[index] ^= 1 << bit; true }
        };
        // A request line that is not UTF-8 never reaches this floor.
        prop_assume!(text);
        let canonical = |request: &Request| request.parts(|p| {
            SignedRequest::parse(p).ok().flatten().map(|r| (r.canonical_request().to_owned(), r.string_to_sign().to_owned()))
        });
        // Another spelling of the same request (an escape in lower case, `//`) is no change.
        let same = canonical(&changed) == canonical(&signed) && part != 2
            && changed.headers.iter().find(|(n, _)| n == "authorization") == signed.headers.iter().find(|(n, _)| n == "authorization")
            && signature_of(&changed.query) == signature_of(&signed.query);
        prop_assert_eq!(changed.check(case.now).is_ok(), same, "{:?}", changed);
        prop_assert!(part != 2 || !same);
    }

    #[test]
    fn nothing_that_is_received_panics(
        method in "\\PC{0,5}", path in "\\PC{0,20}", query in "(X-Amz-(Date|Credential|Signature|Expires|Algorithm|SignedHeaders)=[ -~]{0,8}&?){0,6}",
        headers in prop::collection::vec(("(host|authorization|x-amz-date|date|[a-z]{0,3})", any::<Vec<u8>>()), 0..6),
        rest in "(Credential=[ -~/]{0,9}|Signature=[0-9a-f]{0,4}|SignedHeaders=[a-z;]{0,9}|, ?){0,5}",
    ) {
        let mut request = Request::new(&method, &path, &query).header("Authorization", format!("AWS4-HMAC-SHA256 {rest}"));
        let _ = request.check(Timestamp(0));
        request.headers = headers;
        let _ = request.check(Timestamp(0));
    }
}

fn signature_of(query: &str) -> Option<&str> {
    query.split('&').find(|pair| pair.starts_with("X-Amz-Signature="))
}
