//! Second factors: a code is good once, for its own user, and guessing does not pay.

use aws_sdk_sts::operation::get_session_token::{GetSessionTokenError, GetSessionTokenOutput};

use crate::world::{Actor, Backend, Device, Outcome, Running, User, World};

on_both_stores! {
    a_used_code_is_refused_by_every_broker_of_the_fleet => used_code;
    of_two_brokers_that_see_one_code_at_the_same_moment_exactly_one_takes_it => replay_at_once;
}

type Answer = Result<GetSessionTokenOutput, aws_sdk_sts::error::SdkError<GetSessionTokenError>>;

/// What a caller reads whose code was not taken.
const WRONG: &str = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
/// What a caller reads whose device it is not.
const NOT_THEIRS: &str = "MultiFactorAuthentication failed, unable to validate MFA code.  \
     Please verify your MFA serial number is valid and associated with this user.";

async fn log_in(user: &User, device: &Device, code: &str, at: &Running) -> Answer {
    user.sts(at).get_session_token().serial_number(&device.serial).token_code(code).send().await
}

async fn alice_with_device(world: &World, at: &Running) -> (User, Device) {
    let root = world.root.at(at);
    let alice = root.user("alice").await;
    let device = root.device_of(&alice).await;
    (alice, device)
}

async fn used_code(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let (alice, device) = alice_with_device(&world, &here).await;
    // The codes that enabled the device are used up.
    assert_eq!(log_in(&alice, &device, &device.code(), &there).await.refused("AccessDenied"), WRONG);
    let code = device.next_code();
    log_in(&alice, &device, &code, &here).await.granted();
    assert_eq!(log_in(&alice, &device, &code, &here).await.refused("AccessDenied"), WRONG);
    assert_eq!(log_in(&alice, &device, &code, &there).await.refused("AccessDenied"), WRONG);
    // An older code that was never used is refused too, since a later one was.
    let (older, newer) = (device.code_in(0), device.code_in(1));
    log_in(&alice, &device, &newer, &there).await.granted();
    log_in(&alice, &device, &older, &here).await.refused("AccessDenied");
    log_in(&alice, &device, &device.code_in(2), &here).await.refused("AccessDenied");
}

async fn replay_at_once(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let (alice, device) = alice_with_device(&world, &here).await;
    for round in 0..5 {
        let code = device.next_code();
        let (one, two) = tokio::join!(log_in(&alice, &device, &code, &here), log_in(&alice, &device, &code, &there));
        let taken = [&one, &two].into_iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(taken, 1, "round {round}: {} and {}", one.code(), two.code());
    }
}

#[tokio::test]
async fn after_many_wrong_codes_the_right_one_must_wait() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, device) = alice_with_device(&world, &broker).await;
    world.advance(30);
    for _ in 0..5 {
        log_in(&alice, &device, &device.wrong_code(), &broker).await.refused("AccessDenied");
    }
    assert_eq!(log_in(&alice, &device, &device.code(), &broker).await.refused("AccessDenied"), WRONG);
    // Thirty seconds after the last wrong code the right one is taken, and the count begins anew.
    log_in(&alice, &device, &device.next_code(), &broker).await.granted();
    for _ in 0..4 {
        log_in(&alice, &device, &device.wrong_code(), &broker).await.refused("AccessDenied");
    }
    log_in(&alice, &device, &device.next_code(), &broker).await.granted();
}

#[tokio::test]
async fn the_wait_doubles_with_each_further_wrong_code() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, device) = alice_with_device(&world, &broker).await;
    for _ in 0..5 {
        log_in(&alice, &device, &device.wrong_code(), &broker).await.refused("AccessDenied");
    }
    world.advance(30);
    log_in(&alice, &device, &device.wrong_code(), &broker).await.refused("AccessDenied");
    log_in(&alice, &device, &device.next_code(), &broker).await.refused("AccessDenied");
    log_in(&alice, &device, &device.next_code(), &broker).await.granted();
}

