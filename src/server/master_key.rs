//! Where the master key is: in the environment, or in a file that only its owner may read.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::clock::Random;
use crate::crypto::seal::{MasterKey, SealError};
use crate::types::SecretText;

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The store was made with a master key, and none is given.
    #[error(
        "the master key is missing: this store was made with one; put it into {0} (mode 0600) or into BREVET_MASTER_KEY. \
         Without it nothing that is sealed in the store can be opened"
    )]
    Missing(PathBuf),
    /// The store was made with another master key.
    #[error("the master key is not the one that this store was made with")]
    Other,
    /// Others may read the file.
    #[error("the master key in {path} may be read by others (mode {mode:04o}); make it 0600")]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The text is not a key.
    #[error("the master key in {0} is not a master key: {1}")]
    Malformed(String, SealError),
    /// The file cannot be read or written.
    #[error("the master key in {0}: {1}")]
    Io(PathBuf, #[source] io::Error),
}

/// Bytes of the file that are read: a key in any of its forms is far shorter.
const LONGEST: u64 = 4_096;

/// The master key, if there is one.
///
/// # Errors
/// There is something that is not a master key, or that others may read.
pub(super) fn find(environment: Option<&SecretText>, path: &Path) -> Result<Option<MasterKey>, MasterKeyError> {
    if let Some(text) = environment {
        let key =
            MasterKey::parse(text).map_err(|error| MasterKeyError::Malformed("BREVET_MASTER_KEY".into(), error))?;
        return Ok(Some(key));
    }
    let io = |error| MasterKeyError::Io(path.to_owned(), error);
    // Opened once, so that what is checked is what is read; without waiting, should it be a pipe.
    let file = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path);
    let file = match file {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(io(io::Error::new(io::ErrorKind::InvalidInput, "not a file")));
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(MasterKeyError::TooOpen { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(io)?;
    let text = SecretText::new(text);
    let key = MasterKey::parse(&SecretText::new(text.expose().trim()))
        .map_err(|error| MasterKeyError::Malformed(path.display().to_string(), error))?;
    Ok(Some(key))
}

/// Makes a master key and writes it to a file that must not exist.
///
/// # Errors
/// The file cannot be written, or exists.
pub(super) fn make(path: &Path, random: &dyn Random) -> Result<MasterKey, MasterKeyError> {
    let io = |error| MasterKeyError::Io(path.to_owned(), error);
    let key = MasterKey::generate(random);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    file.write_all(key.to_text().expose().as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(io)?;
    // What is sealed under the key must never outlive it.
    file.sync_all().map_err(io)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    }
    Ok(key)
}
