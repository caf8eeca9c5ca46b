//! The token that a program must send to get credentials: read from a private file, or made and put there.
//!
//! Loopback is shared by every user of a machine; the token is what tells the owner's programs from the others'.

use std::path::Path;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use crate::client::private_file::{self, PrivateFileError};
use crate::clock::Random;
use crate::types::secret::SecretText;

/// The fewest characters of a token. Those made here have 43.
const MIN_LENGTH: usize = 16;
/// The most characters of a token. Kubernetes' service account tokens have some 1,500.
const MAX_LENGTH: usize = 8 * 1024;
/// How often a file is read that another process is making.
const READ_TRIES: u32 = 50;
/// How long to wait between.
const READ_PAUSE: Duration = Duration::from_millis(10);

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be used.
    #[error("the authorization token file cannot be used: {0}")]
    File(#[from] PrivateFileError),
    /// The file holds no token.
    #[error("the authorization token must be {MIN_LENGTH} to {MAX_LENGTH} visible ASCII characters on one line")]
    NotAToken,
}

/// What a client must send in `Authorization`.
#[derive(Debug, Clone)]
pub struct AuthorizationToken(SecretText);

impl AuthorizationToken {
    /// A token that is known.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let fits = (MIN_LENGTH..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(SecretText::new(text))) } else { Err(TokenError::NotAToken) }
    }

    /// The token in the file at `path`; where there is no file, 256 random bits that are put there. No line end is
    /// written: SDKs send the file's content as it is. Where another process puts a token there at the same time, both
    /// get that one. May block for half a second.
    pub fn of_file(path: &Path, random: &dyn Random) -> Result<Self, TokenError> {
        for _ in 0..READ_TRIES {
            match private_file::read(path, MAX_LENGTH + 2)? {
                None => match Self::put(path, random) {
                    Err(PrivateFileError::Exists { .. }) => {}
                    made => return Ok(made?),
                },
                // Whoever made it has not written yet.
                Some(content) if content.is_empty() => std::thread::sleep(READ_PAUSE),
                Some(content) => {
                    let text = std::str::from_utf8(&content).map_err(|_| TokenError::NotAToken)?;
                    return Self::new(text.trim_end_matches(['\r', '\n']));
                }
            }
        }
        Err(TokenError::NotAToken)
    }

    fn put(path: &Path, random: &dyn Random) -> Result<Self, PrivateFileError> {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(bytes.as_mut_slice());
        let token = Self(SecretText::new(BASE64URL_NOPAD.encode(bytes.as_slice())));
        private_file::create(path, token.0.expose().as_bytes())?;
        Ok(token)
    }

    /// Removes the file at `path` if this token is what it holds.
    pub fn remove_file(&self, path: &Path) {
        let content = private_file::read(path, MAX_LENGTH + 2).ok().flatten();
        if content.is_some_and(|content| std::str::from_utf8(&content).is_ok_and(|text| self.matches(text))) {
            // Gone already: nothing is lost.
            let _ = std::fs::remove_file(path);
        }
    }

    /// Whether `presented` is this token, in time that depends only on the lengths.
    pub fn matches(&self, presented: &str) -> bool {
        self.0.matches(presented)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_made_token_is_found_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        let made = AuthorizationToken::of_file(&path, &SystemRandom).expect("made");
        let content = std::fs::read_to_string(&path).expect("there");
        assert!(content.len() == 43 && made.matches(&content));
        let found = AuthorizationToken::of_file(&path, &SystemRandom).expect("found");
        assert!(found.matches(&content) && !found.matches("") && !found.matches(&content[1..]));
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn two_that_start_at_the_same_time_get_one_token() {
        let dir = tempfile::tempdir().expect("a directory");
        for round in 0..20 {
            let path = dir.path().join(round.to_string());
            std::thread::scope(|scope| {
                let starts = [(); 4].map(|()| scope.spawn(|| AuthorizationToken::of_file(&path, &SystemRandom)));
                let tokens = starts.map(|start| start.join().expect("no panic").expect("a token"));
                let content = std::fs::read_to_string(&path).expect("there");
                assert!(tokens.iter().all(|token| token.matches(&content)));
            });
        }
    }

    #[test]
    fn only_its_own_file_is_removed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        let token = AuthorizationToken::of_file(&path, &SystemRandom).expect("made");
        let other = AuthorizationToken::new("0123456789abcdef").expect("a token");
        other.remove_file(&path);
        assert!(path.exists());
        token.remove_file(&path);
        assert!(!path.exists());
        token.remove_file(&path);
    }

    #[test]
    fn an_empty_file_holds_no_token() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        private_file::create(&path, b"").expect("made");
        assert_eq!(AuthorizationToken::of_file(&path, &SystemRandom).err(), Some(TokenError::NotAToken));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        AuthorizationToken::of_file(&path, &SystemRandom).expect("made");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("changed");
        assert!(matches!(AuthorizationToken::of_file(&path, &SystemRandom), Err(TokenError::File(_))));
    }

    #[test]
    fn weak_or_unsendable_tokens_are_refused() {
        for text in
            ["", "short", "0123456789abcde", "two words, and long enough", "0123456789abcdef\n0", "0123456789abcdefé"]
        {
            assert!(AuthorizationToken::new(text).is_err(), "{text}");
        }
        assert!(AuthorizationToken::new("Bearer:0123456789abcdef").is_ok());
    }
}
