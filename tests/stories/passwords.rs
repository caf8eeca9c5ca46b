//! Passwords: what an account asks of them, who may change its own, and that guessing does not pay.

use aws_sdk_iam::error::SdkError;
use aws_sdk_iam::operation::change_password::{ChangePasswordError, ChangePasswordOutput};
use brevet::identity::LoginProfile;
use brevet::identity::password_policy::{Standing, standing};
use brevet::store::{Tx, layout};
use serde_json::json;

use crate::world::policies::{allow, deny, document, statement, trust};
use crate::world::{Actor, Backend, Hand, Keys, Outcome, Running, Session, World};

on_both_stores! {
    a_policy_lives_and_is_held_to => a_life;
    of_many_guesses_at_once_few_are_looked_at => guesses_at_once;
}

const FIRST: &str = "Tr0ub4dor&3-first";
const WRONG: &str = "The old password was incorrect.";
const REUSED: &str = "Policy constraint violation with password reuse prevention during password change.";
const MISSING: &str = "Login Profile for User alice cannot be found.";

type Changed = Result<ChangePasswordOutput, SdkError<ChangePasswordError>>;

async fn change(who: &impl Actor, at: &Running, old: &str, new: &str) -> Changed {
    who.iam(at).change_password().old_password(old).new_password(new).send().await
}

async fn give_password(root: &Hand<'_>, user: &str, password: &str) {
    root.iam.create_login_profile().user_name(user).password(password).send().await.granted();
}

async fn profile(at: &Running, root: &Hand<'_>, user: &str) -> LoginProfile {
    let mut tx = Tx::new(at.broker.store.clone());
    let key = layout::login_profile(root.account, &user.parse().expect("a name"));
    tx.get(&key).await.expect("the store answers").expect("a login profile")
}

async fn a_life(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let get = || root.iam.get_account_password_policy().send();
    let missing = format!("The Password Policy with domain name {} cannot be found.", root.account);
    assert_eq!(get().await.refused("NoSuchEntity"), missing);
    assert_eq!(root.iam.delete_account_password_policy().send().await.refused("NoSuchEntity"), missing);

    // What an update does not say has its default.
    root.iam.update_account_password_policy().send().await.granted();
    let policy = get().await.granted();
    let policy = policy.password_policy().expect("a policy");
    assert_eq!(policy.minimum_password_length(), Some(6));
    assert!(!policy.require_symbols() && !policy.require_numbers());
    assert!(!policy.require_uppercase_characters() && !policy.require_lowercase_characters());
    assert!(!policy.allow_users_to_change_password() && !policy.expire_passwords());
    assert_eq!((policy.max_password_age(), policy.password_reuse_prevention()), (None, None));
    assert_eq!(policy.hard_expiry(), None);

    let all = root.iam.update_account_password_policy().minimum_password_length(14).require_symbols(true);
    let all = all.require_numbers(true).require_uppercase_characters(true).require_lowercase_characters(true);
    let all = all.allow_users_to_change_password(true).max_password_age(90).password_reuse_prevention(24);
    all.hard_expiry(true).send().await.granted();
    let policy = get().await.granted();
    let policy = policy.password_policy().expect("a policy");
    assert_eq!(policy.minimum_password_length(), Some(14));
    assert!(policy.require_symbols() && policy.require_numbers());
    assert!(policy.require_uppercase_characters() && policy.require_lowercase_characters());
    assert!(policy.allow_users_to_change_password() && policy.expire_passwords());
    assert_eq!((policy.max_password_age(), policy.password_reuse_prevention()), (Some(90), Some(24)));
    assert_eq!(policy.hard_expiry(), Some(true));

    root.user("alice").await;
    let create = |password: &str| root.iam.create_login_profile().user_name("alice").password(password).send();
    let violations = [
        ("Aa1!Aa1!Aa1!A", "Password should have a minimum length of 14"),
        ("aaaa-1111-aaaa", "Password should have at least one uppercase letter"),
        ("AAAA-1111-AAAA", "Password should have at least one lowercase letter"),
        ("AAAA-aaaa-AAAA", "Password should have at least one number"),
        ("AAAA1aaaa1AAAA", "Password should have at least one symbol"),
    ];
    for (password, violation) in violations {
        assert_eq!(create(password).await.refused("PasswordPolicyViolation"), violation);
    }
    create("AAAA-aaaa-1111").await.granted();
    for (password, violation) in violations {
        let update = root.iam.update_login_profile().user_name("alice").password(password).send().await;
        assert_eq!(update.refused("PasswordPolicyViolation"), violation);
    }

    // Another account has its own policy, or none.
    let partner = world.another_account("partner").await;
    let partner = partner.at(&broker);
    partner.iam.get_account_password_policy().send().await.refused("NoSuchEntity");
    root.iam.delete_account_password_policy().send().await.granted();
    assert_eq!(get().await.refused("NoSuchEntity"), missing);
}

