//! The listeners for questions: loopback, where a token says who may ask, and a socket in the file system, where its permissions do.

use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderName, Method, Request, StatusCode};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

use super::doors::{self, Door};
use super::{Questions, refusal};
use crate::sidecar::listen;
use crate::sidecar::serve::{self as connections, Listener};
use crate::sidecar::{AuthorizationToken, SidecarError};

/// The header with the sidecar's token. `Authorization`, as a bearer's, does as well.
pub const TOKEN: &str = "x-brevet-sidecar-token";
/// How long a client may take to send the body of a question.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of a request's head.
const MAX_HEAD: usize = 32 * 1024;
/// The most bytes of a question.
const MAX_BODY: usize = 256 * 1024;

/// Who may ask on loopback.
#[derive(Debug)]
pub struct Doorkeeper {
    /// What they must send.
    pub token: AuthorizationToken,
}

/// A place where questions are taken.
#[derive(Debug)]
pub enum QuestionListener {
    /// An address: everybody on the machine reaches it.
    Loopback(TcpListener),
    /// A socket: who reaches it is said by its permissions. The file goes first: while somebody listens nobody puts another there.
    Socket(SocketFile, UnixListener),
}

/// The file of a socket; removed when the sidecar ends, if it is still the one that it made.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            // Gone already: nothing is lost.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Which file is at a path now.
fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    let found = std::fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

impl QuestionListener {
    /// Takes an address; port 0 takes a free one.
    ///
    /// # Errors
    /// It can be reached from other machines, or the system refuses it.
    pub async fn loopback(address: SocketAddr, beyond_loopback: bool) -> Result<Self, SidecarError> {
        listen::check(address, beyond_loopback)?;
        let failed = |error: std::io::Error| SidecarError::Bind { address, reason: error.to_string() };
        Ok(Self::Loopback(TcpListener::bind(address).await.map_err(failed)?))
    }

    /// Makes a socket with these permissions. One that nobody listens on any more is replaced; anything else is left alone.
    ///
    /// # Errors
    /// There is something else at the path, somebody listens there, or the system refuses.
    pub fn socket(path: &Path, mode: u32) -> Result<Self, SidecarError> {
        let failed = |reason: String| SidecarError::Socket { path: path.to_owned(), reason };
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        for (what, name) in [("path", path), ("folder's path", &hidden_folder(parent, HIDDEN - 1).join("s"))] {
            // What the system would say is that it must be shorter than SUN_LEN.
            if std::os::unix::net::SocketAddr::from_pathname(name).is_err() {
                let length = if what == "path" { path } else { parent }.as_os_str().len();
                return Err(failed(format!(
                    "its {what} is too long for a socket with {length} bytes: systems take some 100 for all of it"
                )));
            }
        }
        if let Ok(found) = std::fs::symlink_metadata(path) {
            if !found.file_type().is_socket() {
                return Err(failed("there is something else at this path".to_owned()));
            }
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                return Err(failed("somebody listens there".to_owned()));
            }
            std::fs::remove_file(path).map_err(|error| failed(error.to_string()))?;
        }
        // Between the socket's making and its permissions nobody must get in: it is made under another name in a folder of its own.
        let made = (|| {
            let private = private_folder(parent)?;
            let hidden = private.join("s");
            let bound = UnixListener::bind(&hidden);
            let placed = bound.and_then(|listener| {
                std::fs::set_permissions(&hidden, std::fs::Permissions::from_mode(mode))?;
                let identity = identity(&hidden)?;
                std::fs::rename(&hidden, path)?;
                Ok((SocketFile { path: path.to_owned(), identity }, listener))
            });
            let _ = std::fs::remove_file(&hidden);
            let _ = std::fs::remove_dir(&private);
            placed
        })();
        let (file, listener) = made.map_err(|error: std::io::Error| failed(error.to_string()))?;
        Ok(Self::Socket(file, listener))
    }

    /// The address that was taken, of one on loopback.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Loopback(listener) => listener.local_addr().ok(),
            Self::Socket(..) => None,
        }
    }
}

impl Listener for QuestionListener {
    type Stream = Box<dyn Connection>;

    async fn accept(&self) -> std::io::Result<Self::Stream> {
        Ok(match self {
            Self::Loopback(listener) => Box::new(listener.accept().await?.0),
            Self::Socket(_, listener) => Box::new(listener.accept().await?.0),
        })
    }
}

