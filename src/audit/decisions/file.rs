//! The file of the decision log: of this user alone, reached through no symbolic link, written by one process, put aside when it has
//! become large.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

/// What nobody but the owner may have.
const OTHERS: Mode = Mode::RWXG.union(Mode::RWXO);

/// A log's file, and those that were put aside: `NAME.1` is the latest of them.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    size: u64,
    most: u64,
    keep: u64,
    /// Whether the last line has no end: a process was killed, or a disk was full.
    torn: bool,
    /// Whether there is nothing in it yet but its head: then it takes a line whatever its size.
    fresh: bool,
}

impl LogFile {
    /// Opens the file, or makes it. It becomes no larger than `most` bytes, and `keep` that were put aside are kept.
    ///
    /// # Errors
    /// Why it is not used, in words.
    pub(super) fn open(path: &Path, most: u64, keep: u64) -> Result<Self, String> {
        check_folder(path)?;
        let (file, size, torn) = open_private(path)?;
        Ok(Self { path: path.to_owned(), file, size, most, keep, torn, fresh: size == 0 })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends lines; says how many are there, and what became of the others. `head` is the first line of a file that is begun.
    pub(super) fn append(&mut self, lines: &[Vec<u8>], head: &[u8]) -> (usize, io::Result<()>) {
        let mut done = 0;
        if let Err(error) = self.follow(head) {
            return (done, Err(error));
        }
        while done < lines.len() {
            let rest = lines.get(done..).unwrap_or_default();
            let mut room = self.most.saturating_sub(self.size);
            let fitting = rest.iter().take_while(|line| {
                let length = line.len() as u64;
                let fits = length <= room;
                room = room.saturating_sub(length);
                fits
            });
            let count = match fitting.count() {
                0 if self.fresh => 1,
                count => count,
            };
            if count == 0 {
                if let Err(error) = self.put_aside(head) {
                    return (done, Err(error));
                }
                continue;
            }
            let (written, result) = self.write(rest.get(..count).unwrap_or_default());
            done += written;
            self.fresh &= written == 0;
            if result.is_err() {
                return (done, result);
            }
        }
        (done, Ok(()))
    }

    /// What was written is on disk when this returns.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Writes lines whole; a line of which only a part was written counts as none.
    fn write(&mut self, lines: &[Vec<u8>]) -> (usize, io::Result<()>) {
        let torn: &[u8] = if self.torn { b"\n" } else { b"" };
        let bytes = [torn, &lines.concat()].concat();
        let mut written = 0;
        let result = loop {
            match self.file.write(bytes.get(written..).unwrap_or_default()) {
                Ok(0) if written < bytes.len() => break Err(io::ErrorKind::WriteZero.into()),
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
            if written >= bytes.len() {
                break Ok(());
            }
        };
        self.size += written as u64;
        let mut left = written.saturating_sub(torn.len());
        let whole = lines.iter().take_while(|line| {
            let fits = line.len() <= left;
            left = left.saturating_sub(if fits { line.len() } else { 0 });
            fits
        });
        let whole = whole.count();
        if written > 0 {
            self.torn = left > 0;
        }
        (whole, result)
    }

    /// Goes on in a new file where somebody else has put this one aside, or removed it.
    fn follow(&mut self, head: &[u8]) -> io::Result<()> {
        let own = self.file.metadata()?;
        match std::fs::symlink_metadata(&self.path) {
            Ok(found) if found.ino() == own.ino() && found.dev() == own.dev() => Ok(()),
            Ok(_) => self.begin(head),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.begin(head),
            Err(error) => Err(error),
        }
    }

    /// Makes room: each file that was put aside moves on by one, and what has no place any more is removed.
    fn put_aside(&mut self, head: &[u8]) -> io::Result<()> {
        self.file.sync_data()?;
        // Also what a larger `keep` has left behind.
        let mut last = self.keep + 1;
        while gone(std::fs::remove_file(self.aside(last)))? {
            last += 1;
        }
        if self.keep == 0 {
            std::fs::remove_file(&self.path)?;
        }
        for n in (1..self.keep).rev() {
            gone(std::fs::rename(self.aside(n), self.aside(n + 1)))?;
        }
        if self.keep > 0 {
            std::fs::rename(&self.path, self.aside(1))?;
        }
        self.begin(head)
    }

    fn begin(&mut self, head: &[u8]) -> io::Result<()> {
        let (file, size, torn) = open_private(&self.path).map_err(io::Error::other)?;
        (self.file, self.size, self.torn) = (file, size, torn);
        self.fresh = true;
        self.write(&[head.to_vec()]).1
    }

    fn aside(&self, n: u64) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{n}"));
        name.into()
    }
}

/// Whether there was something; that there was nothing is no error.
fn gone(result: io::Result<()>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The open file, how large it is, and whether its last line lacks its end.
fn open_private(path: &Path) -> Result<(File, u64, bool), String> {
    // Without NONBLOCK, opening a named pipe would wait for its other end.
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = rustix::fs::openat(CWD, path, flags, Mode::RUSR | Mode::WUSR).map_err(|error| match error {
        Errno::LOOP => "it is a symbolic link".to_owned(),
        other => io::Error::from(other).to_string(),
    })?;
    let found = rustix::fs::fstat(&file).map_err(|error| io::Error::from(error).to_string())?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err("it is not a regular file".to_owned());
    }
    if found.st_uid != rustix::process::geteuid().as_raw() {
        return Err("it belongs to another user".to_owned());
    }
    if Mode::from_raw_mode(found.st_mode).intersects(OTHERS) {
        return Err("its permissions let others in; take them away (chmod go=) or remove it".to_owned());
    }
    rustix::fs::flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| "another process writes it; every broker has a file of its own".to_owned())?;
    let file = File::from(file);
    let size = file.metadata().map_err(|error| error.to_string())?.len();
    let mut last = [b'\n'];
    if size > 0 {
        file.read_exact_at(&mut last, size - 1).map_err(|error| error.to_string())?;
    }
    Ok((file, size, last != [b'\n']))
}

