//! Signatures that AWS has published: the "AWS Signature Version 4 test suite", the IAM `ListUsers` example, and the examples
//! of the Amazon S3 API reference.

use super::*;

/// A request of the test suite with the signature that AWS gives for it.
fn suite(name: &str, request: Request, signed: &str, signature: &str) {
    let time = "20150830T123600Z";
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20150830/us-east-1/service/aws4_request, SignedHeaders={signed}, \
         Signature={signature}"
    );
    let request = request.header("Host", "example.amazonaws.com").header("X-Amz-Date", time);
    let received = request.clone().header("Authorization", &authorization);
    let seen = received.parts(|parts| {
        SignedRequest::parse(parts).map(|r| r.map(|r| r.canonical_request().to_owned()).unwrap_or_default())
    });
    assert_eq!(received.check(at(time)), Ok(()), "{name} verifies: {seen:?}");
    let token = request.headers.iter().find(|(n, _)| n == "X-Amz-Security-Token");
    let token = token.map(|(_, value)| String::from_utf8(value.clone()).unwrap());
    let ours = request.sign(&credentials(token.as_deref()), "service", at(time)).value("authorization");
    assert_eq!(ours, authorization, "{name} signs");
}

const PLAIN: &str = "host;x-amz-date";
const ONE: &str = "host;my-header1;x-amz-date";
const FORM: &str = "content-type;host;x-amz-date";
const VANILLA: &str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
const POST_VANILLA: &str = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
const UNRESERVED: &str = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[test]
fn suite_headers() {
    let get = || Request::new("GET", "/", "");
    suite(
        "get-header-key-duplicate",
        get().header("My-Header1", "value2").header("My-Header1", "value2").header("My-Header1", "value1"),
        ONE,
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    );
    suite(
        "get-header-value-multiline",
        get().header("My-Header1", "value1\n  value2\n     value3"),
        ONE,
        "ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790",
    );
    let order = ["value4", "value1", "value3", "value2"];
    suite(
        "get-header-value-order",
        order.iter().fold(get(), |request, value| request.header("My-Header1", value)),
        ONE,
        "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
    );
    suite(
        "get-header-value-trim",
        get().header("My-Header1", " value1").header("My-Header2", " \"a   b   c\""),
        "host;my-header1;my-header2;x-amz-date",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    );
    suite(
        "post-header-key-sort",
        Request::new("POST", "/", "").header("My-Header1", "value1"),
        ONE,
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    );
    suite(
        "post-header-value-case",
        Request::new("POST", "/", "").header("My-Header1", "VALUE1"),
        ONE,
        "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
    );
}

