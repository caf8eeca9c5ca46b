//! The table of condition keys beside what is made from it, and beside the code that fills keys in.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use brevet::policy::{KnownKey, Source};

const PAGE: &str = "docs/condition-keys.md";
/// Set, it makes the test write the page instead of comparing it.
const BLESS: &str = "BREVET_BLESS";

#[test]
fn the_page_of_the_keys_is_the_table() {
    let path = tree().join(PAGE);
    let expected = page();
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, expected).unwrap();
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differing = expected.lines().zip(found.lines()).find(|(expected, found)| expected != found);
    assert!(
        expected == found,
        "{PAGE} is not what the table says; `{BLESS}=1 cargo test --test policy` writes it anew. It differs at {differing:?}"
    );
}

/// Every text that an operation gives to a context as a name, against the table: neither says more than the other. What the
/// broker knows by itself is held to the table where it is looked up, in `src/decision/keys.rs`.
#[test]
fn keys_are_filled_in_where_the_table_says() {
    let keys = keys_set_in("src/ops");
    assert!(keys.len() > 8, "{keys:?}");
    for (name, place) in &keys {
        let known = KnownKey::find(name).unwrap_or_else(|| panic!("{place}: {name} is not in the table"));
        assert_eq!(known.name, name, "{place}: AWS writes it differently");
        assert!(
            [Source::Operation, Source::Asker].contains(&known.source),
            "{place}: the table has {name} as {:?}",
            known.source
        );
    }
    for known in KnownKey::all().iter().filter(|known| known.source == Source::Operation) {
        assert!(keys.contains_key(known.name), "{known}: the table says that an operation puts it in, and none does");
    }
}

fn tree() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    for (source, title, introduction) in SECTIONS {
        write!(page, "\n## {title}\n\n{introduction}\n\n| key | type | holds | present |\n|---|---|---|---|\n")
            .unwrap();
        for key in KnownKey::all().iter().filter(|key| key.source == source) {
            let list = if key.multivalued { "list of " } else { "" };
            writeln!(page, "| `{key}` | {list}{} | {} | {} |", key.kind, key.holds, key.present).unwrap();
        }
    }
    page + END
}

const INTRODUCTION: &str = "\
# Condition keys

Every condition key that AWS documents under `aws:`, `iam:` and `sts:`, those of brevet's own, and where brevet has their values from. How conditions are
written is told by [the policy language](policy.md#conditions). Names are the same in any case; `KEY` stands for the key of a
tag, or what else a family of keys leaves open. A key whose type is a list may have several values in one request: test it with
`ForAnyValue:` or `ForAllValues:`.

This page is made from `src/policy/key_table.rs`; a test compares them.
";

const SECTIONS: [(Source, &str, &str); 5] = [
    (
        Source::Broker,
        "Keys that the broker knows by itself",
        "The broker fills them in for requests to itself and for questions of services alike. Nobody can claim them.",
    ),
    (
        Source::Asker,
        "Keys about the request and its resource",
        "\
For requests to the broker itself, the broker fills in what the last column says. In a question at the
[AuthZEN door](policy.md#questions-at-the-authzen-door) they are about the request that the asking service has received: each is
present if the service gives it, and absent otherwise. The asker's own address is never taken for the subject's.",
    ),
    (
        Source::Property,
        "Keys for properties of what services ask about",
        "\
Questions carry properties of their subject, action and resource ([AuthZEN](doors.md#authzen-at-accessv1evaluation)). What the question
does not carry is taken from what is stored; what it says goes before that, because the service knows the present state. Policies that
want only what the broker knows read `aws:PrincipalTag/KEY` and, of stored resources, `aws:ResourceTag/KEY`.",
    ),
    (
        Source::Operation,
        "Keys that operations of IAM and STS put in",
        "They are in decisions about requests to the broker only. Operations also put in `aws:RequestTag/KEY`, `aws:TagKeys` and\n\
         `aws:ResourceTag/KEY`, which stand above.",
    ),
    (
        Source::Nobody,
        "Keys that brevet does not fill in",
        "\
AWS has them, in the cases of the last column. In brevet they are always absent, and an asker cannot claim them. What that means
for a condition is told [there](policy.md#which-condition-keys-there-are).",
    ),
];

const END: &str = "
## Claims of identity providers

Each claim of an OpenID Connect token is a key, `host/path:claim`: `token.actions.githubusercontent.com:job_workflow_ref`. They are there
when a role's trust policy is asked for `AssumeRoleWithWebIdentity`; `aud`, `sub` and `amr` are there in the role's sessions as well.
[Identity providers](identity-providers.md#claims-as-condition-keys) has the rules. Nobody can claim such a key: none that begins
with a name in which there is a `.` or a `/`, none that begins with `saml:`, and no `aud`, `oaud`, `sub` or `amr` of anything.

## Other keys

Services bring keys of their own when they ask (`reports:Quarter`). A name that begins with `aws:`, `brevet:`, `iam:` or `sts:` and is
not on this page is no key: policies may have it, as in AWS, and no request ever does.
";

/// The names of keys that the files below a folder set, each with a place where one does.
fn keys_set_in(folder: &str) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    for path in rust_files(&tree().join(folder)) {
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for opening in ["set(", ".with(", ".with_some(", ".with_tags(", "format!("] {
            for rest in code.split(opening).skip(1) {
                let name = rest.trim_start().strip_prefix('"').and_then(|text| text.split('"').next());
                let Some(name) = name.filter(|name| KnownKey::is_reserved(name)) else { continue };
                let name = match (opening, name.split_once('/')) {
                    (".with_tags(", None) => format!("{name}/"),
                    (_, Some((family, _))) => format!("{family}/"),
                    (_, None) => name.to_owned(),
                };
                keys.insert(name, path.display().to_string());
            }
        }
    }
    keys
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