#[tokio::test]
async fn numbers_out_of_range_are_mistakes() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let update = || root.iam.update_account_password_policy();
    for wrong in [5, 129, -1, i32::MAX] {
        update().minimum_password_length(wrong).send().await.refused("ValidationError");
    }
    for wrong in [0, 1_096] {
        update().max_password_age(wrong).send().await.refused("ValidationError");
    }
    for wrong in [0, 25] {
        update().password_reuse_prevention(wrong).send().await.refused("ValidationError");
    }
    root.iam.get_account_password_policy().send().await.refused("NoSuchEntity");
    let most = update().minimum_password_length(128).max_password_age(1_095).password_reuse_prevention(24);
    most.send().await.granted();
}

#[tokio::test]
async fn without_a_policy_awss_own_is_held_to() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    root.iam.create_account_alias().account_alias("example-corp-1").send().await.granted();
    root.user("Alice-In-Wonderland").await;
    let create =
        |password: &str| root.iam.create_login_profile().user_name("alice-in-wonderland").password(password).send();
    for weak in ["Aa1!aaa", "aaaaaaaa1", "Example-Corp-1", "aLICE-iN-wONDERLAND"] {
        create(weak).await.refused("PasswordPolicyViolation");
    }
    create("").await.refused("ValidationError");
    create(&"Aa1!".repeat(33)).await.refused("ValidationError");
    create(&"Aa1!".repeat(32)).await.granted();
}

#[tokio::test]
async fn a_user_that_policy_lets_changes_its_own_password() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let own = allow("iam:ChangePassword", "arn:aws:iam::*:user/${aws:username}");
    let alice = root.user_with("alice", &own).await;
    assert_eq!(change(&alice, &broker, FIRST, "Another-pass-1").await.refused("NoSuchEntity"), MISSING);
    let create = root.iam.create_login_profile().user_name("alice").password(FIRST).password_reset_required(true);
    create.send().await.granted();
    let reset_required = async || {
        let found = root.iam.get_login_profile().user_name("alice").send().await.granted();
        found.login_profile().expect("a profile").password_reset_required()
    };
    assert!(reset_required().await);
    assert_eq!(change(&alice, &broker, "not-It-1234", "Another-pass-1").await.refused("AccessDenied"), WRONG);
    change(&alice, &broker, FIRST, "weak").await.refused("PasswordPolicyViolation");
    world.advance(86_400);
    let changed_at = world.now();
    change(&alice, &broker, FIRST, "Another-pass-1").await.granted();
    assert!(!reset_required().await);
    let found = profile(&broker, &root, "alice").await;
    assert_eq!((found.changed(), found.created), (changed_at, changed_at.plus(-86_400)));
    assert_eq!(change(&alice, &broker, FIRST, "Third-pass-123").await.refused("AccessDenied"), WRONG);
    // Nothing says that the same may not be taken again.
    change(&alice, &broker, "Another-pass-1", "Another-pass-1").await.granted();
    // Whoever has no password of this kind is told so.
    let only_users = "Only IAM Users can change their own password.";
    assert_eq!(change(&world.root, &broker, FIRST, "Another-pass-1").await.refused("InvalidUserType"), only_users);
    let role = root.role("worker", &trust(&alice.arn, &["sts:AssumeRole"], None), &allow("*", "*")).await;
    root.let_user("alice", "assume", &allow("sts:AssumeRole", "*")).await;
    let assumed = alice.sts(&broker).assume_role().role_arn(role).role_session_name("work").send().await.granted();
    let assumed = Session::of(assumed.credentials());
    assert_eq!(change(&assumed, &broker, FIRST, "Another-pass-1").await.refused("InvalidUserType"), only_users);
    // A user who may change only its own has no way to another's.
    give_password(&root, &root.user("bob").await.name, FIRST).await;
    let update = alice.iam(&broker).update_login_profile().user_name("bob").password("Another-pass-1").send().await;
    update.refused("AccessDenied");
}