#[test]
fn suite_paths() {
    for (name, path, signature) in [
        ("get-vanilla", "/", VANILLA),
        ("get-relative", "/example/..", VANILLA),
        ("get-relative-relative", "/example1/example2/../..", VANILLA),
        ("get-slash", "//", VANILLA),
        ("get-slash-dot-slash", "/./", VANILLA),
        ("get-slash-pointless-dot", "/./example", "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"),
        ("get-slashes", "//example//", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"),
        ("get-space", "/example space/", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        ("get-utf8", "/ሴ", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    ] {
        suite(name, Request::new("GET", path, ""), PLAIN, signature);
    }
    let unreserved = "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f";
    suite("get-unreserved", Request::new("GET", &format!("/{UNRESERVED}"), ""), PLAIN, unreserved);
    suite("post-vanilla", Request::new("POST", "/", ""), PLAIN, POST_VANILLA);
}

#[test]
fn suite_queries() {
    let unreserved = format!("{UNRESERVED}={UNRESERVED}");
    for (name, method, query, signature) in [
        (
            "get-vanilla-empty-query-key",
            "GET",
            "Param1=value1",
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ),
        (
            "get-vanilla-query-order-key-case",
            "GET",
            "Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "get-vanilla-query-unreserved",
            "GET",
            &unreserved,
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
        ("get-vanilla-utf8-query", "GET", "ሴ=bar", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        (
            "post-vanilla-query",
            "POST",
            "Param1=value1",
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ),
        // A lone percent sign stands for itself.
        (
            "post-vanilla-query-nonunreserved",
            "POST",
            "@#$%^&%2B=/,?><`\";:\\|][{}",
            "66c82657c86e26fb25238d0e69f011edc4c6df5ae71119d7cb98ed9b87393c1e",
        ),
    ] {
        suite(name, Request::new(method, "/", query), PLAIN, signature);
    }
}

#[test]
fn suite_bodies_and_tokens() {
    let form = "application/x-www-form-urlencoded";
    suite(
        "post-x-www-form-urlencoded",
        Request::new("POST", "/", "").header("Content-Type", form).body("Param1=value1"),
        FORM,
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    );
    suite(
        "post-x-www-form-urlencoded-parameters",
        Request::new("POST", "/", "").header("Content-Type", format!("{form}; charset=utf8")).body("Param1=value1"),
        FORM,
        "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
    );
    let token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8\
                 YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8\
                 YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICC\
                 R/oLxBA==";
    suite(
        "post-sts-header-before",
        Request::new("POST", "/", "").header("X-Amz-Security-Token", token),
        "host;x-amz-date;x-amz-security-token",
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    );
}

#[test]
fn iam_list_users() {
    let signature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
    let request = Request::new("GET", "/", "Action=ListUsers&Version=2010-05-08")
        .header("Host", "iam.amazonaws.com")
        .header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
        .sign(&credentials(None), "iam", at("20150830T123600Z"));
    assert_eq!(
        request.value("authorization"),
        format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, Signature={signature}"
        )
    );
    request.parts(|parts| {
        let claim = SignedRequest::parse(parts).unwrap().unwrap();
        assert_eq!(
            claim.canonical_request(),
            "GET\n/\nAction=ListUsers&Version=2010-05-08\ncontent-type:application/x-www-form-urlencoded; charset=utf-8\n\
             host:iam.amazonaws.com\nx-amz-date:20150830T123600Z\n\ncontent-type;host;x-amz-date\n\
             e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            claim.string_to_sign(),
            "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n\
             f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
        );
        assert_eq!((claim.access_key_id(), claim.session_token(), claim.presigned()), (ACCESS_KEY, None, false));
    });
}

/// The examples of the S3 API reference use another secret, with a slash where [`SECRET`] has a plus sign.
fn s3_credentials() -> Credentials {
    Credentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: SecretText::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        session_token: None,
    }
}

#[test]
fn s3_examples() {
    let host = |request: Request| request.header("Host", "examplebucket.s3.amazonaws.com");
    let put = host(Request::new("PUT", "/test$file.text", ""))
        .header("Date", "Fri, 24 May 2013 00:00:00 GMT")
        .header("x-amz-storage-class", "REDUCED_REDUNDANCY")
        .body("Welcome to Amazon S3.");
    for (name, request, signature) in [
        (
            "get object",
            host(Request::new("GET", "/test.txt", "")).header("Range", "bytes=0-9"),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        ("put object", put, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
        (
            "get bucket lifecycle",
            host(Request::new("GET", "/", "lifecycle")),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "list objects",
            host(Request::new("GET", "/", "max-keys=2&prefix=J")),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ] {
        let signed = request.sign(&s3_credentials(), "s3", at("20130524T000000Z"));
        assert!(signed.value("authorization").ends_with(signature), "{name}: {}", signed.value("authorization"));
    }
}

#[test]
fn s3_presigned_example() {
    let signed = Request::new("GET", "/test.txt", "").header("Host", "examplebucket.s3.amazonaws.com").presign(
        &s3_credentials(),
        "s3",
        86_400,
        at("20130524T000000Z"),
    );
    assert_eq!(
        signed.query,
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}
