//! How long sessions that descend from one another live, and how much one may carry.

use brevet::config::Config;
use serde_json::{Value, json};

use crate::world::policies::{allow, document, statement, trust};
use crate::world::{Actor, Backend, Hand, Outcome, Running, Session, User, World};

const ASSUME: &str = "sts:AssumeRole";

fn claims(session: &Session) -> Value {
    jsonwebtoken::dangerous::insecure_decode::<Value>(session.token()).expect("a JWT").claims
}

/// A user and two roles that may become one another, and so on for ever.
async fn carousel(root: &Hand<'_>) -> (User, String, String) {
    let alice = root.user_with("alice", &allow(ASSUME, "*")).await;
    let everybody = trust(&root.account.to_string(), &[ASSUME], None);
    let mut roles = Vec::new();
    for name in ["ping", "pong"] {
        roles.push(root.role(name, &everybody, &allow(ASSUME, "*")).await);
        root.iam.update_role().role_name(name).max_session_duration(43_200).send().await.granted();
    }
    (alice, roles.remove(0), roles.remove(0))
}

fn assume(
    who: &impl Actor,
    role: &str,
    seconds: Option<i32>,
    at: &Running,
) -> aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder {
    who.sts(at).assume_role().role_arn(role).role_session_name("work").set_duration_seconds(seconds)
}

async fn assumed(who: &impl Actor, role: &str, seconds: Option<i32>, at: &Running) -> Session {
    Session::of(assume(who, role, seconds, at).send().await.granted().credentials())
}

#[tokio::test]
async fn as_with_aws_a_session_may_outlive_the_one_that_began_it() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, ping, pong) = carousel(&world.root.at(&broker)).await;
    let login = alice.sts(&broker).get_session_token().duration_seconds(900).send().await.granted();
    let login = Session::of(login.credentials());
    let now = world.now().seconds();
    let one = assumed(&login, &ping, Some(43_200), &broker).await;
    assert_eq!(one.expires - now, 43_200, "a user's session is no role's");
    let refused = assume(&one, &pong, Some(3_601), &broker).send().await.refused("ValidationError");
    let sentence = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
    assert_eq!(refused, sentence);
    world.advance(43_199);
    let two = assumed(&one, &pong, None, &broker).await;
    assert_eq!(two.expires - world.now().seconds(), 3_600);
    assert!(claims(&two).get("lexp").is_none(), "{}", claims(&two));
}

fn raised(config: &mut Config) {
    config.sessions.chained_session_seconds = 7_200;
}

/// The longest chain that there is: each session begins the next one, with all the time that it may ask for, until the login ends.
async fn never_past_its_login(world: &World, broker: &Running, login: Session, roles: [&String; 2]) {
    let end = login.expires;
    assume(&assumed(&login, roles[0], None, broker).await, roles[1], Some(7_201), broker)
        .send()
        .await
        .refused("ValidationError");
    let mut holder = login;
    let mut turns = 0;
    while world.now().seconds() < end - 600 {
        world.advance(600);
        let asked = if turns % 3 == 0 { Some(7_200) } else { None };
        holder = assumed(&holder, roles[turns % 2], asked, broker).await;
        assert!(holder.expires <= end, "{turns}: {} after the login", holder.expires - end);
        assert_eq!(claims(&holder)["lexp"], end);
        turns += 1;
    }
    assert!(turns > 5);
    world.advance(end - world.now().seconds());
    assume(&holder, roles[0], None, broker).send().await.refused("ExpiredToken");
    holder.sts(broker).get_caller_identity().send().await.refused("ExpiredToken");
}

#[tokio::test]
async fn where_chained_sessions_may_live_longer_none_outlives_the_users_session() {
    let (world, broker) = World::begin_with(Backend::Sqlite, raised).await;
    let root = world.root.at(&broker);
    let (alice, ping, pong) = carousel(&root).await;
    // A longer login allows what the setting says.
    let long = root.session_with_mfa(&alice).await;
    let chained = assumed(&assumed(&long, &ping, None, &broker).await, &pong, Some(7_200), &broker).await;
    assert_eq!(chained.expires - world.now().seconds(), 7_200);
    assert_eq!(claims(&chained)["lexp"], long.expires);
    let login = alice.sts(&broker).get_session_token().duration_seconds(5_400).send().await.granted();
    never_past_its_login(&world, &broker, Session::of(login.credentials()), [&pong, &ping]).await;
}

