//! What an attacker who sees or relays requests tries. Each test names one attempt; most begin with a good request, so that it
//! is the attempt that is refused and nothing else.

use super::*;

const NOW: &str = "20261124T024141Z";
const AS_IT_STANDS: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/us-east-1/iam/aws4_request, \
     SignedHeaders=host;x-amz-date, Signature=1b9df4ecda99aec8beb9a90103391e8bc53fafd5976c13a7d2bea5aff81aa83e";

fn post() -> Request {
    Request::new("POST", "/", "")
        .header("Host", "sts.example.com")
        .header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
        .body("Action=GetCallerIdentity&Version=2011-06-15")
}

fn signed() -> Request {
    let request = post().sign(&credentials(None), "sts", at(NOW));
    assert_eq!(request.check(at(NOW)), Ok(()), "the request is good before the attack");
    request
}

fn presigned() -> Request {
    let get = Request::new("GET", "/", "Action=GetCallerIdentity&Version=2011-06-15").header("Host", "sts.example.com");
    let request = get.presign(&credentials(Some("the/token+=")), "sts", 60, at(NOW));
    assert_eq!(request.check(at(NOW)), Ok(()), "the request is good before the attack");
    request
}

/// Signs a request with a list of signed headers, a scope and a time of the attacker's choice: what a careless client, or one
/// who knows the secret, could send.
fn signed_as(request: Request, edit: impl Fn(&str) -> String) -> Request {
    let authorization = edit(&request.value("authorization"));
    request.with("authorization", authorization)
}

fn not_matching(request: &Request) {
    assert_eq!(request.check(at(NOW)), Err(Refusal::SignatureDoesNotMatch));
}

#[test]
fn a_request_without_signature_is_anonymous() {
    post().parts(|parts| assert!(SignedRequest::parse(parts).unwrap().is_none()));
    // Parameters that only begin alike do not make a signature.
    let query = Request::new("GET", "/", "X-Amz-Security-Token=t&X-Amz-Date=1");
    query.parts(|parts| assert!(SignedRequest::parse(parts).unwrap().is_none()));
}

#[test]
fn another_secret() {
    let mut other = credentials(None);
    other.secret_access_key = SecretText::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEX");
    not_matching(&post().sign(&other, "sts", at(NOW)));
}

#[test]
fn exchanged_body() {
    not_matching(&signed().body("Action=GetCallerIdentity&Version=2011-06-15&x"));
}

#[test]
fn exchanged_body_behind_a_declared_hash() {
    let request = post().sign(&credentials(None), "s3", at(NOW));
    assert_eq!(request.check(at(NOW)), Ok(()));
    assert_eq!(request.body("another").check(at(NOW)), Err(Refusal::PayloadHash));
}

#[test]
fn payload_declared_unsigned_on_the_way() {
    not_matching(&signed().header("x-amz-content-sha256", "UNSIGNED-PAYLOAD").body("Action=DeleteUser"));
}

#[test]
fn unsigned_payload_is_told() {
    let request = post().header("x-amz-content-sha256", "UNSIGNED-PAYLOAD").sign(&credentials(None), "sts", at(NOW));
    assert_eq!(request.clone().body("anything").check(at(NOW)), Ok(()));
    request.parts(|parts| assert!(!SignedRequest::parse(parts).unwrap().unwrap().payload_signed()));
    signed().parts(|parts| assert!(SignedRequest::parse(parts).unwrap().unwrap().payload_signed()));
}

#[test]
fn streaming_and_unknown_payloads() {
    for (value, refusal) in [
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", Refusal::StreamingPayload),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", Refusal::StreamingPayload),
        ("unsigned-payload", Refusal::PayloadHashFormat),
        ("", Refusal::PayloadHashFormat),
    ] {
        let request = post().header("x-amz-content-sha256", value).sign(&credentials(None), "s3", at(NOW));
        assert_eq!(request.check(at(NOW)), Err(refusal), "{value}");
    }
}