/// A folder that everybody may write is one where somebody else may put another file in its place.
fn check_folder(path: &Path) -> Result<(), String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = std::fs::metadata(folder).map_err(|error| format!("its folder: {error}"))?;
    let mode = Mode::from_raw_mode(found.mode());
    if mode.contains(Mode::WOTH) && !mode.contains(Mode::SVTX) {
        return Err("everybody may write to its folder; take that away (chmod o-w)".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn lines(texts: &[&str]) -> Vec<Vec<u8>> {
        texts.iter().map(|text| format!("{text}\n").into_bytes()).collect()
    }

    fn append(log: &mut LogFile, lines: &[Vec<u8>], head: &[u8]) {
        let (done, result) = log.append(lines, head);
        assert!(done == lines.len() && result.is_ok(), "{done} {result:?}");
    }

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap_or_else(|error| format!("{error}"))
    }

    fn place() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        (folder, path)
    }

    #[test]
    fn files_are_put_aside_at_their_size_and_the_oldest_goes() {
        let (folder, path) = place();
        let mut log = LogFile::open(&path, 10, 2).unwrap();
        for text in ["aaaa", "bbbb", "cccc", "dddd", "eeee", "ffff"] {
            let (done, result) = log.append(&lines(&[text]), b"");
            assert_eq!((done, result.is_ok()), (1, true));
        }
        let aside = |n: u64| log.aside(n);
        assert_eq!(read(&path), "eeee\nffff\n");
        assert_eq!((read(&aside(1)), read(&aside(2))), ("cccc\ndddd\n".into(), "aaaa\nbbbb\n".into()));
        append(&mut log, &lines(&["gggg"]), b"");
        let aside = |n: u64| log.aside(n);
        assert_eq!((read(&path), read(&aside(2))), ("gggg\n".into(), "cccc\ndddd\n".into()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
        for name in ["log", "log.1", "log.2"] {
            assert_eq!(std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn one_batch_may_fill_many_files_and_a_long_line_has_one_of_its_own() {
        let (_folder, path) = place();
        let mut log = LogFile::open(&path, 12, 9).unwrap();
        let long = "x".repeat(40);
        let (done, result) = log.append(&lines(&["aaaa", &long, "bbbb", "cccc"]), b"head\n");
        assert!(done == 4 && result.is_ok());
        let aside: Vec<String> = (1..=3).rev().map(|n| read(&log.aside(n))).collect();
        assert_eq!(aside, ["aaaa\n".to_owned(), format!("head\n{long}\n"), "head\nbbbb\n".to_owned()]);
        assert_eq!(read(&path), "head\ncccc\n");
    }

    #[test]
    fn a_torn_line_is_ended_before_the_next() {
        let (_folder, path) = place();
        std::fs::write(&path, "whole\ntor").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        let mut log = LogFile::open(&path, 1_000, 2).unwrap();
        append(&mut log, &lines(&["next"]), b"");
        append(&mut log, &lines(&["after"]), b"");
        assert_eq!(read(&path), "whole\ntor\nnext\nafter\n");
    }

    #[test]
    fn what_others_have_moved_away_is_begun_anew() {
        let (folder, path) = place();
        let mut log = LogFile::open(&path, 1_000, 2).unwrap();
        append(&mut log, &lines(&["one"]), b"head\n");
        std::fs::rename(&path, folder.path().join("elsewhere")).unwrap();
        append(&mut log, &lines(&["two"]), b"head\n");
        assert_eq!(read(&path), "head\ntwo\n");
        assert_eq!(read(&folder.path().join("elsewhere")), "one\n");
    }

    #[test]
    fn what_others_could_read_or_replace_is_not_used() {
        let (folder, path) = place();
        let refused = || LogFile::open(&path, 1_000, 2).map(|_| ()).unwrap_err();
        std::fs::write(folder.path().join("target"), "").unwrap();
        symlink(folder.path().join("target"), &path).unwrap();
        assert!(refused().contains("symbolic link"));
        std::fs::remove_file(&path).unwrap();
        for mode in [0o640, 0o604, 0o620] {
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            assert!(refused().contains("permissions"), "{mode:o}");
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(!refused().is_empty());
        std::fs::remove_dir(&path).unwrap();
        rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert!(refused().contains("regular file"));
        std::fs::remove_file(&path).unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
        assert!(refused().contains("folder"));
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
        let held = LogFile::open(&path, 1_000, 2).unwrap();
        assert!(refused().contains("another process"));
        drop(held);
        assert!(LogFile::open(&path, 1_000, 2).is_ok());
    }

    /// Nor is a link followed that was put where the next file would be.
    #[test]
    fn a_link_in_the_place_of_the_next_file_is_not_followed() {
        let (folder, path) = place();
        let mut log = LogFile::open(&path, 5, 1).unwrap();
        append(&mut log, &lines(&["aaaa"]), b"");
        std::fs::write(folder.path().join("target"), "theirs").unwrap();
        symlink(folder.path().join("target"), log.aside(1)).unwrap();
        let (done, result) = log.append(&lines(&["bbbb"]), b"");
        assert!(done == 1 && result.is_ok());
        std::fs::remove_file(&path).unwrap();
        symlink(folder.path().join("target"), &path).unwrap();
        let (done, result) = log.append(&lines(&["cccc"]), b"");
        assert!(done == 0 && result.is_err());
        assert_eq!(read(&folder.path().join("target")), "theirs");
    }

    #[test]
    fn where_nothing_can_be_written_nothing_counts_as_written() {
        let full = File::options().read(true).write(true).open("/dev/full").unwrap();
        let (_folder, path) = place();
        let mut log = LogFile::open(&path, 1_000, 2).unwrap();
        log.file = full;
        let (done, result) = log.write(&lines(&["a", "b"]));
        assert!(done == 0 && result.is_err());
    }
}
