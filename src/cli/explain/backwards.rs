//! Reads a log from its end: what is asked about is mostly what happened a moment ago, and logs are long.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::clock::Timestamp;

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1_024;
/// The longest line that is looked at; the log's own are shorter.
const LONGEST_LINE: usize = 1 << 20;
/// Files that were put aside are numbered up to this at the most.
const MOST_FILES: u64 = 1_000;

/// A line, or what was one once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Text(Vec<u8>),
    TooLong,
}

/// The lines of a file, the last one first.
pub(super) struct Backwards {
    file: File,
    /// Where what is in `tail` begins.
    at: u64,
    /// What has been read and not been given away; it ends where a line ends.
    tail: Vec<u8>,
    too_long: bool,
}

/// The files of a log that are there, the newest first: `path`, then `path.1` and so on.
pub(super) fn files(path: &Path) -> io::Result<Vec<File>> {
    let aside = (1..=MOST_FILES).map(|n| {
        let mut name = path.to_owned().into_os_string();
        name.push(format!(".{n}"));
        PathBuf::from(name)
    });
    let mut files = vec![File::open(path)?];
    let mut known = vec![identity(files.first())?];
    for path in aside {
        match File::open(path) {
            Ok(file) => {
                // A file that was put aside while this was looking is there under both names.
                let identity = identity(Some(&file))?;
                if !known.contains(&identity) {
                    known.push(identity);
                    files.push(file);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}

fn identity(file: Option<&File>) -> io::Result<(u64, u64)> {
    let found = file.map(File::metadata).transpose()?;
    Ok(found.map(|found| (found.dev(), found.ino())).unwrap_or_default())
}

impl Backwards {
    /// The lines before `until`, roughly: none that `time` says is of that time or earlier is left out, as long as lines stand in the
    /// order of their times.
    pub(super) fn until(
        file: File,
        until: Option<Timestamp>,
        time: impl Fn(&[u8]) -> Option<Timestamp>,
    ) -> io::Result<Self> {
        let mut end = file.metadata()?.len();
        if let Some(until) = until {
            let (mut before, mut after) = (0, end);
            while after - before > CHUNK as u64 {
                let middle = before + (after - before) / 2;
                match first_time(&file, middle, &time)? {
                    Some(found) if found > until => after = middle,
                    // Where no time can be read, what follows is looked at too.
                    _ => before = middle,
                }
            }
            end = end_of_line(&file, after, end)?;
        }
        Ok(Self { file, at: end, tail: Vec::new(), too_long: false })
    }

    /// The line before the last one that was given.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        // What was searched already has no line's end in it.
        let mut searched = 0;
        loop {
            // The end of the line itself is not the one before it.
            let inner = self.tail.len().saturating_sub(1);
            let unsearched = self.tail.get(..inner.saturating_sub(searched)).unwrap_or_default();
            if let Some(newline) = unsearched.iter().rposition(|b| *b == b'\n') {
                let line = self.tail.split_off(newline + 1);
                return Ok(Some(self.given(line)));
            }
            if self.at == 0 {
                let line = std::mem::take(&mut self.tail);
                let nothing = line.is_empty() && !self.too_long;
                return Ok((!nothing).then(|| self.given(line)));
            }
            searched = inner;
            if self.tail.len() > LONGEST_LINE {
                self.too_long = true;
                // Its end stays, as if the line were empty.
                self.tail = vec![b'\n'];
                searched = 0;
            }
            let more = CHUNK.min(usize::try_from(self.at).unwrap_or(CHUNK));
            let mut chunk = vec![0; more];
            self.at -= more as u64;
            self.file.read_exact_at(&mut chunk, self.at)?;
            chunk.append(&mut self.tail);
            self.tail = chunk;
        }
    }

    fn given(&mut self, mut line: Vec<u8>) -> Line {
        if std::mem::take(&mut self.too_long) {
            return Line::TooLong;
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        Line::Text(line)
    }
}

/// The time of the first line that begins after `at` and has one, not far from there.
fn first_time(file: &File, at: u64, time: impl Fn(&[u8]) -> Option<Timestamp>) -> io::Result<Option<Timestamp>> {
    let mut window = vec![0; 4 * CHUNK];
    let read = read_some(file, &mut window, at)?;
    let whole = window.get(..read).unwrap_or_default().split(|b| *b == b'\n');
    // The first is the rest of a line, the last may be the beginning of one; neither can be read, mostly.
    Ok(whole.skip(1).find_map(time))
}

/// Where the line that `at` stands in has its end.
fn end_of_line(file: &File, mut at: u64, end: u64) -> io::Result<u64> {
    let mut window = vec![0; CHUNK];
    while at < end {
        let read = read_some(file, &mut window, at)?;
        let bytes = window.get(..read).unwrap_or_default();
        match bytes.iter().position(|b| *b == b'\n') {
            Some(newline) => return Ok(at + newline as u64 + 1),
            None if read == 0 => break,
            None => at += read as u64,
        }
    }
    Ok(end)
}

fn read_some(file: &File, window: &mut [u8], at: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < window.len() {
        match file.read_at(window.get_mut(read..).unwrap_or_default(), at + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file
    }

    fn all(mut lines: Backwards) -> Vec<Line> {
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    /// A line is its time in seconds, and filling.
    fn time(line: &[u8]) -> Option<Timestamp> {
        std::str::from_utf8(line).ok()?.split(' ').next()?.parse().ok().map(Timestamp)
    }

    proptest! {
        /// Lines come as they are, the last one first, whether or not the file ends with a line's end.
        #[test]
        fn lines_are_given_from_the_end(
            lines in prop::collection::vec("[a-z]{0,30}|[a-z]{60000,70000}", 0..12),
            whole in any::<bool>(),
        ) {
            let text = lines.join("\n") + if whole && !lines.is_empty() { "\n" } else { "" };
            let mut expected: Vec<Line> = text.lines().map(|line| Line::Text(line.into())).collect();
            expected.reverse();
            prop_assert_eq!(all(Backwards::until(file(text.as_bytes()), None, time).unwrap()), expected);
        }

        /// Nothing of the time that is asked for, or before it, is left out; most of what is later is.
        #[test]
        fn what_is_later_is_passed_over(counts in prop::collection::vec(1..40_usize, 1..60), at in 0..60_i64) {
            let filling = "x".repeat(900);
            let lines = (0_i64..).zip(&counts).flat_map(|(n, count)| std::iter::repeat_n(format!("{n} {filling}\n"), *count));
            let text: String = lines.collect();
            let read = all(Backwards::until(file(text.as_bytes()), Some(Timestamp(at)), time).unwrap());
            let times: Vec<i64> =
                read.iter().map(|line| if let Line::Text(line) = line { time(line).unwrap().0 } else { -1 }).collect();
            let expected = counts.iter().take(usize::try_from(at).unwrap() + 1).sum::<usize>();
            prop_assert_eq!(times.iter().filter(|n| **n <= at).count(), expected);
            prop_assert!(times.iter().filter(|n| **n > at).count() <= 2 + 2 * CHUNK / 900);
        }
    }

    #[test]
    fn a_line_without_end_takes_no_memory_and_hides_no_other() {
        let long = vec![b'x'; 5 << 20];
        let content = [b"first\n".as_slice(), &long, b"\nlast\n"].concat();
        let lines = all(Backwards::until(file(&content), None, time).unwrap());
        assert_eq!(lines, [Line::Text(b"last".to_vec()), Line::TooLong, Line::Text(b"first".to_vec())]);
    }

    #[test]
    fn a_log_is_its_files_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        assert!(files(&path).is_err());
        for name in ["log", "log.1", "log.2", "log.4", "log.gz"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        assert_eq!(files(&path).unwrap().len(), 3);
        std::fs::remove_file(folder.path().join("log.1")).unwrap();
        std::fs::hard_link(&path, folder.path().join("log.1")).unwrap();
        assert_eq!(files(&path).unwrap().len(), 2);
    }
}
