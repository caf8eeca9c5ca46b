//! Decision servers over HTTP on one scenario, in turns: brevet, Cerbos, and a bare axum handler that answers the same bytes. Each server
//! is a process of its own, with its own defaults, and must answer every question right before it is measured. `benches/peers/cerbos.sh`
//! fetches Cerbos and runs this.
//!
//! The questions are those of the AuthZEN working group's certification scenario in their simplest form: alice may read and write both
//! records, bob may read the first. Both servers get the same bodies at the same path. brevet's are signed with SigV4, and it checks the
//! asker's permission and signature at each; Cerbos knows no askers.

mod scenario;
mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use brevet::sigv4::Credentials;
use brevet::types::SecretText;
use support::load::{self, CONNECTIONS, Round};
use support::memory::resident_mib;
use support::request::{ask, aws, signed};
use support::world::runtime;

const PATH: &str = "/access/v1/evaluation";
const KEY_ID: &str = "AKIAQAAAAAAAAAAAAAAA";
const SECRET: &str = "a secret for a bench on this machine";

/// Who wants to do what with which record, and whether they may.
const QUESTIONS: [(&str, &str, &str, bool); 8] = [
    ("alice", "read", "record-1", true),
    ("alice", "write", "record-1", true),
    ("alice", "read", "record-2", true),
    ("alice", "write", "record-2", true),
    ("bob", "read", "record-1", true),
    ("bob", "write", "record-1", false),
    ("bob", "read", "record-2", false),
    ("bob", "write", "record-2", false),
];

/// The same rules as brevet's policies below, in Cerbos' language.
const CERBOS_POLICY: &str = r#"---
apiVersion: api.cerbos.dev/v1
resourcePolicy:
  resource: record
  version: default
  rules:
    - actions: ["read", "write"]
      effect: EFFECT_ALLOW
      roles: ["member"]
      condition:
        match:
          expr: request.principal.id == "alice" && request.resource.id.startsWith("record-")
    - actions: ["read"]
      effect: EFFECT_ALLOW
      roles: ["member"]
      condition:
        match:
          expr: request.principal.id == "bob" && request.resource.id == "record-1"
"#;

/// A server in a process of its own, which ends with this value.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn main() {
    let Ok(cerbos) = std::env::var("BREVET_BENCH_CERBOS") else {
        println!(
            "servers: BREVET_BENCH_CERBOS names no Cerbos binary; benches/peers/cerbos.sh fetches one and runs this"
        );
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runtime = runtime();
    let brevet = start_brevet(folder.path());
    let cerbos = start_cerbos(Path::new(&cerbos), folder.path());
    let root = Credentials {
        access_key_id: KEY_ID.to_owned(),
        secret_access_key: SecretText::new(SECRET),
        session_token: None,
    };
    runtime.block_on(populate(brevet.address, &root));
    let requests = |of: &dyn Fn(&str) -> Vec<u8>| -> Vec<Vec<u8>> {
        (0..CONNECTIONS).map(|at| of(&body(at % QUESTIONS.len()))).collect()
    };
    let to_brevet =
        requests(&|body| signed(brevet.address, &root, "brevet", PATH, "application/json", body.as_bytes()));
    let to_cerbos = requests(&|body| unsigned(cerbos.address, body));
    runtime.block_on(check("brevet", brevet.address, &to_brevet));
    runtime.block_on(check("Cerbos", cerbos.address, &to_cerbos));
    let answer = runtime.block_on(once(brevet.address, &to_brevet[0]));
    let bare = runtime.block_on(load::bare(PATH, &answer, None, None));
    let sides = [
        ("bare axum handler", bare, &to_brevet, None),
        ("brevet", brevet.address, &to_brevet, Some(&brevet)),
        ("Cerbos 0.55.0", cerbos.address, &to_cerbos, Some(&cerbos)),
    ];
    let client = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let turn = |at: usize, length| client.block_on(load::round(sides[at].1, None, sides[at].2, length));
    let (turns, length) = turns();
    (0..sides.len()).for_each(|at| {
        turn(at, length);
    });
    let rounds: Vec<[Round; 3]> = (0..turns).map(|_| [0, 1, 2].map(|at| turn(at, length))).collect();
    println!(
        "{:<20} {:>10} {:>8} {:>10} {:>10} {:>9} {:>10}",
        "", "req/s", "of bare", "median", "p99", "refused", "memory"
    );
    for (at, (name, _, _, server)) in sides.iter().enumerate() {
        let ratio = middle(rounds.iter().map(|round| round[at].rate / round[0].rate).collect(), f64::total_cmp);
        let round = middle(rounds.iter().map(|round| round[at]).collect(), |a, b| a.rate.total_cmp(&b.rate));
        let memory = server.map_or("".to_owned(), |server| format!("{:.0} MiB", resident_mib(server.child.id())));
        println!(
            "{name:<20} {:>10.0} {:>7.1}% {:>10} {:>10} {:>8.1}% {memory:>10}",
            round.rate,
            ratio * 100.0,
            format!("{:.0?}", round.median),
            format!("{:.0?}", round.p99),
            round.refused * 100.0,
        );
    }
}

