//! A program that knows nothing but the sidecar beside it, and what the audit trail tells of it afterwards.
//!
//! The program is this test program once more, in a process of its own: AWS's SDK finds its credentials by its default chain,
//! with only the container's variables in the environment.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use aws_config::BehaviorVersion;
use aws_config::identity::IdentityCache;
use aws_credential_types::provider::ProvideCredentials;
use brevet::client::sts::AssumeRole;
use brevet::client::{Broker, BrokerSettings, Environment};
use brevet::clock::{Clock, Random, SystemRandom};
use brevet::sidecar::{AuthorizationToken, Keeper, RoleSource, Sidecar, SidecarSettings};
use brevet::store::AuditQuery;
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Value, json};

use crate::world::policies::trust;
use crate::world::{Backend, Outcome, Running, User, World};

on_both_stores! {
    a_program_beside_the_sidecar_is_the_role_and_the_trail_tells_it => the_story;
}

/// The shortest that a role's session lasts, in seconds.
const LIFE: u32 = 900;
/// Begins the program's answers; the test harness writes lines of its own.
const ANSWER: &str = "caller ";
/// The program's name as the test harness has it.
const PROGRAM: &str = "workload::the_program";

async fn the_story(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let host = root.user("host").await;
    let role = root.role("app", &trust(&host.arn, &["sts:AssumeRole"], None), "").await;
    let session = format!("arn:aws:sts::{}:assumed-role/app/web", host.account);

    let token_file = world.folder.path().join("sidecar.token");
    let token = AuthorizationToken::of_file(&token_file, &SystemRandom).expect("a token");
    let keeper = keeper(&world, &broker, &host, &role);
    let listen = ([127, 0, 0, 1], 0).into();
    let settings = SidecarSettings { listen, beyond_loopback: false, path: "/".to_owned() };
    let sidecar = Sidecar::bind(settings).await.expect("a free port");
    let url = sidecar.url();
    keeper.renew_if_due().await;
    let serving = tokio::spawn(sidecar.run(Arc::clone(&keeper), token, std::future::pending()));

    let mut secrets = vec![
        ("the root user's key", world.root.keys.secret.clone()),
        ("the user's key", host.keys.secret.clone()),
        ("the sidecar's token", std::fs::read_to_string(&token_file).expect("a token")),
    ];
    secrets.extend(secrets_of(&keeper));
    let mut program = Program::start(&broker, &url, &token_file);
    let (first, caller) = program.ask();
    assert_eq!((first.as_str(), caller.as_str()), (id_of(&keeper).as_str(), session.as_str()));

    // Ten seconds before their end others are served, and the program notices nothing.
    world.advance(i64::from(LIFE) - 10);
    keeper.renew_if_due().await;
    secrets.extend(secrets_of(&keeper));
    let (second, caller) = program.ask();
    assert_ne!(first, second);
    assert_eq!((second.as_str(), caller.as_str()), (id_of(&keeper).as_str(), session.as_str()));

    program.end();
    serving.abort();

    // A broker that stops writes what it has still to write.
    broker.stop().await;
    let broker = world.another_broker().await;
    let query = AuditQuery { account: Some(host.account.to_string()), limit: 10_000, ..AuditQuery::default() };
    let rows = broker.broker.store.audit(&query).await.expect("the trail");
    let trail: Vec<Vec<u8>> = rows.into_iter().map(|(_, row)| row.body).collect();
    broker.stop().await;
    the_trail_tells(&trail, &host, &role, &session, (&first, &second));
    no_secret_is_in(&trail, &secrets);
}