#[tokio::test]
async fn the_account_lets_every_user_change_its_own_password_and_no_more() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    // The path looks like a pattern, and is none.
    let made = root.iam.create_user().user_name("carol").path("/*/${aws:username}/?/").send().await.granted();
    assert!(made.user().expect("a user").arn().ends_with(":user/*/${aws:username}/?/carol"));
    let carol = root.access_key("carol").await;
    let mut users: Vec<(&str, Keys)> = vec![("carol", carol)];
    for name in ["alice", "bob", "dave"] {
        users.push((name, root.user(name).await.keys));
    }
    for (name, keys) in &users {
        give_password(&root, name, FIRST).await;
        change(keys, &broker, FIRST, "Another-pass-1").await.refused("AccessDenied");
        keys.iam(&broker).get_account_password_policy().send().await.refused("AccessDenied");
    }
    root.let_user("bob", "not", &deny("iam:ChangePassword", "*")).await;
    let boundary = root.policy("bounds", &allow("notes:Read", "*")).await;
    root.iam.put_user_permissions_boundary().user_name("dave").permissions_boundary(boundary).send().await.granted();
    let allow_all = root.iam.update_account_password_policy().allow_users_to_change_password(true);
    allow_all.minimum_password_length(10).send().await.granted();

    let by = |name: &str| users.iter().find(|(other, _)| *other == name).expect("made").1.clone();
    let (alice, bob, carol, dave) = (by("alice"), by("bob"), by("carol"), by("dave"));
    for keys in [&alice, &carol] {
        change(keys, &broker, FIRST, "Another-pass-1").await.granted();
        keys.iam(&broker).get_account_password_policy().send().await.granted();
        // That is all that it gives.
        keys.iam(&broker).list_users().send().await.refused("AccessDenied");
        let update = keys.iam(&broker).update_login_profile().user_name("alice").password("Another-pass-2");
        update.send().await.refused("AccessDenied");
        keys.iam(&broker).update_account_password_policy().send().await.refused("AccessDenied");
    }
    // A denial and a boundary stand above it.
    let message = change(&bob, &broker, FIRST, "Another-pass-1").await.refused("AccessDenied");
    assert!(message.ends_with("with an explicit deny in an identity-based policy"), "{message}");
    let message = change(&dave, &broker, FIRST, "Another-pass-1").await.refused("AccessDenied");
    assert!(message.contains("permissions boundary"), "{message}");
    // Roles are no users.
    let trusting = trust(&root.account.to_string(), &["sts:AssumeRole"], None);
    let role = root.role("worker", &trusting, "").await;
    root.let_user("alice", "assume", &allow("sts:AssumeRole", "*")).await;
    let assumed = alice.sts(&broker).assume_role().role_arn(role).role_session_name("work").send().await.granted();
    let assumed = Session::of(assumed.credentials());
    assumed.iam(&broker).get_account_password_policy().send().await.refused("AccessDenied");
    // What the account gave it takes away again, from everybody at once.
    root.iam.update_account_password_policy().send().await.granted();
    change(&alice, &broker, "Another-pass-1", "Another-pass-3").await.refused("AccessDenied");
    alice.iam(&broker).get_account_password_policy().send().await.refused("AccessDenied");
}

#[tokio::test]
async fn the_last_passwords_are_not_taken_again_whoever_sets_them() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("iam:ChangePassword", "*")).await;
    let remember = |passwords: i32| root.iam.update_account_password_policy().password_reuse_prevention(passwords);
    remember(3).send().await.granted();
    give_password(&root, "alice", "pass-0").await;
    for number in 1..=3 {
        let (old, new) = (format!("pass-{}", number - 1), format!("pass-{number}"));
        assert_eq!(change(&alice, &broker, &old, &old).await.refused("PasswordPolicyViolation"), REUSED);
        change(&alice, &broker, &old, &new).await.granted();
    }
    for reused in ["pass-1", "pass-2", "pass-3"] {
        let changed = change(&alice, &broker, "pass-3", reused).await;
        assert_eq!(changed.refused("PasswordPolicyViolation"), REUSED, "{reused}");
        let update = root.iam.update_login_profile().user_name("alice").password(reused).send().await;
        assert_eq!(update.refused("PasswordPolicyViolation"), REUSED, "{reused}");
    }
    assert_eq!(profile(&broker, &root, "alice").await.former.len(), 2);
    change(&alice, &broker, "pass-3", "pass-0").await.granted();
    // Who is to remember fewer forgets the others with the next password.
    remember(1).send().await.granted();
    change(&alice, &broker, "pass-0", "pass-2").await.granted();
    assert_eq!(profile(&broker, &root, "alice").await.former.len(), 0);
    remember(24).send().await.granted();
    change(&alice, &broker, "pass-2", "pass-0").await.granted();
    change(&alice, &broker, "pass-0", "pass-2").await.refused("PasswordPolicyViolation");
    // A new name changes nothing about that.
    root.iam.update_user().user_name("alice").new_user_name("alicia").send().await.granted();
    change(&alice, &broker, "pass-0", "pass-2").await.refused("PasswordPolicyViolation");
}