#[test]
fn presigned_get_with_a_body_smuggled_in() {
    not_matching(&presigned().body("Action=AssumeRole"));
}

#[test]
fn changed_method_path_query_host() {
    let change = |edit: fn(&mut Request)| {
        let mut request = signed();
        edit(&mut request);
        not_matching(&request);
    };
    change(|r| r.method = "PUT".to_owned());
    change(|r| r.method = "post".to_owned());
    change(|r| r.path = "/x".to_owned());
    change(|r| r.query = "Action=DeleteUser".to_owned());
    not_matching(&signed().with("host", "sts.elsewhere.com"));
    not_matching(&signed().with("content-type", "application/json"));
}

#[test]
fn method_that_carries_a_path() {
    let mut request = signed();
    request.method = "POST\n/".to_owned();
    assert_eq!(request.check(at(NOW)), Err(Refusal::Method));
}

#[test]
fn session_token_added_unsigned() {
    let refused = Err(Refusal::HeaderNotSigned("x-amz-security-token".to_owned()));
    assert_eq!(signed().header("X-Amz-Security-Token", "stolen").check(at(NOW)), refused);
}

#[test]
fn session_token_added_to_a_presigned_request() {
    let mut request = Request::new("GET", "/", "").header("Host", "h").presign(&credentials(None), "sts", 60, at(NOW));
    request.query += "&X-Amz-Security-Token=stolen";
    not_matching(&request);
}

#[test]
fn session_token_exchanged_or_dropped() {
    let request = post().sign(&credentials(Some("mine")), "sts", at(NOW));
    assert_eq!(request.check(at(NOW)), Ok(()));
    request.parts(|p| assert_eq!(SignedRequest::parse(p).unwrap().unwrap().session_token(), Some("mine")));
    not_matching(&request.clone().with("x-amz-security-token", "yours"));
    let absent = Err(Refusal::SignedHeaderAbsent("x-amz-security-token".to_owned()));
    assert_eq!(request.without("x-amz-security-token").check(at(NOW)), absent);
}

#[test]
fn session_token_both_in_header_and_query() {
    assert_eq!(presigned().header("x-amz-security-token", "t").check(at(NOW)), Err(Refusal::TwoSignatures));
    let mut request = signed();
    request.query = "X-Amz-Security-Token=t".to_owned();
    assert_eq!(request.check(at(NOW)), Err(Refusal::TwoSignatures));
}

#[test]
fn presigned_token_reads_back() {
    presigned().parts(|parts| {
        let claim = SignedRequest::parse(parts).unwrap().unwrap();
        assert_eq!((claim.session_token(), claim.presigned()), (Some("the/token+="), true));
        assert!(!format!("{claim:?}").contains("the/token"), "a token does not print");
    });
}

#[test]
fn any_other_amz_header_added_unsigned() {
    let refused = Err(Refusal::HeaderNotSigned("x-amz-target".to_owned()));
    assert_eq!(signed().header("X-Amz-Target", "Other.Operation").check(at(NOW)), refused);
    // What a content delivery network adds, and what no service acts on, does no harm.
    assert_eq!(signed().header("X-Amz-Cf-Id", "1").header("accept", "*/*").check(at(NOW)), Ok(()));
}

#[test]
fn date_left_unsigned() {
    let request = signed_as(signed(), |a| a.replace(";x-amz-date", ""));
    assert_eq!(request.check(at(NOW)), Err(Refusal::HeaderNotSigned("x-amz-date".to_owned())));
}

#[test]
fn host_left_unsigned() {
    let request = signed_as(signed(), |a| a.replace("host;", ""));
    assert_eq!(request.check(at(NOW)), Err(Refusal::HostNotSigned));
}

#[test]
fn list_of_signed_headers_that_is_not_canonical() {
    for list in ["host;content-type;x-amz-date", "Content-Type;host;x-amz-date", "content-type;host;host;x-amz-date"] {
        let request = signed_as(signed(), |a| a.replace("content-type;host;x-amz-date", list));
        assert_eq!(request.check(at(NOW)), Err(Refusal::SignedHeadersOrder), "{list}");
    }
}

