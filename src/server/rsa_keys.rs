//! The operator's RSA keys, which sign web identity tokens with RS256: ring makes no RSA keys, so they come in files.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use crate::crypto::rsa_key::{self, RsaKeyError};
use crate::crypto::signing_key::SigningKey;
use crate::types::SecretText;

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RsaKeysError {
    /// Everybody may read the file.
    #[error("{path} may be read by everybody (mode {mode:04o}); make it 0600, or 0640 for a group")]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file is no key.
    #[error("{0}: {1}")]
    NoKey(PathBuf, #[source] RsaKeyError),
    /// A key that is listed already.
    #[error("{0}: this key is listed twice")]
    Twice(PathBuf),
    /// The file cannot be read.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
}

/// Bytes of a file that are read: a key of 4,096 bits has some 3,300 in PEM.
const LONGEST: u64 = 64 * 1024;

/// Reads the keys in the order of the setting.
///
/// # Errors
/// [`RsaKeysError`].
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<SigningKey>, RsaKeysError> {
    let mut kids = BTreeSet::new();
    let mut keys = Vec::with_capacity(paths.len());
    for path in paths {
        let key = read_one(path)?;
        if !kids.insert(key.kid().to_owned()) {
            return Err(RsaKeysError::Twice(path.clone()));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn read_one(path: &Path) -> Result<SigningKey, RsaKeysError> {
    let io = |error| RsaKeysError::Io(path.to_owned(), error);
    // Opened once, so that what is checked is what is read; without waiting, should it be a pipe.
    let open = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path);
    let file = open.map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(io(io::Error::new(io::ErrorKind::InvalidInput, "not a file")));
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o007 != 0 {
        return Err(RsaKeysError::TooOpen { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST).read_to_string(&mut text).map_err(io)?;
    rsa_key::signing_key(&SecretText::new(text.as_str())).map_err(|error| RsaKeysError::NoKey(path.to_owned(), error))
}
