//! Whole requests that no client would send: names, versions, bytes.

use brevet::wire::model::Operation;

use super::cases::{Case, body};
use super::expect::Expected;
use super::sample::Sampler;

/// What cannot be read as a form, or not as a tree.
pub const MALFORMED: Expected = Expected::Refused("MalformedQueryString", 404);

/// The forged requests of one operation.
pub fn forge(version: &str, operation: &Operation, sampler: &mut Sampler, made: &mut Vec<Case>) {
    let name = operation.name.as_str();
    let request = sampler.request(operation, false).pairs();
    let good = body(version, name, &request);
    let mut add = |kind, what: &str, body: Vec<u8>, expected| {
        made.push(Case { kind, what: what.to_owned(), body, expected, secrets: Vec::new() });
    };
    let with = |more: &[u8]| [good.as_slice(), b"&", more].concat();

    // Members that the operation does not have are ignored, whatever they look like.
    for more in
        ["Nonsense=1", "Nonsense.member.1.Key=a&Nonsense.member.1.Value=b", "username=x", "%E6%9D%B1=%00", "Nonsense"]
    {
        add("unknown", more, with(more.as_bytes()), Expected::Inside);
    }
    add("unknown", "empty segments", [b"&&", good.as_slice(), b"&&"].concat(), Expected::Inside);

    for (what, more) in [
        ("a member twice", request.first().map_or_else(|| "Action=x".to_owned(), |(name, _)| format!("{name}=x"))),
        ("the same unknown one twice", "Nonsense=1&Nonsense=1".to_owned()),
        ("the action twice", format!("%41ction={name}")),
        ("the version twice", format!("Version={version}")),
    ] {
        add("duplicate", what, with(more.as_bytes()), MALFORMED);
    }

    let long = "n".repeat(brevet::wire::form::MAX_NAME);
    add("name", "as long as may be", with(long.as_bytes()), Expected::Inside);
    add("name", "too long", with(format!("{long}n").as_bytes()), MALFORMED);
    add("name", "as deep as may be", with(b"N.b.c.d.e.f.g.h=1"), Expected::Inside);
    for more in [
        "N.b.c.d.e.f.g.h.i=1",
        &format!("N{}=1", ".a".repeat(250)),
        "N..b=1",
        ".N=1",
        "N.=1",
        "N=1&N.b=2",
        "N.b=2&N=1",
        "=1",
    ] {
        add("name", more, with(more.as_bytes()), MALFORMED);
    }
    let many = |count: usize| (0..count).map(|at| format!("N{at}=")).collect::<Vec<_>>().join("&");
    add("many", "too many parameters", with(many(brevet::wire::form::MAX_PARAMETERS).as_bytes()), MALFORMED);

    for bytes in
        [&b"N=%FF"[..], b"%C3=1", b"N=\xff", b"N=%", b"N=%4", b"N=%zz", b"N=%u0041", b"N=%C0%80", b"N=%ED%A0%80"]
    {
        add("bytes", &String::from_utf8_lossy(bytes), with(bytes), MALFORMED);
    }

    let unknown = Expected::Refused("InvalidAction", 400);
    for version in ["1999-01-01", "2010-05-08 ", "latest", "\u{0}"] {
        add("version", version, body(version, name, &request), unknown.clone());
    }
    add("version", "none", good.replace(&format!("&Version={version}")), Expected::Refused("MissingParameter", 400));
    for action in
        [name.to_lowercase(), format!("{name} "), format!("{name}\0"), format!("iam:{name}"), "A".repeat(10_000)]
    {
        let what: String = action.chars().take(60).collect();
        add("action", &what, body(version, &action, &request), unknown.clone());
    }
    add("action", "none", good.replace(&format!("Action={name}&")), Expected::Refused("MissingAction", 400));
}

trait Replace {
    fn replace(&self, part: &str) -> Vec<u8>;
}

impl Replace for Vec<u8> {
    fn replace(&self, part: &str) -> Vec<u8> {
        String::from_utf8(self.clone()).unwrap().replacen(part, "", 1).into_bytes()
    }
}