#[tokio::test]
async fn a_code_of_anothers_device_proves_nothing() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, _) = alice_with_device(&world, &broker).await;
    let root = world.root.at(&broker);
    let bob = root.user("bob").await;
    let bobs = root.device_of(&bob).await;
    let message = log_in(&alice, &bobs, &bobs.next_code(), &broker).await.refused("AccessDenied");
    assert_eq!(message, NOT_THEIRS);
    // That try did not use bob's code up.
    log_in(&bob, &bobs, &bobs.code(), &broker).await.granted();
    // A device that nobody has enabled, and one that does not exist, look the same.
    let spare = root.device("spare").await;
    assert_eq!(log_in(&alice, &spare, &spare.code(), &broker).await.refused("AccessDenied"), NOT_THEIRS);
    let mut none = root.device("none").await;
    none.serial.push('x');
    assert_eq!(log_in(&alice, &none, &none.code(), &broker).await.refused("AccessDenied"), NOT_THEIRS);
}

#[tokio::test]
async fn a_code_without_a_serial_number_is_a_mistake() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, device) = alice_with_device(&world, &broker).await;
    let sts = alice.sts(&broker);
    sts.get_session_token().token_code(device.next_code()).send().await.refused("AccessDenied");
    sts.get_session_token().serial_number(&device.serial).send().await.refused("AccessDenied");
    // Neither of them used the code up.
    log_in(&alice, &device, &device.code(), &broker).await.granted();
}

#[tokio::test]
async fn a_device_is_enabled_with_two_codes_in_a_row_only() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    root.user("alice").await;
    let device = root.device("alice").await;
    let (past, now, next) = (device.code_in(-1), device.code(), device.code_in(1));
    for (first, second) in [(&past, &next), (&now, &past), (&now, &now), (&device.wrong_code(), &now)] {
        root.enable("alice", &device, first, second).await.refused("InvalidAuthenticationCode");
    }
    assert!(root.iam.list_mfa_devices().user_name("alice").send().await.granted().mfa_devices().is_empty());
    root.enable("alice", &device, &past, &now).await.granted();
    root.enable("alice", &device, &now, &next).await.refused("EntityAlreadyExists");
}

#[tokio::test]
async fn a_device_whose_clock_went_astray_is_taken_again_after_a_resync() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, mut device) = alice_with_device(&world, &broker).await;
    let root = world.root.at(&broker);
    // Five minutes fast.
    device.ahead = 10;
    log_in(&alice, &device, &device.next_code(), &broker).await.refused("AccessDenied");
    let resync = |first: String, second: String| {
        let call = root.iam.resync_mfa_device().user_name("alice").serial_number(&device.serial);
        call.authentication_code1(first).authentication_code2(second).send()
    };
    resync(device.code(), device.code_in(2)).await.refused("InvalidAuthenticationCode");
    resync(device.code(), device.code_in(1)).await.granted();
    // Both codes are used up; the next one is taken.
    world.advance(30);
    log_in(&alice, &device, &device.code(), &broker).await.refused("AccessDenied");
    log_in(&alice, &device, &device.next_code(), &broker).await.granted();
}

#[tokio::test]
async fn a_deactivated_device_proves_nothing_and_sessions_end_with_their_time() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let (alice, device) = alice_with_device(&world, &broker).await;
    let root = world.root.at(&broker);
    let gone = root.iam.deactivate_mfa_device().user_name("alice").serial_number(&device.serial).send();
    gone.await.granted();
    let message = log_in(&alice, &device, &device.next_code(), &broker).await.refused("AccessDenied");
    assert_eq!(message, NOT_THEIRS);
    // Enabled again, it still does not take a code that it took before.
    root.enable("alice", &device, &device.code_in(-1), &device.code()).await.granted();
    log_in(&alice, &device, &device.code(), &broker).await.refused("AccessDenied");
    log_in(&alice, &device, &device.next_code(), &broker).await.granted();
}
