//! Where the credentials come from that sign the calls to the broker: the environment, or a profile of AWS's shared
//! credentials file.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files" and "AWS access keys". A profile
//! that is named expressly goes before the variables, and the variables before `AWS_PROFILE`, as in the AWS CLI.

use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Environment;
use crate::sigv4::Credentials;
use crate::types::secret::SecretText;

/// The largest credentials file that is read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// Why there are no credentials to sign with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Only one half of the key is in the environment.
    #[error("`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` must be set together")]
    HalfAKey,
    /// Nothing says where the credentials file is.
    #[error("no credentials: neither `AWS_ACCESS_KEY_ID` nor `AWS_SHARED_CREDENTIALS_FILE` nor `HOME` is set")]
    NoFile,
    /// The credentials file cannot be read.
    #[error("no credentials: {} cannot be read: {reason}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The credentials file has no such profile with a key in it.
    #[error("no credentials: profile `{profile}` in {} holds no access key (a source profile can be named expressly)", .path.display())]
    NoKeyInProfile {
        /// The profile.
        profile: String,
        /// The file.
        path: PathBuf,
    },
}

/// The credentials to sign with. Reads the file anew on every call, so that a key that was rotated is picked up.
pub fn load(environment: &Environment, profile: Option<&str>) -> Result<Credentials, SourceError> {
    if profile.is_none() {
        match (environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => return Ok(credentials(id, secret, environment.get("AWS_SESSION_TOKEN"))),
            (None, None) => {}
            _ => return Err(SourceError::HalfAKey),
        }
    }
    let path = match environment.get("AWS_SHARED_CREDENTIALS_FILE") {
        Some(path) => expand_home(path, environment),
        None => environment.home().ok_or(SourceError::NoFile)?.join(".aws/credentials"),
    };
    let profile = profile.or_else(|| environment.get("AWS_PROFILE")).unwrap_or("default");
    let text = read(&path).map_err(|e| SourceError::Unreadable { path: path.clone(), reason: e.to_string() })?;
    key_of_profile(&text, profile).ok_or_else(|| SourceError::NoKeyInProfile { profile: profile.to_owned(), path })
}

fn credentials(id: &str, secret: &str, token: Option<&str>) -> Credentials {
    Credentials {
        access_key_id: id.to_owned(),
        secret_access_key: SecretText::new(secret),
        session_token: token.map(SecretText::new),
    }
}

fn expand_home(path: &str, environment: &Environment) -> PathBuf {
    match (path.strip_prefix("~/"), environment.home()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

fn read(path: &Path) -> std::io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(std::io::Error::other(format!("it is larger than {MAX_FILE} bytes")));
    }
    Ok(text)
}

/// The key in one section of an INI file. Comments begin a line with `#` or `;`; an indented line belongs to a nested
/// setting and is passed over; later settings win.
fn key_of_profile(text: &str, profile: &str) -> Option<Credentials> {
    let mut inside = false;
    let (mut id, mut secret, mut token) = (None, None, None);
    for line in text.trim_start_matches('\u{feff}').lines() {
        if line.starts_with([' ', '\t', '#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            inside = header.split_once(']').is_some_and(|(name, _)| name.trim() == profile);
            continue;
        }
        let Some((name, value)) = line.split_once('=').filter(|_| inside) else { continue };
        let value = Some(value.trim()).filter(|value| !value.is_empty());
        match name.trim().to_ascii_lowercase().as_str() {
            "aws_access_key_id" => id = value,
            "aws_secret_access_key" => secret = value,
            "aws_session_token" => token = value,
            _ => {}
        }
    }
    Some(credentials(id?, secret?, token))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\u{feff}# comment\n[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key=s3cr3t=with=signs\n\n[ other ] ; note\nAWS_ACCESS_KEY_ID=AKIAOTHER\r\naws_secret_access_key = other\r\n  aws_secret_access_key = nested\naws_session_token = token\n[half]\naws_access_key_id = AKIAHALF\n";

    fn text(found: &Credentials) -> (&str, &str, Option<&str>) {
        let token = found.session_token.as_ref().map(SecretText::expose);
        (&found.access_key_id, found.secret_access_key.expose(), token)
    }

    #[test]
    fn profiles_are_read() {
        let found = key_of_profile(FILE, "default").expect("a key");
        assert_eq!(text(&found), ("AKIADEFAULT", "s3cr3t=with=signs", None));
        let found = key_of_profile(FILE, "other").expect("a key");
        assert_eq!(text(&found), ("AKIAOTHER", "other", Some("token")));
        assert!(key_of_profile(FILE, "half").is_none());
        assert!(key_of_profile(FILE, "absent").is_none());
    }

    #[test]
    fn a_named_profile_goes_before_the_variables_and_those_before_aws_profile() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("credentials");
        std::fs::write(&file, FILE).expect("written");
        let file = file.to_str().expect("a Unicode path");
        let mut pairs = vec![("AWS_SHARED_CREDENTIALS_FILE", file), ("AWS_PROFILE", "other")];
        let id = |pairs: &[(&str, &str)], profile| {
            load(&Environment::of(pairs.iter().copied()), profile).map(|c| c.access_key_id)
        };
        assert_eq!(id(&pairs, None).as_deref(), Ok("AKIAOTHER"));
        pairs.extend([("AWS_ACCESS_KEY_ID", "AKIAENV"), ("AWS_SECRET_ACCESS_KEY", "x")]);
        assert_eq!(id(&pairs, None).as_deref(), Ok("AKIAENV"));
        assert_eq!(id(&pairs, Some("default")).as_deref(), Ok("AKIADEFAULT"));
        assert!(matches!(id(&pairs, Some("half")), Err(SourceError::NoKeyInProfile { .. })));
    }

    #[test]
    fn half_a_key_is_an_error_and_not_another_identity() {
        let environment = Environment::of([("AWS_ACCESS_KEY_ID", "AKIAENV"), ("HOME", "/nonexistent")]);
        assert_eq!(load(&environment, None).err(), Some(SourceError::HalfAKey));
        assert_eq!(load(&Environment::default(), None).err(), Some(SourceError::NoFile));
    }
}
