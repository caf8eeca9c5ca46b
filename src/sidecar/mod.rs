//! Credentials for the programs of one machine or pod: the sidecar holds the long-lived key (or whatever else it
//! signs with), assumes one role at the broker, and hands the role's credentials to its neighbours as the container
//! credentials provider of every AWS SDK expects them.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Container credential provider"
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>).
//!
//! Beside that it answers its neighbours' questions, with what the broker told it: see [`questions`].
//!
//! [`renewal`] decides when to renew, [`Keeper`] does it, [`endpoint`] answers, [`AuthorizationToken`] says to whom,
//! [`listen`] where.

pub mod endpoint;
mod keeper;
pub mod listen;
pub mod questions;
pub mod renewal;
mod serve;
mod token;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

pub use keeper::{FetchError, Keeper, RoleSource};
pub use token::{AuthorizationToken, TokenError};

use endpoint::Endpoint;
use listen::ListenError;

/// The most bytes of the head of a request for credentials. The largest token must fit.
const MAX_HEAD: usize = 16 * 1024;

/// Where the sidecar listens.
#[derive(Debug)]
pub struct SidecarSettings {
    /// The address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Allow an address that other machines can reach.
    pub beyond_loopback: bool,
    /// The path of the credentials, beginning with `/`.
    pub path: String,
}

/// Why the sidecar does not serve.
#[derive(Debug, thiserror::Error)]
pub enum SidecarError {
    /// The address is not one to listen on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The path cannot be served.
    #[error("the path `{0}` cannot be served: it must begin with `/`, hold no query, and not be `/health`")]
    Path(String),
    /// The socket cannot be made.
    #[error("cannot listen on {}: {reason}", .path.display())]
    Socket {
        /// Its path.
        path: std::path::PathBuf,
        /// Why not.
        reason: String,
    },
    /// The system refused the address.
    #[error("cannot listen on {address}: {reason}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        reason: String,
    },
}

/// A sidecar that listens, and begins to answer with [`Sidecar::run`].
#[derive(Debug)]
pub struct Sidecar {
    listener: TcpListener,
    address: SocketAddr,
    path: String,
}

impl Sidecar {
    /// Takes the address.
    pub async fn bind(settings: SidecarSettings) -> Result<Self, SidecarError> {
        listen::check(settings.listen, settings.beyond_loopback)?;
        if !settings.path.starts_with('/') || settings.path.contains(['?', '#']) || settings.path == endpoint::HEALTH {
            return Err(SidecarError::Path(settings.path));
        }
        let failed = |e: std::io::Error| SidecarError::Bind { address: settings.listen, reason: e.to_string() };
        let listener = TcpListener::bind(settings.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, path: settings.path })
    }

    /// The address that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What goes into `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.path)
    }

    /// Renews what `keeper` holds and serves it to whoever sends `token` in `Authorization`, until `stop` is done; then
    /// lets the answers under way finish.
    pub async fn run(self, keeper: Arc<Keeper>, token: AuthorizationToken, stop: impl Future<Output = ()>) {
        let Self { listener, address, path } = self;
        let endpoint = Arc::new(Endpoint { keeper: Arc::clone(&keeper), address, path, token });
        let answer = move |request: http::Request<hyper::body::Incoming>| {
            std::future::ready(endpoint.answer(&request.into_parts().0))
        };
        tokio::select! {
            () = serve::serve(listener, MAX_HEAD, answer, stop) => {}
            () = async { keeper.run().await } => {}
        }
    }
}