#[test]
fn signed_header_repeated_on_the_way() {
    not_matching(&signed().header("content-type", "text/plain"));
    assert_eq!(signed().header("HOST", "evil").check(at(NOW)), Err(Refusal::RepeatedHeader("host")));
    assert_eq!(signed().header("X-Amz-Date", NOW).check(at(NOW)), Err(Refusal::RepeatedHeader("x-amz-date")));
}

#[test]
fn header_smuggled_into_another_value() {
    let request = post().header("accept", "*/*").sign(&credentials(None), "sts", at(NOW));
    assert_eq!(request.check(at(NOW)), Ok(()));
    // "accept" and "content-type" stand next to each other in the canonical request.
    let smuggled = "*/*\ncontent-type:application/x-www-form-urlencoded; charset=utf-8";
    let refused = request.without("content-type").with("accept", smuggled).check(at(NOW));
    assert_eq!(refused, Err(Refusal::NotText("accept".to_owned())));
}

#[test]
fn signed_header_that_is_no_text() {
    assert_eq!(signed().with("content-type", b"\xff").check(at(NOW)), Err(Refusal::NotText("content-type".to_owned())));
    assert_eq!(signed().header("accept", b"\xff").check(at(NOW)), Ok(()), "nobody signed it");
    let refused = signed().with("authorization", b"AWS4-HMAC-SHA256 \xff").check(at(NOW));
    assert_eq!(refused, Err(Refusal::NotText("Authorization".to_owned())));
}

#[test]
fn two_authorization_headers() {
    let request = signed();
    let first = request.value("authorization");
    assert_eq!(request.header("Authorization", first).check(at(NOW)), Err(Refusal::RepeatedHeader("authorization")));
}

#[test]
fn signature_in_header_and_query() {
    let mut request = signed();
    request.query = presigned().query;
    assert_eq!(request.check(at(NOW)), Err(Refusal::TwoSignatures));
    let bearer = presigned().header("authorization", "Bearer x");
    assert_eq!(bearer.check(at(NOW)), Err(Refusal::TwoSignatures));
}

#[test]
fn duplicated_signature_parameters() {
    for name in ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature", "Security-Token"] {
        for spelling in [format!("X-Amz-{name}"), format!("X%2dAmz-{name}")] {
            let mut request = presigned();
            request.query = format!("{spelling}=x&{}", request.query);
            let refusal = request.check(at(NOW));
            assert!(matches!(refusal, Err(Refusal::RepeatedParameter(_))), "{spelling}: {refusal:?}");
        }
    }
}

#[test]
fn missing_signature_parameters() {
    for name in ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"] {
        let mut request = presigned();
        let kept: Vec<&str> = request.query.split('&').filter(|p| !p.starts_with(&format!("{name}="))).collect();
        request.query = kept.join("&");
        assert_eq!(request.check(at(NOW)), Err(Refusal::MissingQueryParameters(vec![name])));
    }
}

#[test]
fn parameter_added_to_a_presigned_request() {
    let mut request = presigned();
    request.query += "&RoleArn=x";
    not_matching(&request);
    // Another order and another spelling of the same parameters are the same request.
    let mut request = presigned();
    let mut pairs: Vec<&str> = request.query.split('&').collect();
    pairs.reverse();
    request.query = pairs.join("&").replace("%2F", "/").replace("Action", "%41ction");
    assert_eq!(request.check(at(NOW)), Ok(()));
}

#[test]
fn plus_sign_written_for_its_escape() {
    let sign =
        |query: &str| Request::new("GET", "/", query).header("Host", "h").sign(&credentials(None), "iam", at(NOW));
    let mut request = sign("UserName=a%2Bb");
    request.query = "UserName=a+b".to_owned();
    not_matching(&request);
    // A space has two spellings, and both are decoded to the same name.
    let mut request = sign("UserName=a%20b");
    request.query = "UserName=a+b".to_owned();
    assert_eq!(request.check(at(NOW)), Ok(()));
}

