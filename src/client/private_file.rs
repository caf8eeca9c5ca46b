//! Files that hold secrets: regular files of this user that nobody else may open, reached through no symbolic link, and
//! replaced whole or not at all.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

/// What owner-only files are made with.
const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);
/// What nobody but the owner may have.
const OTHERS: Mode = Mode::RWXG.union(Mode::RWXO);

/// Why a private file or directory was not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrivateFileError {
    /// Others could have read or written it.
    #[error("{} is not used: {reason}", .path.display())]
    NotPrivate {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file was to be made, and there is one.
    #[error("{} is there already", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{}: {reason}", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

/// The content of a private file; `None` when there is no such file.
pub fn read(path: &Path, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, PrivateFileError> {
    read_at(CWD, path, path, limit)
}

/// Makes a private file that was not there before ([`PrivateFileError::Exists`] if it was).
pub fn create(path: &Path, content: &[u8]) -> Result<(), PrivateFileError> {
    create_at(CWD, path, path, content)
}

/// A directory of this user alone. It is held open, so that nobody can put another in its place.
#[derive(Debug)]
pub struct PrivateDir {
    handle: OwnedFd,
    path: PathBuf,
}

impl PrivateDir {
    /// Opens the directory; makes it and those above it (mode 0700) where they are missing.
    pub fn open(path: &Path) -> Result<Self, PrivateFileError> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| io(path, e))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| errno(path, e))?;
        check(&handle, path, FileType::Directory)?;
        Ok(Self { handle, path: path.to_owned() })
    }

    /// The content of a file in it; `None` when there is no such file.
    pub fn read(&self, name: &str, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, PrivateFileError> {
        read_at(&self.handle, Path::new(name), &self.path.join(name), limit)
    }

    /// Puts `content` in the place of a file, or makes it: readers see the old or the new, never half of it.
    pub fn replace(&self, name: &str, content: &[u8]) -> Result<(), PrivateFileError> {
        let passing = format!(".{name}.{}", std::process::id());
        // What a process of the same number left behind when it died.
        self.remove(&passing)?;
        let path = self.path.join(name);
        create_at(&self.handle, Path::new(&passing), &path, content)?;
        rustix::fs::renameat(&self.handle, &passing, &self.handle, name).map_err(|e| errno(&path, e))
    }

    /// Removes a file; no error if there is none.
    pub fn remove(&self, name: &str) -> Result<(), PrivateFileError> {
        match rustix::fs::unlinkat(&self.handle, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(errno(&self.path.join(name), e)),
        }
    }

    /// A private, empty file to lock, made where it is missing.
    pub fn lock_file(&self, name: &str) -> Result<File, PrivateFileError> {
        let path = self.path.join(name);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::openat(&self.handle, name, flags, OWNER_ONLY).map_err(|e| errno(&path, e))?;
        check(&file, &path, FileType::RegularFile)?;
        Ok(File::from(file))
    }
}

fn read_at(
    dir: impl AsFd,
    name: &Path,
    path: &Path,
    limit: usize,
) -> Result<Option<Zeroizing<Vec<u8>>>, PrivateFileError> {
    // Without NONBLOCK, opening a named pipe would wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::openat(dir, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(e) => return Err(errno(path, e)),
    };
    check(&file, path, FileType::RegularFile)?;
    let mut content = Zeroizing::new(Vec::new());
    File::from(file).take(limit as u64 + 1).read_to_end(&mut content).map_err(|e| io(path, e))?;
    if content.len() > limit {
        return Err(PrivateFileError::Io { path: path.to_owned(), reason: format!("it is larger than {limit} bytes") });
    }
    Ok(Some(content))
}

fn create_at(dir: impl AsFd, name: &Path, path: &Path, content: &[u8]) -> Result<(), PrivateFileError> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(dir, name, flags, OWNER_ONLY).map_err(|e| errno(path, e))?;
    let mut file = File::from(file);
    file.write_all(content).and_then(|()| file.sync_all()).map_err(|e| io(path, e))
}

