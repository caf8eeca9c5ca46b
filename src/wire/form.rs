//! A Query request's parameters as ordered pairs: `application/x-www-form-urlencoded`, from a body or a query string.
//!
//! Source: the WHATWG URL standard, section 5 (urlencoded parsing), made strict: a broken escape or text that is not
//! UTF-8 is refused, where a browser would guess. What is refused here is AWS's `MalformedQueryString`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use thiserror::Error;

/// The longest body or query string that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// The most parameters that one request may carry.
pub const MAX_PARAMETERS: usize = 5_000;
/// The longest parameter name, in bytes after decoding.
pub const MAX_NAME: usize = 512;

/// Decoded parameters in the order they came, borrowed where there was nothing to decode. Names are unique. `Debug` shows no
/// values: they may be passwords.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// Why bytes are not a form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FormError {
    /// More than [`MAX_BYTES`].
    #[error("the request is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// More than [`MAX_PARAMETERS`].
    #[error("the request has more than {MAX_PARAMETERS} parameters")]
    TooManyParameters,
    /// A name longer than [`MAX_NAME`].
    #[error("a parameter name is longer than {MAX_NAME} bytes")]
    NameTooLong,
    /// `=value`.
    #[error("a parameter has no name")]
    NoName,
    /// A `%` that two hexadecimal digits do not follow.
    #[error("a percent escape is not followed by two hexadecimal digits")]
    BadEscape,
    /// Text that does not decode to UTF-8.
    #[error("a parameter is not valid UTF-8")]
    NotUtf8,
    /// One name twice: a signer and a verifier could disagree on which counts, so neither does.
    #[error("parameter `{0}` is given more than once")]
    Duplicate(String),
}

/// Up to so many names are compared each with each, which takes less than hashing them.
const FEW: usize = 16;

impl<'a> Form<'a> {
    /// Reads a body or a query string (without `?`). `+` is a space; an empty segment (`a=1&&b=2`) is skipped; a segment
    /// without `=` is a name with an empty value. Linear in the input.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FormError> {
        if bytes.len() > MAX_BYTES {
            return Err(FormError::TooLarge);
        }
        let mut pairs = Vec::new();
        for segment in bytes.split(|&b| b == b'&').filter(|segment| !segment.is_empty()) {
            if pairs.len() == MAX_PARAMETERS {
                return Err(FormError::TooManyParameters);
            }
            let (name, value) = match segment.iter().position(|&b| b == b'=') {
                Some(at) => (&segment[..at], &segment[at + 1..]),
                None => (segment, &[][..]),
            };
            let name = decode(name)?;
            if name.is_empty() {
                return Err(FormError::NoName);
            }
            if name.len() > MAX_NAME {
                return Err(FormError::NameTooLong);
            }
            pairs.push((name, decode(value)?));
        }
        match duplicate(&pairs) {
            Some(name) => Err(FormError::Duplicate(name.to_owned())),
            None => Ok(Self { pairs }),
        }
    }

    /// Names and values, in the order they came.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// The value of one parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// `Action`: the operation's name.
    pub fn action(&self) -> Option<&str> {
        self.get("Action")
    }

    /// `Version`: the API version, `2010-05-08` for IAM and `2011-06-15` for STS.
    pub fn version(&self) -> Option<&str> {
        self.get("Version")
    }
}

impl fmt::Debug for Form<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pairs().map(|(name, _)| name)).finish()
    }
}

/// The first name that stood there before.
fn duplicate<'p>(pairs: &'p [(Cow<'_, str>, Cow<'_, str>)]) -> Option<&'p str> {
    let mut names = pairs.iter().map(|(name, _)| name.as_ref());
    if pairs.len() <= FEW {
        return (0..)
            .zip(names)
            .find(|(at, name)| pairs.iter().take(*at).any(|(other, _)| other == name))
            .map(|(_, name)| name);
    }
    let mut seen = HashSet::with_capacity(pairs.len());
    names.find(|name| !seen.insert(*name))
}

fn decode(raw: &[u8]) -> Result<Cow<'_, str>, FormError> {
    if !raw.iter().any(|byte| matches!(byte, b'+' | b'%')) {
        return std::str::from_utf8(raw).map(Cow::Borrowed).map_err(|_| FormError::NotUtf8);
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(&byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (Some(high), Some(low)) = (hex(bytes.next()), hex(bytes.next())) else {
                    return Err(FormError::BadEscape);
                };
                high << 4 | low
            }
            other => other,
        });
    }
    String::from_utf8(out).map(Cow::Owned).map_err(|_| FormError::NotUtf8)
}