/// botocore signs the query string of a URL as it stands: this signature is its own.
#[test]
fn plus_sign_signed_as_it_stands() {
    let mut request = Request::new("GET", "/", "UserName=a+b")
        .header("Host", "example.com")
        .header("X-Amz-Date", NOW)
        .header("Authorization", AS_IT_STANDS);
    assert_eq!(request.check(at(NOW)), Ok(()));
    for query in ["UserName=a%20b", "UserName=a%2Bb", "UserName=a+b+"] {
        request.query = query.to_owned();
        not_matching(&request);
    }
}

#[test]
fn expired_and_future_signatures() {
    let request = signed();
    let moved = |seconds| request.check(at(NOW).plus(seconds));
    assert_eq!(moved(900), Ok(()));
    assert_eq!(moved(-900), Ok(()));
    let late = moved(901).unwrap_err();
    assert_eq!(
        late.to_string(),
        "Signature expired: 20261124T024141Z is now earlier than 20261124T024142Z (20261124T025642Z - 15 min.)"
    );
    let early = moved(-901).unwrap_err();
    assert_eq!(
        early.to_string(),
        "Signature not yet current: 20261124T024141Z is still later than 20261124T024140Z (20261124T022640Z + 15 min.)"
    );
}

#[test]
fn expired_and_future_presigned_requests() {
    let request = presigned();
    let moved = |seconds| request.check(at(NOW).plus(seconds));
    assert_eq!(moved(60), Ok(()));
    assert!(matches!(moved(61), Err(Refusal::PresignedExpired { .. })));
    assert_eq!(moved(-900), Ok(()));
    assert!(matches!(moved(-901), Err(Refusal::NotYetCurrent { .. })));
}

#[test]
fn life_of_a_presigned_request_prolonged() {
    let mut request = presigned();
    request.query = request.query.replace("Expires=60", "Expires=604800");
    not_matching(&request);
    for expires in ["0", "604801", "-1", "", "1e3", "99999999999999999999", "60.0"] {
        let mut request = presigned();
        request.query = request.query.replace("Expires=60", &format!("Expires={expires}"));
        assert_eq!(request.check(at(NOW)), Err(Refusal::Expires), "{expires}");
    }
    let mut request = presigned();
    request.query = request.query.replace("&X-Amz-Expires=60", "");
    not_matching(&request);
}

/// aws-sdk-go-v2 presigns `GetCallerIdentity` without `X-Amz-Expires`; such a request has the life of a signed header.
#[test]
fn presigned_without_expires_lives_as_long_as_a_header() {
    let query = "Action=GetCallerIdentity&X-Amz-Algorithm=AWS4-HMAC-SHA256\
                 &X-Amz-Credential=AKIDEXAMPLE%2F20261124%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20261124T024141Z\
                 &X-Amz-SignedHeaders=host";
    let mut request = Request::new("GET", "/", &format!("{query}&X-Amz-Signature=0")).header("Host", "h");
    let checked = |request: &Request, seconds| {
        request.parts(|p| SignedRequest::parse(p).unwrap().unwrap().check_time(at(NOW).plus(seconds)))
    };
    assert_eq!(checked(&request, 900), Ok(()));
    assert!(matches!(checked(&request, 901), Err(Refusal::Expired { .. })));
    not_matching(&request);
    request.query = request.query.replace("Signature=0", "Signature=");
    assert_eq!(request.check(at(NOW)), Err(Refusal::MissingQueryParameters(vec!["X-Amz-Signature"])));
}

#[test]
fn scope_of_another_day() {
    let request = signed_as(signed(), |a| a.replace("/20261124/", "/20261123/"));
    assert_eq!(
        request.check(at(NOW)).unwrap_err().to_string(),
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261123' != '20261124', \
         from '20261124T024141Z'."
    );
}

