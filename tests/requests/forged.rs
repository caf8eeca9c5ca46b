//! Any bytes as names and values, to any operation: signed, so that they are read all the way.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::broken::not_built;
use super::cases::body;
use super::common_errors::is_allowed;
use super::sender::Sender;
use super::suite::built;
use crate::world::policies::allow;
use crate::world::{Backend, World};

/// Names that are nearly right, right ones among them: `{}` is one of the operation's members.
const NAMES: [&str; 16] = [
    "{}",
    "{}",
    "{}",
    "{}.member.1",
    "{}.member.1.Key",
    "{}.member.1.Value",
    "{}.member.2",
    "{}.member.99999999999",
    "{}.entry.1.key",
    "{}.entry.1.value",
    "{}.",
    "{}.member",
    "{}.member.1.member.1",
    "Action",
    "Version",
    "{}%2Emember%2E1",
];

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        any::<String>().prop_map(|text| super::value::escape(&text).into_bytes()),
        "[a-zA-Z0-9:/._%+=&-]{0,60}".prop_map(String::into_bytes),
        Just(b"true".to_vec()),
        Just(b"1".to_vec()),
        Just(b"%7B%22Statement%22%3A%5B%5B%5B%5B%5D%5D%5D%5D%7D".to_vec()),
        (1_usize..3_000).prop_map(|count| b"%5B".repeat(count)),
    ]
}

#[test]
fn any_names_and_values_are_answered_with_an_error_of_aws_or_done() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (world, broker, sender, keys) = runtime.block_on(async {
        let (world, broker) = World::begin(Backend::Sqlite).await;
        let user = world.root.at(&broker).user_with("administrator", &allow("*", "*")).await;
        let sender = Sender::to(&broker);
        (world, broker, sender, user.keys)
    });
    let operations = built();
    let parameter = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), value());
    let request = (any::<prop::sample::Index>(), proptest::collection::vec(parameter, 0..8));
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() });
    let outcome = runner.run(&request, |(which, parameters)| {
        let (service, operation) = operations[which.index(operations.len())];
        let version = brevet::wire::model::Model::of(service).api_version();
        let mut bytes = body(version, &operation.name, &[]);
        for (form, member, value) in &parameters {
            let names: Vec<&str> =
                operation.input.iter().map(|member| member.name.as_str()).chain(["Nonsense"]).collect();
            let name = NAMES[form.index(NAMES.len())].replace("{}", names[member.index(names.len())]);
            bytes.extend([b"&", name.as_bytes(), b"=", value].concat());
        }
        let reply = runtime.block_on(sender.post(bytes, Some((&keys, service.name()))));
        let reply = reply.map_err(TestCaseError::fail)?;
        let known = reply.status == 200 || is_allowed(operation, &reply.code, reply.status);
        prop_assert!(known && (reply.status < 500 || not_built(&reply)), "{}: {reply:?}", operation.name);
        Ok(())
    });
    assert!(outcome.is_ok(), "{outcome:?}");
    runtime.block_on(broker.stop());
    drop(world);
}