/// Checks the open file itself, not its name: the name may by now mean another file.
fn check(file: &OwnedFd, path: &Path, kind: FileType) -> Result<(), PrivateFileError> {
    let found = rustix::fs::fstat(file).map_err(|e| errno(path, e))?;
    let not_private = |reason| Err(PrivateFileError::NotPrivate { path: path.to_owned(), reason });
    if FileType::from_raw_mode(found.st_mode) != kind {
        return not_private("it is not a regular file, or not a directory where one is needed");
    }
    if found.st_uid != rustix::process::geteuid().as_raw() {
        return not_private("it belongs to another user");
    }
    if Mode::from_raw_mode(found.st_mode).intersects(OTHERS) {
        return not_private("its permissions let others in; take them away (chmod go=) or remove it");
    }
    Ok(())
}

fn errno(path: &Path, e: Errno) -> PrivateFileError {
    match e {
        Errno::LOOP => PrivateFileError::NotPrivate { path: path.to_owned(), reason: "it is a symbolic link" },
        Errno::EXIST => PrivateFileError::Exists { path: path.to_owned() },
        _ => io(path, e.into()),
    }
}

fn io(path: &Path, e: std::io::Error) -> PrivateFileError {
    PrivateFileError::Io { path: path.to_owned(), reason: e.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn private_dir() -> (tempfile::TempDir, PrivateDir) {
        let root = tempfile::tempdir().expect("a directory");
        let dir = PrivateDir::open(&root.path().join("a/b")).expect("opened");
        (root, dir)
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("there").permissions().mode() & 0o777
    }

    #[test]
    fn files_are_replaced_whole_and_are_the_owners_alone() {
        let (root, dir) = private_dir();
        assert_eq!(dir.read("x", 10), Ok(None));
        dir.replace("x", b"one").expect("written");
        dir.replace("x", b"two").expect("written");
        assert_eq!(dir.read("x", 10).expect("read").expect("there").as_slice(), b"two");
        assert!(dir.read("x", 2).is_err());
        assert_eq!((mode(&root.path().join("a/b")), mode(&root.path().join("a/b/x"))), (0o700, 0o600));
        assert_eq!(std::fs::read_dir(root.path().join("a/b")).expect("listed").count(), 1);
    }

    #[test]
    fn links_pipes_and_open_permissions_are_refused() {
        let (root, dir) = private_dir();
        let at = |name: &str| root.path().join("a/b").join(name);
        let refused = |name: &str| matches!(dir.read(name, 10), Err(PrivateFileError::NotPrivate { .. }));
        dir.replace("x", b"secret").expect("written");
        symlink(at("x"), at("link")).expect("linked");
        assert!(refused("link"));
        assert!(dir.lock_file("link").is_err());
        rustix::fs::mknodat(CWD, at("pipe"), FileType::Fifo, OWNER_ONLY, 0).expect("made");
        assert!(refused("pipe"));
        for wider in [0o640, 0o604, 0o620, 0o610] {
            std::fs::set_permissions(at("x"), PermissionsExt::from_mode(wider)).expect("changed");
            assert!(refused("x"), "{wider:o}");
        }
    }

    #[test]
    fn directories_must_be_private_too() {
        let (root, _) = private_dir();
        let path = root.path().join("a/b");
        symlink(&path, root.path().join("link")).expect("linked");
        assert!(PrivateDir::open(&root.path().join("link")).is_err());
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o750)).expect("changed");
        assert!(matches!(PrivateDir::open(&path), Err(PrivateFileError::NotPrivate { .. })));
    }

    #[test]
    fn creating_does_not_overwrite_and_does_not_follow() {
        let (root, _) = private_dir();
        let file = root.path().join("token");
        create(&file, b"one").expect("made");
        assert_eq!(create(&file, b"two"), Err(PrivateFileError::Exists { path: file.clone() }));
        symlink(root.path().join("elsewhere"), root.path().join("link")).expect("linked");
        assert!(create(&root.path().join("link"), b"two").is_err());
        assert_eq!(read(&file, 10).expect("read").expect("there").as_slice(), b"one");
    }
}
