//! The parameters in the database's URL: those that its driver (sqlx-postgres 0.9, `options/parse.rs`) reads. It passes over others with
//! a line in the log that shows their values, and connects: where `sslmode` is misspelt, to whoever answers.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;

use super::{Fault, suggest};

/// By every name that the driver knows.
const NAMES: [&str; 19] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    OPTION,
];
/// How a setting of the session begins: `options[search_path]`.
const OPTION: &str = "options[";
const MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// Whether the driver reads every one of them, and as what it must be.
///
/// # Errors
/// The first that it does not; by its name, and without its value.
pub(super) fn check(query: &str) -> Result<(), Fault> {
    let mut password = false;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name), decoded(value));
        let own = NAMES.into_iter().find(|own| match *own {
            OPTION => name.starts_with(OPTION) && name.ends_with(']'),
            own => own == name,
        });
        let Some(own) = own else {
            // What follows a password, or is nobody's name, may be a part of a password.
            let is_name = !password && pair.contains('=');
            let nearest = suggest::among(&name, NAMES.into_iter().filter(|own| *own != OPTION));
            return Err(Fault::unknown_parameter(is_name.then_some(name.as_str()), nearest.filter(|_| is_name)));
        };
        password |= own == "password";
        let must_be = match own {
            "sslmode" | "ssl-mode" if !MODES.contains(&value.to_ascii_lowercase().as_str()) => {
                "disable, allow, prefer, require, verify-ca or verify-full"
            }
            "port" if value.parse::<u16>().map_or(true, |port| port == 0) => "from 1 to 65535",
            "hostaddr" if value.parse::<IpAddr>().is_err() => "an address",
            "statement-cache-capacity" if value.parse::<usize>().is_err() => "a whole number",
            _ => continue,
        };
        return Err(Fault::WrongParameter { name: own, expected: must_be });
    }
    Ok(())
}

/// As in a form: percent-encoded, with `+` for spaces.
fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(query: &str) -> String {
        check(query).map_or_else(|fault| fault.to_string(), |()| String::new())
    }

    #[test]
    fn what_the_driver_reads_is_right() {
        for right in [
            "",
            "sslmode=verify-full",
            "ssl-mode=VERIFY-CA&sslrootcert=%2Fetc%2Fca.pem&sslcert=c&sslkey=k",
            "sslmode=verify%2Dfull&",
            "host=/run/postgresql&port=5432&dbname=brevet&user=u&password=p%26w",
            "hostaddr=::1&statement-cache-capacity=0&application_name=brevet+one",
            "options=-c%20geqo=off&options[search_path]=brevet&options%5Bgeqo%5D=off",
        ] {
            assert_eq!(told(right), "", "{right}");
        }
        for name in NAMES.into_iter().filter(|name| *name != OPTION) {
            assert!(!told(&format!("{name}=")).contains("means nothing"), "{name}");
        }
    }

    #[test]
    fn what_it_would_pass_over_is_named() {
        for (wrong, name, right) in [
            ("sslmod=verify-full", "sslmod", Some("sslmode")),
            ("ssl_mode=verify-full", "ssl_mode", Some("sslmode")),
            ("SSLMODE=verify-full", "SSLMODE", None),
            ("sslmode=require&ssl%2Droot=hunter2", "ssl-root", None),
            ("connect_timeout=hunter2", "connect_timeout", None),
            ("options[search_path=hunter2", "options[search_path", None),
            ("\u{1b}[2J=hunter2", "\\u{1b}[2J", None),
        ] {
            let said = told(wrong);
            let hint = right.map(|right| format!("; did you mean `{right}`?")).unwrap_or_default();
            assert!(said.starts_with(&format!("has a parameter `{name}`, which means nothing")), "{said}");
            assert!(said.ends_with(&hint) && !said.contains("hunter2"), "{said}");
        }
        assert!(told("sslmode=verify").contains("`sslmode` must be disable, allow,"));
        for (wrong, name) in [
            ("port=hunter2", "port"),
            ("port=0", "port"),
            ("hostaddr=hunter2", "hostaddr"),
            ("statement-cache-capacity=-1", "statement-cache-capacity"),
            ("ssl-mode=hunter2", "ssl-mode"),
        ] {
            let said = told(wrong);
            assert!(said.contains(&format!("`{name}` must be")) && !said.contains("hunter2"), "{said}");
        }
    }

    /// A password with a `&` that nobody has encoded looks like further parameters.
    #[test]
    fn no_part_of_a_password_is_taken_for_a_name() {
        for wrong in ["password=a&hunter2", "password=a&hunter2=b", "hunter2", "sslmode=require&hunter2"] {
            let said = told(wrong);
            assert!(said.contains("a parameter that means nothing") && !said.contains("hunter2"), "{said}");
        }
    }
}