fn hex(digit: Option<&u8>) -> Option<u8> {
    let value = char::from(*digit?).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let form = Form::parse(text.as_bytes()).unwrap();
        form.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    proptest! {
        /// However a text is encoded, and however many there are: what comes out is what went in, and a name that is there twice is
        /// found.
        #[test]
        fn what_was_encoded_is_decoded(
            sent in prop::collection::vec(("[a-e%+&=é]{1,2}", "[ab %+&=é]{0,4}", any::<bool>()), 0..40)
        ) {
            let encode = |text: &str, all: bool| -> String {
                text.bytes()
                    .map(|byte| match byte {
                        b' ' if !all => "+".to_owned(),
                        b'a'..=b'e' if !all => char::from(byte).to_string(),
                        _ => format!("%{byte:02x}"),
                    })
                    .collect()
            };
            let segments: Vec<String> =
                sent.iter().map(|(name, value, all)| format!("{}={}", encode(name, *all), encode(value, !*all))).collect();
            let text = segments.join("&");
            let parsed = Form::parse(text.as_bytes());
            let twice = sent.iter().enumerate().find(|(at, one)| sent.iter().take(*at).any(|other| other.0 == one.0));
            match (parsed, twice) {
                (Ok(form), None) => {
                    let found: Vec<_> = form.pairs().collect();
                    let wanted: Vec<_> = sent.iter().map(|(name, value, _)| (name.as_str(), value.as_str())).collect();
                    prop_assert_eq!(found, wanted);
                }
                (Err(FormError::Duplicate(name)), Some((_, one))) => prop_assert_eq!(&name, &one.0),
                (parsed, twice) => prop_assert!(false, "{:?} {:?}", parsed, twice),
            }
        }
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn decodes_plus_escapes_and_keeps_the_order() {
        assert_eq!(
            pairs("Version=2010-05-08&Path=%2Fa+b%2f&UserName=J%C3%BCrg&Action=CreateUser"),
            [
                pair("Version", "2010-05-08"),
                pair("Path", "/a b/"),
                pair("UserName", "Jürg"),
                pair("Action", "CreateUser")
            ]
        );
    }

    #[test]
    fn action_and_version_are_found_wherever_they_stand() {
        let form = Form::parse(b"UserName=a&Action=GetUser&Version=2010-05-08").unwrap();
        assert_eq!((form.action(), form.version()), (Some("GetUser"), Some("2010-05-08")));
        assert_eq!(Form::parse(b"").unwrap().action(), None);
    }

    #[test]
    fn a_value_may_hold_an_equals_sign_and_may_be_missing() {
        assert_eq!(pairs("a=b=c&&d&e=&"), [pair("a", "b=c"), pair("d", ""), pair("e", "")]);
    }

    #[test]
    fn broken_input_is_refused_with_its_cause() {
        for (text, cause) in [
            (&b"a=%4"[..], FormError::BadEscape),
            (b"a=%", FormError::BadEscape),
            (b"a=%zz", FormError::BadEscape),
            (b"a=%+1", FormError::BadEscape),
            (b"%ff=1", FormError::NotUtf8),
            (b"a=\xff", FormError::NotUtf8),
            (b"=1", FormError::NoName),
            (b"a=1&b=2&%61=3", FormError::Duplicate("a".into())),
        ] {
            assert_eq!(Form::parse(text), Err(cause), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn the_limits_hold_to_the_byte() {
        let full = format!("a={}", "x".repeat(MAX_BYTES - 2));
        assert!(Form::parse(full.as_bytes()).is_ok());
        assert_eq!(Form::parse(format!("{full}x").as_bytes()), Err(FormError::TooLarge));
        let name = "n".repeat(MAX_NAME);
        assert!(Form::parse(name.as_bytes()).is_ok());
        assert_eq!(Form::parse(format!("{name}n").as_bytes()), Err(FormError::NameTooLong));
        let many: Vec<String> = (0..MAX_PARAMETERS).map(|i| format!("p{i}=")).collect();
        assert!(Form::parse(many.join("&").as_bytes()).is_ok());
        assert_eq!(Form::parse(format!("{}&z", many.join("&")).as_bytes()), Err(FormError::TooManyParameters));
    }

    #[test]
    fn debug_shows_names_only() {
        let form = Form::parse(b"Action=ChangePassword&NewPassword=hunter2").unwrap();
        assert_eq!(format!("{form:?}"), r#"["Action", "NewPassword"]"#);
    }
}
