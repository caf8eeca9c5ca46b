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
    /// One would have to be made, and whoever starts the broker meant to give one.
    #[error(
        "BREVET_MASTER_KEY is empty, and there is no key in {0}: give it one (`openssl rand -base64 32`), or take the variable \
         away to have one made in that file"
    )]
    Empty(PathBuf),
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

/// The master key, if there is one. An empty variable counts as absent.
///
/// # Errors
/// There is something that is not a master key, or that others may read.
pub(super) fn find(environment: Option<&SecretText>, path: &Path) -> Result<Option<MasterKey>, MasterKeyError> {
    if let Some(text) = environment.filter(|text| !text.expose().is_empty()) {
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

/// Makes a master key and writes it to a file that must not exist. Not where `environment` has an empty one: a secret that did not
/// arrive is no wish for a key beside the store, or in a container that is gone tomorrow.
///
/// # Errors
/// The file cannot be written, or exists.
pub(super) fn make(
    environment: Option<&SecretText>,
    path: &Path,
    random: &dyn Random,
) -> Result<MasterKey, MasterKeyError> {
    if environment.is_some() {
        return Err(MasterKeyError::Empty(path.to_owned()));
    }
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
