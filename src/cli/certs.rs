//! `brevet certs dev`: an authority and a server certificate for development, written where only their owner reads the keys.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::clock::Timestamp;
use crate::crypto::x509::{self, CertificateError};

/// What was written, and how to use it: the `Display` form is for the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The authority's certificate: what clients trust.
    pub ca_certificate: PathBuf,
    /// The authority's private key.
    pub ca_key: PathBuf,
    /// The server's certificate.
    pub server_certificate: PathBuf,
    /// The server's private key.
    pub server_key: PathBuf,
    /// The names that the server's certificate is good for.
    pub names: Vec<String>,
    /// Until when it is.
    pub expires: Timestamp,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum CertsError {
    /// A file is there already and was not to be replaced.
    #[error("`{}` exists; replace it with --force", .0.display())]
    Exists(PathBuf),
    /// The certificates could not be made.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A file or the folder could not be written.
    #[error("could not write `{}`: {}", .path.display(), .cause)]
    Write {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
}

/// Writes `ca.pem`, `ca.key`, `server.pem` and `server.key` into `out_dir`, which is made if it is not there. Keys are readable by
/// their owner alone from the moment they exist. Without `force`, an existing file is an error and nothing is written.
pub fn dev(out_dir: &Path, names: &[String], now: Timestamp, force: bool) -> Result<Report, CertsError> {
    let out_dir = std::path::absolute(out_dir).map_err(|cause| failed(out_dir, cause))?;
    let report = |names: Vec<String>, expires: Timestamp| Report {
        ca_certificate: out_dir.join("ca.pem"),
        ca_key: out_dir.join("ca.key"),
        server_certificate: out_dir.join("server.pem"),
        server_key: out_dir.join("server.key"),
        names,
        expires,
    };
    let made = x509::development(names, now)?;
    let report = report(made.names, made.expires);
    let files = [
        (&report.ca_key, made.ca_key.expose(), OWNER_ONLY),
        (&report.ca_certificate, made.ca_certificate.as_str(), EVERYBODY_READS),
        (&report.server_key, made.server_key.expose(), OWNER_ONLY),
        (&report.server_certificate, made.server_certificate.as_str(), EVERYBODY_READS),
    ];

    fs::create_dir_all(&out_dir).map_err(|cause| failed(&out_dir, cause))?;
    let mut written: Vec<&Path> = Vec::new();
    for (path, text, mode) in files {
        let outcome = if force { replace(path, text, mode) } else { create(path, text, mode) };
        if let Err(error) = outcome {
            if !force {
                // Only what this run has created: half a set of certificates is worse than none.
                written.iter().for_each(|path| drop(fs::remove_file(path)));
            }
            return Err(error);
        }
        written.push(path);
    }
    Ok(report)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ca = self.ca_certificate.display();
        writeln!(f, "Made a development certificate for {}, valid until {}.", self.names.join(", "), self.expires)?;
        writeln!(f)?;
        writeln!(f, "The broker serves with:")?;
        writeln!(f, "  {}", self.server_certificate.display())?;
        writeln!(f, "  {}", self.server_key.display())?;
        writeln!(f)?;
        writeln!(f, "Clients trust it when they know the authority:")?;
        writeln!(f, "  export AWS_CA_BUNDLE={ca}        # AWS CLI and Python")?;
        writeln!(
            f,
            "  export SSL_CERT_FILE={ca}        # OpenSSL, curl, Go and Rust; replaces the system's authorities"
        )?;
        writeln!(f, "  export NODE_EXTRA_CA_CERTS={ca}  # Node.js")?;
        writeln!(f)?;
        write!(
            f,
            "Whoever has {} can pretend to be any host to those clients: keep it, or delete it.",
            self.ca_key.display()
        )
    }
}

/// Creates a file with its final mode, never over another one.
fn create(path: &Path, text: &str, mode: u32) -> Result<(), CertsError> {
    let mut file = open_new(path, mode)?;
    write(&mut file, text).map_err(|cause| {
        drop(fs::remove_file(path));
        failed(path, cause)
    })
}

/// Writes a new file beside the old one and moves it into its place.
fn replace(path: &Path, text: &str, mode: u32) -> Result<(), CertsError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    create(&beside, text, mode)?;
    fs::rename(&beside, path).map_err(|cause| {
        drop(fs::remove_file(&beside));
        failed(path, cause)
    })
}

fn open_new(path: &Path, mode: u32) -> Result<File, CertsError> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::AlreadyExists => CertsError::Exists(path.to_owned()),
        _ => failed(path, cause),
    })
}

fn write(file: &mut File, text: &str) -> io::Result<()> {
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn failed(path: &Path, cause: io::Error) -> CertsError {
    CertsError::Write { path: path.to_owned(), cause }
}

const OWNER_ONLY: u32 = 0o600;
const EVERYBODY_READS: u32 = 0o644;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_488_101);

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn four_files_appear_and_keys_are_the_owners() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a/b");
        let report = dev(&out, &["broker.example".into()], NOW, false).unwrap();
        for (path, begins, private) in [
            (&report.ca_certificate, "-----BEGIN CERTIFICATE-----", false),
            (&report.server_certificate, "-----BEGIN CERTIFICATE-----", false),
            (&report.ca_key, "-----BEGIN PRIVATE KEY-----", true),
            (&report.server_key, "-----BEGIN PRIVATE KEY-----", true),
        ] {
            assert!(read(path).starts_with(begins), "{path:?}");
            let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert!(if private { mode == 0o600 } else { mode & 0o400 != 0 }, "{path:?} has mode {mode:o}");
        }
        assert_eq!(fs::read_dir(&out).unwrap().count(), 4);
        let told = report.to_string();
        assert!(told.contains("localhost, 127.0.0.1, ::1, broker.example"), "{told}");
        assert!(told.contains("SSL_CERT_FILE") && told.contains("AWS_CA_BUNDLE"), "{told}");
        assert!(!told.contains("PRIVATE"), "{told}");
    }

    #[test]
    fn nothing_is_overwritten_unless_asked() {
        let folder = tempfile::tempdir().unwrap();
        let report = dev(folder.path(), &[], NOW, false).unwrap();
        let before = read(&report.ca_key);
        assert!(matches!(dev(folder.path(), &[], NOW, false).unwrap_err(), CertsError::Exists(_)));
        assert_eq!(read(&report.ca_key), before);
        dev(folder.path(), &[], NOW, true).unwrap();
        assert_ne!(read(&report.ca_key), before);
        assert_eq!(fs::metadata(&report.ca_key).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
    }

    #[test]
    fn one_file_in_the_way_and_none_is_left() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("server.pem"), "mine").unwrap();
        let error = dev(folder.path(), &[], NOW, false).unwrap_err();
        assert!(matches!(&error, CertsError::Exists(path) if path.ends_with("server.pem")), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(read(&folder.path().join("server.pem")), "mine");
    }

    #[test]
    fn a_planted_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path().join("target");
        fs::write(&target, "untouched").unwrap();
        symlink(&target, folder.path().join("server.key")).unwrap();
        assert!(dev(folder.path(), &[], NOW, false).is_err());
        dev(folder.path(), &[], NOW, true).unwrap();
        assert_eq!(read(&target), "untouched");
    }

    #[test]
    fn a_bad_name_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new");
        assert!(matches!(dev(&out, &["not a name".into()], NOW, false), Err(CertsError::Certificate(_))));
        assert!(!out.exists());
    }
}
