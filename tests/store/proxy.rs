//! A network between broker and database that can be cut, or can fall silent.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub struct Proxy {
    target: Target,
    port: u16,
    silent: Arc<watch::Sender<bool>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Clone)]
enum Target {
    Tcp(String, u16),
    Unix(PathBuf),
}

impl Proxy {
    /// A way to the server of this URL, and the URL that leads through it.
    pub async fn to(url: &str) -> (Self, String) {
        let options = PgConnectOptions::from_str(url).unwrap();
        let port = options.get_port();
        let target = match options.get_socket() {
            Some(directory) => Target::Unix(directory.join(format!(".s.PGSQL.{port}"))),
            None if options.get_host().starts_with('/') => {
                Target::Unix(PathBuf::from(options.get_host()).join(format!(".s.PGSQL.{port}")))
            }
            None => Target::Tcp(options.get_host().to_owned(), port),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = Self { target, port, silent: Arc::new(watch::Sender::new(false)), task: Mutex::new(None) };
        proxy.serve(listener);
        let user = options.get_username().to_owned();
        let secret = url.split("://").nth(1).and_then(|rest| rest.split('@').next()).filter(|part| part.contains(':'));
        let user = secret.map_or(user, str::to_owned);
        let through = format!("postgres://{user}@127.0.0.1:{port}/{}?sslmode=disable", options.get_database().unwrap());
        (proxy, through)
    }

    /// Cuts every connection, and lets none in.
    pub fn cut(&self) {
        self.task.lock().unwrap().take().unwrap().abort();
    }

    /// Lets connections in again.
    pub async fn mend(&self) {
        let listener = loop {
            match TcpListener::bind(("127.0.0.1", self.port)).await {
                Ok(listener) => break listener,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        self.serve(listener);
    }

    /// Takes connections and bytes, and passes nothing on.
    pub fn fall_silent(&self, silent: bool) {
        self.silent.send_replace(silent);
    }

    fn serve(&self, listener: TcpListener) {
        let (target, silent) = (self.target.clone(), Arc::clone(&self.silent));
        let task = tokio::spawn(async move {
            // Dropped with this task, and the connections with it.
            let mut connections = JoinSet::new();
            while let Ok((broker, _)) = listener.accept().await {
                connections.spawn(carry(broker, target.clone(), silent.subscribe()));
            }
        });
        *self.task.lock().unwrap() = Some(task);
    }
}

async fn carry(broker: TcpStream, target: Target, silent: watch::Receiver<bool>) {
    let (from_broker, to_broker) = broker.into_split();
    match target {
        Target::Tcp(host, port) => {
            let Ok(server) = TcpStream::connect((host, port)).await else { return };
            let (from_server, to_server) = server.into_split();
            both(pass(from_broker, to_server, silent.clone()), pass(from_server, to_broker, silent)).await;
        }
        Target::Unix(path) => {
            let Ok(server) = UnixStream::connect(path).await else { return };
            let (from_server, to_server) = server.into_split();
            both(pass(from_broker, to_server, silent.clone()), pass(from_server, to_broker, silent)).await;
        }
    }
}

async fn both(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    tokio::select! { () = one => {}, () = other => {} }
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut silent: watch::Receiver<bool>) {
    let mut buffer = vec![0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if silent.wait_for(|silent| !silent).await.is_err() || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