#[tokio::test]
async fn after_many_wrong_passwords_the_right_one_must_wait() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("iam:ChangePassword", "*")).await;
    give_password(&root, "alice", FIRST).await;
    for guess in 0..5 {
        let answer = change(&alice, &broker, &format!("guess-{guess}"), "Another-pass-1").await;
        assert_eq!(answer.refused("AccessDenied"), WRONG);
    }
    let throttled = "EntityTemporarilyUnmodifiable";
    change(&alice, &broker, FIRST, "Another-pass-1").await.refused(throttled);
    world.advance(29);
    change(&alice, &broker, FIRST, "Another-pass-1").await.refused(throttled);
    // Tries that are not looked at do not lengthen the wait; one that is doubles it.
    world.advance(1);
    change(&alice, &broker, "guess-6", "Another-pass-1").await.refused("AccessDenied");
    world.advance(59);
    change(&alice, &broker, FIRST, "Another-pass-1").await.refused(throttled);
    world.advance(1);
    change(&alice, &broker, FIRST, "Another-pass-1").await.granted();
    // A right one, and an administrator's new one, begin the count anew.
    for old in ["Another-pass-1", "Another-pass-2"] {
        for guess in 0..5 {
            change(&alice, &broker, &format!("guess-{guess}"), "Another-pass-3").await.refused("AccessDenied");
        }
        change(&alice, &broker, old, "Another-pass-3").await.refused(throttled);
        let update = root.iam.update_login_profile().user_name("alice").password("Another-pass-2");
        update.send().await.granted();
    }
    change(&alice, &broker, "Another-pass-2", "Another-pass-4").await.granted();
}

/// Each try to change a password writes to the profile, also one with the right password that is refused for the new one. Whoever knows
/// the password must not be able to keep an administrator from replacing it.
#[tokio::test]
async fn whoever_knows_a_password_cannot_keep_it_by_changing_it_all_the_time() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let mallory = root.user_with("mallory", &allow("iam:ChangePassword", "*")).await;
    root.iam.update_account_password_policy().password_reuse_prevention(24).send().await.granted();
    give_password(&root, "mallory", "pass-0").await;
    for number in 1..=4 {
        let update = root.iam.update_login_profile().user_name("mallory").password(format!("pass-{number}"));
        update.send().await.granted();
    }
    let tries = (0..4).map(|_| {
        let client = mallory.iam(&broker);
        tokio::spawn(async move {
            loop {
                let change = client.change_password().old_password("pass-4").new_password("pass-4");
                let code = change.send().await.code();
                // The password is another one: it was replaced.
                if code == "AccessDenied" {
                    return;
                }
                assert!(
                    ["PasswordPolicyViolation", "EntityTemporarilyUnmodifiable"].contains(&code.as_str()),
                    "{code}"
                );
            }
        })
    });
    let tries: Vec<_> = tries.collect();
    // They are under way when as much has been waited for as one of them takes.
    change(&mallory, &broker, "pass-4", "pass-3").await.code();
    root.iam.update_login_profile().user_name("mallory").password("pass-5").send().await.granted();
    for one in tries {
        tokio::time::timeout(std::time::Duration::from_secs(60), one).await.expect("an end").expect("no other answer");
    }
}