/// A connection of either kind.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection for S {}

/// How many names there are for the folder that a socket is made in.
const HIDDEN: usize = 64;

fn hidden_folder(parent: &Path, number: usize) -> PathBuf {
    parent.join(format!(".brevet-{}-{number}", std::process::id()))
}

/// A new folder in `parent` that nobody else can look into.
fn private_folder(parent: &Path) -> std::io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    // What a process left that was killed on the way is in nobody's way.
    let mut names = (0..HIDDEN).map(|number| hidden_folder(parent, number));
    let free = |path: &PathBuf| std::fs::DirBuilder::new().mode(0o700).create(path);
    let mut last = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
    names.find_map(|path| free(&path).map(|()| path).map_err(|error| last = error).ok()).ok_or(last)
}

/// Answers on all listeners until `stop` is done.
pub(super) async fn serve(
    listeners: Vec<QuestionListener>,
    doorkeeper: Arc<Doorkeeper>,
    questions: Arc<Questions>,
    stop: impl Future<Output = ()>,
) {
    let (stopping, _) = watch::channel(false);
    let mut tasks = tokio::task::JoinSet::new();
    for listener in listeners {
        let house = House { doorkeeper: Arc::clone(&doorkeeper), questions: Arc::clone(&questions) };
        let mut stopped = stopping.subscribe();
        tasks.spawn(async move {
            let stopped = async move {
                let _ = stopped.wait_for(|stopping| *stopping).await;
            };
            house.open(listener, stopped).await;
        });
    }
    stop.await;
    stopping.send_replace(true);
    while tasks.join_next().await.is_some() {}
}

#[derive(Clone)]
struct House {
    doorkeeper: Arc<Doorkeeper>,
    questions: Arc<Questions>,
}

impl House {
    async fn open(self, listener: QuestionListener, stop: impl Future<Output = ()>) {
        let trusted = matches!(listener, QuestionListener::Socket(..));
        let answer = move |request: Request<Incoming>| {
            let house = self.clone();
            async move { house.answer(request, trusted).await }
        };
        connections::serve(listener, MAX_HEAD, answer, stop).await;
    }

    async fn answer(&self, request: Request<Incoming>, trusted: bool) -> Response {
        let (parts, body) = request.into_parts();
        let request_id = parts.headers.get("x-request-id").cloned();
        let mut response = self.decide(&parts, body, trusted).await;
        if let Some(id) = request_id {
            response.headers_mut().insert("x-request-id", id);
        }
        response
    }

    async fn decide(&self, parts: &Parts, body: Incoming, trusted: bool) -> Response {
        if parts.uri.path() == crate::sidecar::endpoint::HEALTH && parts.method == Method::GET {
            return self.questions.health();
        }
        if !trusted && !self.doorkeeper.admits(parts) {
            let message = "the header x-brevet-sidecar-token does not hold the sidecar's token";
            return refusal(StatusCode::FORBIDDEN, "AccessDenied", message);
        }
        match tokio::time::timeout(BODY_TIMEOUT, read(body)).await {
            Ok(Ok(body)) => self.questions.answer(parts, body).await,
            Ok(Err(TooLarge)) => {
                closing(refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", "the question is too large"))
            }
            Err(_) => {
                closing(refusal(StatusCode::REQUEST_TIMEOUT, "RequestTimeout", "the question did not come in time"))
            }
        }
    }
}

impl Doorkeeper {
    fn admits(&self, request: &Parts) -> bool {
        let token = match doors::only(&request.headers, &HeaderName::from_static(TOKEN)) {
            Ok(Some(token)) => token.to_str().ok(),
            // At the doors for proxies that header is their client's.
            Ok(None) if Door::of(request).is_ok_and(Door::is_for_proxies) => None,
            Ok(None) => bearer(request),
            Err(()) => None,
        };
        token.is_some_and(|token| self.token.matches(token))
    }
}

/// RFC 6750 section 2.1; the scheme's case does not count.
fn bearer(request: &Parts) -> Option<&str> {
    let value = doors::only(&request.headers, &AUTHORIZATION).ok()??.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// The body is larger than any question, or broke off.
struct TooLarge;

async fn read(body: Incoming) -> Result<Bytes, TooLarge> {
    axum::body::to_bytes(axum::body::Body::new(body), MAX_BODY).await.map_err(|_| TooLarge)
}

/// What is left of the body is not read.
fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
    response
}
