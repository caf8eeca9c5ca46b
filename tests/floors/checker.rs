//! The rules of the house.

use crate::source::{code, crate_paths, has_word};

/// Each floor's modules, the lowest first.
const FLOORS: [&[&str]; 9] = [
    &["types", "clock", "config", "telemetry"],
    &["policy", "sigv4", "crypto", "wire"],
    &["identity"],
    &["store", "audit", "usage"],
    &["session", "decision"],
    &["authn"],
    &["ops"],
    &["http", "client", "service", "sidecar"],
    &["server", "cli"],
];

/// Names that only one module may speak, as they stand in code.
const ONE_PLACE: [(&str, &str); 5] =
    [("ring", "crypto"), ("jsonwebtoken", "crypto"), ("argon2", "crypto"), ("rcgen", "crypto"), ("md5", "crypto")];

/// Where `rustls` is told which cryptography to use.
const TLS: [&str; 4] =
    ["src/http/tls.rs", "src/client/tls.rs", "src/authn/web_identity/tls.rs", "src/authn/web_identity/fetch_tests.rs"];

/// How the exception of [`TLS`] is written.
const PROVIDER: &str = "rustls::crypto::ring";

/// Modules that talk to a broker and never to its store.
const OUTSIDE: [&str; 3] = ["client", "service", "sidecar"];

const MOST_LINES: usize = 600;

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// What is wrong with a file, one sentence each. `path` is relative to the package, such as `src/store/key.rs`.
pub fn check(path: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        wrong.push(format!("{path}:1: {lines} lines; a file has at most {MOST_LINES}: find its second idea"));
    }
    let code = code(text);
    let module = path.strip_prefix("src/").unwrap_or(path).split('/').next().unwrap_or_default();
    let module = module.strip_suffix(".rs").unwrap_or(module);
    words(path, module, &code, &mut wrong);
    if matches!(module, "lib" | "main") {
        return wrong;
    }
    let Some(own) = floor(module) else {
        wrong.push(format!("{path}:1: `{module}` stands on no floor; give it one in tests/floors/checker.rs"));
        return wrong;
    };
    for (line, target) in crate_paths(&code) {
        match floor(&target) {
            None if target == module => {}
            None => wrong.push(format!("{path}:{line}: `crate::{target}` stands on no floor")),
            Some(other) if other > own => wrong.push(format!(
                "{path}:{line}: `{module}` on floor {own} uses `crate::{target}` on floor {other}; edges go down"
            )),
            Some(_) if OUTSIDE.contains(&module) && target == "store" => {
                wrong.push(format!("{path}:{line}: `{module}` talks to a broker and never sees its store"));
            }
            Some(_) => {}
        }
    }
    wrong
}

fn words(path: &str, module: &str, code: &str, wrong: &mut Vec<String>) {
    for (number, line) in code.lines().enumerate() {
        let number = number + 1;
        if has_word(line, "unsafe") {
            wrong.push(format!("{path}:{number}: `unsafe`"));
        }
        let line = if TLS.contains(&path) { line.replace(PROVIDER, "") } else { line.to_owned() };
        for (word, home) in ONE_PLACE {
            if module != home && names_crate(&line, word) {
                wrong.push(format!("{path}:{number}: only src/{home} may name `{word}`"));
            }
        }
    }
}

/// Whether a line speaks of a crate, not of something of our own that has its name.
fn names_crate(line: &str, word: &str) -> bool {
    let path = format!("{word}::");
    let own = |before: &str| before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let in_path = line.match_indices(&path).any(|(at, _)| !own(&line[..at]));
    let imported =
        line.trim_start().strip_prefix("use ").is_some_and(|rest| has_word(rest, word) && rest.starts_with(word));
    in_path || imported
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn an_edge_that_goes_up_is_named_with_its_line_and_why() {
        let wrong = check("src/policy/x.rs", "//! About crate::ops.\nuse crate::types::Arn;\nuse crate::store::Tx;\n");
        assert_eq!(wrong, ["src/policy/x.rs:3: `policy` on floor 1 uses `crate::store` on floor 3; edges go down"]);
        assert_eq!(check("src/types/x.rs", "fn f() { crate::crypto::hash::sha256(b\"\"); }").len(), 1);
        assert_eq!(check("src/ops/x.rs", "use crate::{store::Tx, http::Doors};").len(), 1);
    }

    #[test]
    fn edges_to_the_same_floor_and_down_are_right() {
        let text =
            "use crate::store::Tx;\nuse crate::identity::User;\nuse crate::audit::Trail;\nuse crate::clock::Clock;\n";
        assert_eq!(check("src/store/x.rs", text), Vec::<String>::new());
        assert_eq!(
            check("src/cli/x.rs", "use crate::server::Server; // unsafe ring:: in a comment"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_module_without_a_floor_is_noticed() {
        assert_eq!(check("src/magic/mod.rs", "").len(), 1);
        assert_eq!(check("src/store/x.rs", "use crate::magic::Wand;").len(), 1);
    }

    #[test]
    fn the_client_does_not_see_the_store() {
        assert_eq!(check("src/client/x.rs", "use crate::store::Tx;").len(), 1);
        assert_eq!(check("src/sidecar/x.rs", "use crate::{client::Broker, store};").len(), 1);
    }

    #[test]
    fn cryptography_is_named_in_one_place() {
        for text in [
            "use ring::digest;",
            "let x = ring::rand::SystemRandom::new();",
            "use rcgen::{Certificate};",
            "use jsonwebtoken as jwt;",
        ] {
            assert_eq!(check("src/session/x.rs", text).len(), 1, "{text}");
            assert_eq!(check("src/crypto/x.rs", text), Vec::<String>::new(), "{text}");
        }
        let ours = "let x = key_ring::open(ring); use super::test_ring::ring; fn ring() {}";
        assert_eq!(check("src/session/x.rs", ours), Vec::<String>::new());
        let tls = "let p = rustls::crypto::ring::default_provider();";
        assert_eq!(check("src/http/tls.rs", tls), Vec::<String>::new());
        assert_eq!(check("src/http/aws.rs", tls).len(), 1);
        assert_eq!(check("src/http/tls.rs", "use ring::aead;").len(), 1);
    }

    #[test]
    fn unsafe_and_long_files_are_noticed() {
        assert_eq!(check("src/store/x.rs", "fn f() { unsafe { g() } }").len(), 1);
        assert_eq!(check("src/lib.rs", "#![forbid(unsafe_code)]"), Vec::<String>::new());
        assert_eq!(check("src/store/x.rs", &"\n".repeat(601)).len(), 1);
        assert_eq!(check("src/store/x.rs", &"\n".repeat(600)), Vec::<String>::new());
    }
}