async fn guesses_at_once(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let root = world.root.at(&here);
    let alice = root.user_with("alice", &allow("iam:ChangePassword", "*")).await;
    give_password(&root, "alice", FIRST).await;
    let mut guesses = Vec::new();
    for number in 0..24 {
        let at = if number % 2 == 0 { &here } else { &there };
        let client = alice.iam(at);
        guesses.push(tokio::spawn(async move {
            let guess = format!("guess-{number}");
            client.change_password().old_password(guess).new_password("Another-pass-1").send().await.code()
        }));
    }
    let mut answers = Vec::new();
    for guess in guesses {
        answers.push(guess.await.expect("an answer"));
    }
    let looked_at = answers.iter().filter(|code| *code == "AccessDenied").count();
    assert!(looked_at <= 5, "{looked_at} guesses were looked at: {answers:?}");
    assert_eq!(profile(&here, &root, "alice").await.failures as usize, looked_at);
}

#[tokio::test]
async fn an_expired_password_is_known_as_one() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("iam:ChangePassword", "*")).await;
    give_password(&root, "alice", FIRST).await;
    let standing_now = async || {
        let mut tx = Tx::new(broker.broker.store.clone());
        let policy = tx.get(&layout::password_policy(root.account)).await.expect("the store answers");
        standing(policy.as_ref(), &profile(&broker, &root, "alice").await, world.now())
    };
    world.advance(31 * 86_400);
    assert_eq!(standing_now().await, Standing::Valid);
    // A policy is about older passwords too, at once.
    root.iam.update_account_password_policy().max_password_age(30).send().await.granted();
    assert_eq!(standing_now().await, Standing::MustChange);
    root.iam.update_account_password_policy().max_password_age(30).hard_expiry(true).send().await.granted();
    assert_eq!(standing_now().await, Standing::Expired);
    // With an access key the user helps itself all the same.
    change(&alice, &broker, FIRST, "Another-pass-1").await.granted();
    assert_eq!(standing_now().await, Standing::Valid);
    world.advance(30 * 86_400);
    assert_eq!(standing_now().await, Standing::Expired);
    let reset = root.iam.update_login_profile().user_name("alice").password(FIRST).password_reset_required(true);
    reset.send().await.granted();
    assert_eq!(standing_now().await, Standing::MustChange);
}

#[tokio::test]
async fn who_helps_itself_with_mfa_changes_its_password_after_mfa_only() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let own = "arn:aws:iam::*:user/${aws:username}";
    let mut without_mfa = json!({
        "Effect": "Deny",
        "NotAction": [
            "iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "iam:GetUser", "iam:ListMFADevices",
            "iam:ListVirtualMFADevices", "iam:ResyncMFADevice", "sts:GetSessionToken",
        ],
        "Resource": "*",
    });
    without_mfa["Condition"] = json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } });
    let helps_itself = document([
        statement("Allow", "iam:GetAccountPasswordPolicy", "*"),
        statement("Allow", "iam:ListVirtualMFADevices", "*"),
        statement("Allow", "iam:ChangePassword", own),
        statement("Allow", "iam:GetUser", own),
        statement("Allow", "iam:CreateVirtualMFADevice", "arn:aws:iam::*:mfa/${aws:username}"),
        statement("Allow", "iam:EnableMFADevice", own),
        without_mfa,
    ]);
    root.group("staff", &helps_itself).await;
    // What the account allows everybody does not help without MFA either.
    root.iam.update_account_password_policy().allow_users_to_change_password(true).send().await.granted();
    let alice = root.user("alice").await;
    root.join("alice", "staff").await;
    give_password(&root, "alice", FIRST).await;
    change(&alice, &broker, FIRST, "Another-pass-1").await.refused("AccessDenied");
    alice.iam(&broker).get_account_password_policy().send().await.refused("AccessDenied");

    // The user makes and enables its own device, and none of another name.
    let hand = Hand { account: root.account, iam: alice.iam(&broker), at: &broker };
    let other = hand.iam.create_virtual_mfa_device().virtual_mfa_device_name("bob").send().await;
    other.refused("AccessDenied");
    let device = hand.device_of(&alice).await;
    change(&alice, &broker, FIRST, "Another-pass-1").await.refused("AccessDenied");
    let session = alice.sts(&broker).get_session_token().send().await.granted();
    let session = Session::of(session.credentials());
    change(&session, &broker, FIRST, "Another-pass-1").await.refused("InvalidClientTokenId");
    let login = alice.sts(&broker).get_session_token().serial_number(&device.serial).token_code(device.next_code());
    let session = Session::of(login.send().await.granted().credentials());
    session.iam(&broker).get_account_password_policy().send().await.granted();
    change(&session, &broker, FIRST, "Another-pass-1").await.granted();
    change(&session, &broker, FIRST, "Another-pass-2").await.refused("AccessDenied");
}