#[test]
fn scope_of_another_region_service_or_end() {
    not_matching(&signed_as(signed(), |a| a.replace("us-east-1", "eu-west-1")));
    not_matching(&signed_as(signed(), |a| a.replace("/sts/", "/iam/")));
    let request = signed_as(signed(), |a| a.replace("aws4_request", "aws4_reqvest"));
    assert_eq!(request.check(at(NOW)), Err(Refusal::Terminator("aws4_reqvest".to_owned())));
    signed().parts(|parts| {
        let claim = SignedRequest::parse(parts).unwrap().unwrap();
        assert_eq!(claim.check_service("sts"), Ok(()));
        assert_eq!(claim.check_service("iam"), Err(Refusal::Service(Some("iam".to_owned()))));
        assert_eq!(claim.check_region("us-east-1"), Ok(()));
        assert_eq!(claim.check_region("eu-west-1"), Err(Refusal::Region(Some("eu-west-1".to_owned()))));
    });
}

#[test]
fn date_that_is_none() {
    let bad = signed().with("x-amz-date", "2026-11-24T02:41:41Z").check(at(NOW));
    assert_eq!(bad, Err(Refusal::DateFormat("2026-11-24T02:41:41Z".to_owned())));
    assert_eq!(signed().without("x-amz-date").check(at(NOW)), Err(Refusal::MissingDate));
}

#[test]
fn other_algorithms_and_schemes() {
    for algorithm in ["AWS4-ECDSA-P256-SHA256", "AWS4-HMAC-SHA1"] {
        let request = signed_as(signed(), |a| a.replace("AWS4-HMAC-SHA256", algorithm));
        assert_eq!(request.check(at(NOW)), Err(Refusal::UnsupportedAlgorithm(algorithm.to_owned())));
        let mut request = presigned();
        request.query = request.query.replace("AWS4-HMAC-SHA256", algorithm);
        assert_eq!(request.check(at(NOW)), Err(Refusal::UnsupportedAlgorithm(algorithm.to_owned())));
    }
    for value in ["Bearer eyJsecret", "Basic dTpw", "eyJsecret", ""] {
        let refusal = post().header("authorization", value).check(at(NOW)).unwrap_err();
        assert_eq!(refusal, Refusal::UnsupportedScheme, "{value}");
        assert!(!refusal.to_string().contains("eyJsecret"));
    }
}

#[test]
fn signature_cut_or_respelt() {
    let request = signed();
    let authorization = request.value("authorization");
    let (head, signature) = authorization.split_at(authorization.len() - 64);
    for other in ["", &signature[..63], &signature.to_uppercase(), &format!("{signature}0"), &"0".repeat(64)] {
        not_matching(&request.clone().with("authorization", format!("{head}{other}")));
    }
}

#[test]
fn sizes_are_bounded() {
    let long = signed_as(signed(), |a| format!("{a}{}", " ".repeat(8_192)));
    assert_eq!(long.check(at(NOW)), Err(Refusal::TooLong("Authorization")));
    let many: Vec<String> = (0..101).map(|n| format!("a{n:03}")).collect();
    let listed = signed_as(signed(), |a| a.replace("content-type;", &format!("{};", many.join(";"))));
    assert_eq!(listed.check(at(NOW)), Err(Refusal::TooManySignedHeaders));
    let token = post().sign(&credentials(Some(&"t".repeat(16_385))), "sts", at(NOW));
    assert_eq!(token.check(at(NOW)), Err(Refusal::TooLong("X-Amz-Security-Token")));
    let token = post().sign(&credentials(Some(&"/".repeat(16_384))), "sts", at(NOW));
    assert_eq!(token.check(at(NOW)), Ok(()));
    let get = Request::new("GET", "/", "").header("Host", "h");
    assert_eq!(get.presign(&credentials(Some(&"/".repeat(16_384))), "sts", 60, at(NOW)).check(at(NOW)), Ok(()));
    let query = "a=1&".repeat(1_001);
    let crowded = Request::new("GET", "/", &query).header("Host", "h").sign(&credentials(None), "sts", at(NOW));
    assert_eq!(crowded.check(at(NOW)), Err(Refusal::TooManyQueryParameters));
}
