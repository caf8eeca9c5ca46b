//! The nearest right name to a wrong one.

use strsim::damerau_levenshtein;

use super::KEYS;
use super::environment::{OTHERS, PREFIX};

/// The key that `section.name` was likely meant to be. The section may be empty, or the wrong one.
pub(super) fn key(section: &str, name: &str) -> Option<String> {
    let wrong = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
    let distance = |key: &super::Key| {
        let elsewhere = damerau_levenshtein(key.name(), name) + usize::from(!section.is_empty());
        damerau_levenshtein(&key.path(), &wrong).min(elsewhere)
    };
    nearest(KEYS.iter().map(|key| (key.path(), distance(key))), name.len())
}

pub(super) fn section(wrong: &str) -> Option<String> {
    nearest(KEYS.iter().map(|key| (key.section().to_owned(), damerau_levenshtein(key.section(), wrong))), wrong.len())
}

pub(super) fn variable(wrong: &str) -> Option<String> {
    nearest(KEYS.iter().map(|key| (key.variable(), damerau_levenshtein(&key.variable(), wrong))), wrong.len())
}

/// The variable of the setting whose name this is, without its section: `LISTEN`, as flags are called, or `MASTER_KEY_FILE`. A single word
/// that is no flag, such as `REGION`, may well be another program's.
pub(super) fn without_section(words: &str) -> Option<String> {
    let meant =
        |key: &&super::Key| key.name().eq_ignore_ascii_case(words) && (key.has_flag() || key.name().contains('_'));
    KEYS.iter().find(meant).map(super::Key::variable)
}

/// The variable, be it a setting's or another, whose name after the prefix was likely meant to be this.
pub(super) fn any_variable(words: &str) -> Option<String> {
    let all = KEYS.iter().map(super::Key::variable).chain(OTHERS.map(str::to_owned));
    let distance = |name: &str| damerau_levenshtein(name.strip_prefix(PREFIX).unwrap_or(name), words);
    nearest(all.map(|name| (name.clone(), distance(&name))), words.len())
}

/// The one of these names that `wrong` was likely meant to be.
pub(crate) fn among<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(names.map(|name| (name.to_owned(), damerau_levenshtein(name, wrong))), wrong.len())
}

/// The nearest, unless even that is so far off that naming it would mislead.
fn nearest(names: impl Iterator<Item = (String, usize)>, length: usize) -> Option<String> {
    let (name, distance) = names.min_by_key(|(_, distance)| *distance)?;
    (distance <= (length / 3).clamp(1, 4)).then_some(name)
}

#[cfg(test)]
mod tests {
    #[test]
    fn slips_are_understood_and_nonsense_is_not() {
        for (section, name, right) in [
            ("server", "lisen", Some("server.listen")),
            ("sever", "listen", Some("server.listen")),
            ("", "listen", Some("server.listen")),
            ("server", "data_dir", Some("store.data_dir")),
            ("store", "data-dir", Some("store.data_dir")),
            ("server", "tls_cert", None),
            ("server", "colour", None),
            ("log", "levle", Some("log.level")),
        ] {
            assert_eq!(super::key(section, name).as_deref(), right, "{section}.{name}");
        }
        assert_eq!(super::section("session").as_deref(), Some("sessions"));
        assert_eq!(super::section("logging"), None);
        assert_eq!(super::variable("BREVET_SERVER_LISEN").as_deref(), Some("BREVET_SERVER_LISTEN"));
    }
}