/// Who did what, from where, with what result.
fn the_trail_tells(trail: &[Vec<u8>], host: &User, role: &str, session: &str, (first, second): (&str, &str)) {
    let records: Vec<Value> = trail.iter().map(|row| serde_json::from_slice(row).expect("JSON")).collect();
    let of = |name: &str| -> Vec<&Value> { records.iter().filter(|record| record["eventName"] == name).collect() };
    let account = host.account.to_string();

    let assumed = of("AssumeRole");
    assert_eq!(assumed.len(), 2, "{assumed:#?}");
    for (record, given) in assumed.iter().zip([first, second]) {
        let who = &record["userIdentity"];
        assert_eq!(who["type"], "IAMUser");
        assert_eq!(who["userName"], host.name);
        assert_eq!(who["arn"], host.arn);
        assert_eq!(who["accessKeyId"], host.keys.id);
        assert_eq!(record["requestParameters"]["roleArn"], role);
        assert_eq!(record["requestParameters"]["roleSessionName"], "web");
        assert_eq!(record["responseElements"]["credentials"]["accessKeyId"], given, "{record:#}");
        assert_eq!(record["responseElements"]["assumedRoleUser"]["arn"], session, "{record:#}");
    }

    let asked = of("GetCallerIdentity");
    assert_eq!(asked.len(), 2, "{asked:#?}");
    for (record, used) in asked.iter().zip([first, second]) {
        let who = &record["userIdentity"];
        assert_eq!(who["accessKeyId"], used);
        assert_eq!(who["type"], "AssumedRole");
        assert!(record["userAgent"].as_str().is_some_and(|agent| agent.contains("aws-sdk-rust")), "{record:#}");
        assert_eq!(who["arn"], session);
        assert!(who["principalId"].as_str().is_some_and(|id| id.starts_with("AROA") && id.ends_with(":web")), "{who}");
        let issuer = &who["sessionContext"]["sessionIssuer"];
        assert_eq!((&issuer["type"], &issuer["arn"]), (&json!("Role"), &json!(role)));
        assert_eq!(who["sessionContext"]["attributes"]["mfaAuthenticated"], "false");
    }
    for record in assumed.iter().chain(&asked) {
        assert_eq!(record["eventSource"], "sts.amazonaws.com");
        assert_eq!(record["eventType"], "AwsApiCall");
        assert_eq!(record["eventCategory"], "Management");
        assert_eq!(record["awsRegion"], "us-east-1");
        assert_eq!(record["sourceIPAddress"], "127.0.0.1");
        assert_eq!(record["recipientAccountId"], account);
        assert_eq!(record["userIdentity"]["accountId"], account);
        assert!(record.get("errorCode").is_none(), "{record:#}");
        for member in ["eventVersion", "eventTime", "eventID", "requestID"] {
            assert!(record[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {record:#}");
        }
    }
}

fn no_secret_is_in(trail: &[Vec<u8>], secrets: &[(&'static str, String)]) {
    for (name, secret) in secrets {
        assert!(secret.len() >= 16, "{name} is too short to be looked for");
        let bytes = secret.as_bytes();
        let base64 = BASE64.encode(bytes).trim_end_matches('=').to_owned();
        for look in [secret.clone(), base64, BASE64URL_NOPAD.encode(bytes), HEXLOWER.encode(bytes)] {
            for row in trail {
                let found = row.windows(look.len()).any(|window| window == look.as_bytes());
                assert!(!found, "{name} is in {}", String::from_utf8_lossy(row));
            }
        }
    }
}

/// What keeps the role's credentials, signing with the user's key.
fn keeper(world: &World, broker: &Running, host: &User, role: &str) -> Arc<Keeper> {
    let clock: Arc<dyn Clock> = Arc::new(world.clock.clone());
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let settings = BrokerSettings::at(broker.url.as_str(), "us-east-1");
    let source = RoleSource {
        broker: Broker::new(&settings, Arc::clone(&clock), Arc::clone(&random)).expect("the settings fit"),
        environment: Environment::of([
            ("AWS_ACCESS_KEY_ID", host.keys.id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", host.keys.secret.as_str()),
        ]),
        profile: None,
        role: AssumeRole {
            role_arn: role.to_owned(),
            session_name: "web".to_owned(),
            duration_seconds: Some(LIFE),
            ..AssumeRole::default()
        },
    };
    Arc::new(Keeper::new(source, clock, random))
}

fn id_of(keeper: &Keeper) -> String {
    keeper.current().expect("credentials").credentials.access_key_id.clone()
}

fn secrets_of(keeper: &Keeper) -> [(&'static str, String); 3] {
    let role = keeper.current().expect("credentials");
    let token = role.credentials.session_token.expose();
    [
        ("a session's secret", role.credentials.secret_access_key.expose().to_owned()),
        ("a session's token", token.to_owned()),
        ("the signature of a session's token", token.rsplit('.').next().unwrap_or_default().to_owned()),
    ]
}

/// The program in its own process. It ends when its standard input does.
struct Program {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Program {
    fn start(broker: &Running, sidecar: &str, token_file: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args([PROGRAM, "--exact", "--ignored", "--nocapture"]).env_clear();
        command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", sidecar);
        command.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token_file);
        command.env("AWS_ENDPOINT_URL", &broker.url).env("AWS_REGION", "us-east-1");
        // When the sidecar does not answer, the chain must not go on to the machine's own role.
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let questions = child.stdin.take().expect("its standard input");
        let answers = BufReader::new(child.stdout.take().expect("its standard output"));
        Self { child, questions, answers }
    }

    /// The access key id that the sidecar serves it now, and who the broker says that it is. The broker and the sidecar have
    /// threads of their own, so this one may wait.
    fn ask(&mut self) -> (String, String) {
        writeln!(self.questions).expect("it listens");
        let lines = (&mut self.answers).lines().map(|line| line.expect("text"));
        let mut answers = lines.filter_map(|line| line.strip_prefix(ANSWER).map(str::to_owned));
        let answer = answers.next().expect("the program answers");
        let (id, arn) = answer.split_once(' ').expect("two words");
        (id.to_owned(), arn.to_owned())
    }

    fn end(self) {
        let Self { mut child, questions, mut answers } = self;
        drop(questions);
        std::io::copy(&mut answers, &mut std::io::sink()).expect("its last words");
        assert!(child.wait().expect("it ends").success());
    }
}

/// One client for its whole life; for each line of standard input it asks the broker who it is.
///
/// It signs with the machine's time, from which the story's strays less than the broker tolerates. By that time nothing of the
/// story expires, so the SDK keeps no credentials: it asks the sidecar before each call.
#[tokio::test]
#[ignore = "the story's own program, which the story starts"]
async fn the_program() {
    if std::env::var_os("AWS_CONTAINER_CREDENTIALS_FULL_URI").is_none() {
        return;
    }
    let http = aws_smithy_http_client::Builder::new().build_http();
    let loader =
        aws_config::defaults(BehaviorVersion::latest()).http_client(http).identity_cache(IdentityCache::no_cache());
    let config = loader.load().await;
    let served = config.credentials_provider().expect("the default chain");
    let sts = aws_sdk_sts::Client::new(&config);
    for _ in std::io::stdin().lock().lines() {
        let id = served.provide_credentials().await.expect("credentials").access_key_id().to_owned();
        let me = sts.get_caller_identity().send().await.granted();
        // The harness may have left a line open.
        println!("\n{ANSWER}{id} {}", me.arn().expect("an ARN"));
    }
}