/// Turns of each side, and how long one is; as for the other benches over HTTP.
fn turns() -> (usize, Duration) {
    let number = |name: &str, default: u64, most: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default).clamp(1, most)
    };
    let turns = usize::try_from(number("BREVET_BENCH_TURNS", 7, 100)).unwrap_or(7);
    (turns, Duration::from_millis(number("BREVET_BENCH_TURN_MS", 1_000, 10_000)))
}

fn middle<T: Copy>(mut all: Vec<T>, order: impl FnMut(&T, &T) -> std::cmp::Ordering) -> T {
    all.sort_by(order);
    all[all.len() / 2]
}

/// Cerbos wants roles, and finds them here; brevet sees a property that no policy reads.
fn body(question: usize) -> String {
    let (who, action, record, _) = QUESTIONS[question];
    format!(
        r#"{{"subject":{{"type":"user","id":"{who}","properties":{{"cerbos.roles":["member"]}}}},"action":{{"name":"{action}"}},"resource":{{"type":"record","id":"{record}"}}}}"#
    )
}

fn unsigned(address: SocketAddr, body: &str) -> Vec<u8> {
    format!(
        "POST {PATH} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\nuser-agent: brevet-bench/1\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

async fn once(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = load::connect(address, None).await;
    ask(&mut stream, request).await
}

async fn check(name: &str, address: SocketAddr, requests: &[Vec<u8>]) {
    for ((who, action, record, allowed), request) in QUESTIONS.iter().zip(requests) {
        let answer = once(address, request).await;
        let expected = format!("\"decision\":{allowed}");
        assert!(answer.replace(' ', "").contains(&expected), "{name} on {who} {action} {record}: {answer}");
    }
}

fn start_brevet(folder: &Path) -> Server {
    use std::io::{BufRead, BufReader};
    let binary = std::env::var("BREVET_BENCH_BINARY").ok().or(option_env!("CARGO_BIN_EXE_brevet").map(str::to_owned));
    let mut child = Command::new(binary.expect("run with cargo bench, or set BREVET_BENCH_BINARY"))
        .arg("serve")
        .env("BREVET_SERVER_LISTEN", "127.0.0.1:0")
        .env("BREVET_STORE_DATA_DIR", folder.join("data"))
        .env("BREVET_BOOTSTRAP_ACCESS_KEY_ID", KEY_ID)
        .env("BREVET_BOOTSTRAP_SECRET_ACCESS_KEY", SECRET)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let line = lines.next().expect("a first line").expect("text");
    let address = line.rsplit_once("http://").expect("the address").1.parse().expect("host and port");
    // Nobody reads the rest, and a full pipe must not stop the broker.
    std::thread::spawn(move || lines.for_each(drop));
    Server { child, address }
}

fn start_cerbos(binary: &Path, folder: &Path) -> Server {
    let policies = folder.join("policies");
    std::fs::create_dir(&policies).expect("a folder");
    std::fs::write(policies.join("record.yaml"), CERBOS_POLICY).expect("a policy");
    let free = || {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        listener.local_addr().expect("an address")
    };
    let (http, grpc) = (free(), free());
    let config = format!(
        "server:\n  httpListenAddr: \"{http}\"\n  grpcListenAddr: \"{grpc}\"\ntelemetry:\n  disabled: true\nstorage:\n  \
         driver: disk\n  disk:\n    directory: {}\n    watchForChanges: false\n",
        policies.display()
    );
    let file = folder.join("cerbos.yaml");
    std::fs::write(&file, config).expect("its settings");
    let child = Command::new(binary)
        .args(["server", "--log-level=error", "--config"])
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("Cerbos starts");
    let server = Server { child, address: http };
    let begun = Instant::now();
    while std::net::TcpStream::connect(http).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "Cerbos does not listen after half a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
    server
}

async fn populate(address: SocketAddr, root: &Credentials) {
    let iam = async |parameters: &[(&str, &str)]| {
        let all: Vec<_> = parameters.iter().copied().chain([("Version", "2010-05-08")]).collect();
        let answer = once(address, &aws(address, root, "iam", &all)).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    };
    let policy = |action: &str, resource: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":{action},"Resource":"arn:aws:record::*:{resource}"}}}}"#
        )
    };
    for (name, policy) in [
        ("alice", policy(r#"["record:read","record:write"]"#, "record-*")),
        ("bob", policy(r#""record:read""#, "record-1")),
    ] {
        iam(&[("Action", "CreateUser"), ("UserName", name)]).await;
        let put = [("Action", "PutUserPolicy"), ("UserName", name), ("PolicyName", "own"), ("PolicyDocument", &policy)];
        iam(&put).await;
    }
}
