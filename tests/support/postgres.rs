//! PostgreSQL for tests: the server that `BREVET_TEST_POSTGRES` names, or else a throw-away cluster of this process's own.
//!
//! The variable holds the URL of a running server whose user may create databases. Without it `initdb` and `postgres` are looked
//! for in `PATH` and under `/usr/lib/postgresql`. The cluster lies in a temporary directory, listens on a socket there, and is
//! ended and removed by a shell that notices when this process is gone, however it went.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

/// A new, empty database; its URL. Databases on a server that is not ours are dropped by whoever cleans that server.
pub async fn database() -> String {
    let server = tokio::task::spawn_blocking(server).await.expect("the server starts");
    let name = format!("brevet_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut admin = connect(server).await;
    for statement in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut admin).await.expect("the user may create databases");
    }
    admin.close().await.expect("the connection closes");
    with_database(server, &name)
}

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Leaves no doubt about what is missing.
const MISSING: &str = "these tests need PostgreSQL: install its server (initdb and postgres, found in PATH or under \
     /usr/lib/postgresql/*/bin), or name a running one in BREVET_TEST_POSTGRES";

/// The shell that looks after the cluster: it lives as long as its standard input, which this process holds.
const KEEPER: &str = r#"
"$1/initdb" -D "$2/data" -U brevet -A trust -N -E UTF8 --locale=C >"$2/log" 2>&1 || exit 1
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c max_connections=300 >>"$2/log" 2>&1 &
server=$!
read -r _
kill -QUIT "$server"
wait "$server"
rm -rf "$2"
"#;

fn server() -> &'static str {
    static SERVER: OnceLock<(String, Option<Child>)> = OnceLock::new();
    &SERVER
        .get_or_init(|| match std::env::var("BREVET_TEST_POSTGRES") {
            Ok(url) if !url.is_empty() => (url, None),
            _ => {
                let (url, keeper) = start();
                (url, Some(keeper))
            }
        })
        .0
}

fn start() -> (String, Child) {
    let programs = programs().unwrap_or_else(|| panic!("{MISSING}"));
    let directory =
        tempfile::Builder::new().prefix("brevet-postgres-").tempdir().expect("a temporary directory").keep();
    let mut command = as_ordinary_user(&directory);
    command.args(["-c", KEEPER, "sh"]).arg(&programs).arg(&directory).current_dir(&directory);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let mut keeper = command.spawn().unwrap_or_else(|error| panic!("{MISSING}: {error}"));
    let url = format!("postgres://brevet@localhost/postgres?host={}", directory.display());
    let end = Instant::now() + Duration::from_secs(60);
    while !is_ready(&directory) {
        let ended = keeper.try_wait().expect("the keeper can be asked");
        let log = || std::fs::read_to_string(directory.join("log")).unwrap_or_default();
        assert!(ended.is_none() && Instant::now() < end, "PostgreSQL does not start: {}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
    keeper.stdin.as_mut().expect("it has a pipe").flush().expect("the keeper lives");
    (url, keeper)
}

fn is_ready(directory: &Path) -> bool {
    // The eighth line of the file says how far it is.
    let state = std::fs::read_to_string(directory.join("data/postmaster.pid")).unwrap_or_default();
    state.lines().nth(7).is_some_and(|line| line.trim() == "ready")
}

fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = installed.map(|entry| entry.path().join("bin")).collect();
    versions.sort_by_key(|path| std::cmp::Reverse(version(path)));
    let mut places = std::env::split_paths(&path).chain(versions);
    places.find(|place| place.join("initdb").exists() && place.join("postgres").exists())
}

fn version(programs: &Path) -> u32 {
    let name = programs.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    name.and_then(|name| name.parse().ok()).unwrap_or(0)
}

/// A shell that may run PostgreSQL, which refuses to run as root, in a directory that belongs to it.
fn as_ordinary_user(directory: &Path) -> Command {
    let id = |arguments: &[&str]| -> Option<u32> {
        let said = Command::new("id").args(arguments).output().ok().filter(|output| output.status.success())?;
        String::from_utf8(said.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return Command::new("sh");
    }
    let user = ["postgres", "nobody"].into_iter().find(|user| id(&["-u", user]).is_some());
    let user = user.unwrap_or_else(|| panic!("PostgreSQL does not run as root, and there is no user to run it as"));
    let (uid, gid) = (id(&["-u", user]), id(&["-g", user]));
    std::os::unix::fs::chown(directory, uid, gid).expect("root may give a directory away");
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700)).expect("root may set permissions");
    let mut command = Command::new("sh");
    command.uid(uid.unwrap_or_default()).gid(gid.unwrap_or_default());
    command
}

async fn connect(url: &str) -> sqlx::PgConnection {
    let options = PgConnectOptions::from_str(url).expect("the URL of a PostgreSQL server");
    options.connect().await.unwrap_or_else(|error| panic!("{MISSING}; the one that there is does not answer: {error}"))
}

/// The same server's URL with another database: the last part of the path.
fn with_database(url: &str, name: &str) -> String {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let authority = place.find("://").map_or(0, |at| at + 3);
    let end = place[authority..].find('/').map_or(place.len(), |at| authority + at);
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    format!("{}/{name}{query}", &place[..end])
}