#[tokio::test]
async fn nor_the_first_session_of_a_role_where_a_key_began_it() {
    let (world, broker) = World::begin_with(Backend::Sqlite, raised).await;
    let (alice, ping, pong) = carousel(&world.root.at(&broker)).await;
    let login = assumed(&alice, &ping, Some(5_400), &broker).await;
    never_past_its_login(&world, &broker, login, [&pong, &ping]).await;
}

#[tokio::test]
async fn a_key_may_log_in_anew_where_its_sessions_may_not() {
    let (world, broker) = World::begin_with(Backend::Sqlite, raised).await;
    let (alice, ping, pong) = carousel(&world.root.at(&broker)).await;
    let first = assumed(&alice, &ping, Some(900), &broker).await;
    world.advance(600);
    let second = assumed(&first, &pong, Some(7_200), &broker).await;
    assert_eq!(second.expires, first.expires, "it ends with the session that the key began");
    let anew = assumed(&alice, &ping, Some(7_200), &broker).await;
    assert_eq!(anew.expires - world.now().seconds(), 7_200);
}

/// A session policy of so many characters, without white space.
fn of_length(characters: usize) -> String {
    let policy = |name: &str| document([statement("Allow", "*", &format!("arn:aws:reports:::{name}*"))]);
    policy(&"x".repeat(characters - policy("").len()))
}

#[tokio::test]
#[expect(deprecated, reason = "the SDK knows of a successor that botocore's model does not have yet")]
async fn aws_limits_a_session_policy_to_2048_characters() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, ping, _) = carousel(&world.root.at(&broker)).await;
    world.root.at(&broker).let_user("alice", "federates", &allow("sts:GetFederationToken", "*")).await;
    let just = of_length(2_048);
    let given = assume(&alice, &ping, None, &broker).policy(&just).send().await.granted();
    assert_eq!(given.packed_policy_size(), Some(50));
    alice.sts(&broker).get_federation_token().name("Bob").policy(&just).send().await.granted();
    let over = of_length(2_049);
    assume(&alice, &ping, None, &broker).policy(&over).send().await.refused("PackedPolicyTooLarge");
    let call = alice.sts(&broker).get_federation_token().name("Bob").policy(&over);
    call.send().await.refused("ValidationError");
}

#[tokio::test]
#[expect(deprecated, reason = "the SDK knows of a successor that botocore's model does not have yet")]
async fn a_quota_may_allow_what_aws_refuses_as_too_large() {
    let (world, broker) = World::begin_with(Backend::Sqlite, |config| {
        config.quotas.session_policy_characters = 6_144;
        config.quotas.packed_session_bytes = 6_144;
    })
    .await;
    let (alice, ping, _) = carousel(&world.root.at(&broker)).await;
    world.root.at(&broker).let_user("alice", "federates", &allow("sts:GetFederationToken", "*")).await;
    let large = of_length(6_144);
    let given = assume(&alice, &ping, None, &broker).policy(&large).send().await.granted();
    assert_eq!(given.packed_policy_size(), Some(100));
    let session = Session::of(given.credentials());
    session.sts(&broker).get_caller_identity().send().await.granted();
    let half = of_length(3_072);
    let given = alice.sts(&broker).get_federation_token().name("Bob").policy(&half).send().await.granted();
    assert_eq!(given.packed_policy_size(), Some(50));
    Session::of(given.credentials()).sts(&broker).get_caller_identity().send().await.granted();
    // The worst that there is to write: quotes, and nothing else, within quotes.
    let mut actions: Vec<String> = Vec::new();
    while document([json!({ "Effect": "Allow", "Action": actions, "Resource": "*" })]).len() < 6_100 {
        actions.push(format!("a:{}", char::from(b'A' + u8::try_from(actions.len() % 26).expect("a letter"))));
    }
    let quotes = document([json!({ "Effect": "Allow", "Action": actions, "Resource": "*" })]);
    let given = assume(&alice, &ping, None, &broker).policy(&quotes).send().await.granted();
    Session::of(given.credentials()).sts(&broker).get_caller_identity().send().await.granted();
    let over = of_length(6_145);
    assume(&alice, &ping, None, &broker).policy(&over).send().await.refused("PackedPolicyTooLarge");
    let call = alice.sts(&broker).get_federation_token().name("Bob").policy(&over);
    call.send().await.refused("PackedPolicyTooLarge");
}
