//! The same requests for every operation that AWS publishes, built or not, against brevet's reading alone: an operation that is
//! built later finds its cases ready.

use brevet::types::AccountId;
use brevet::wire::form::Form;
use brevet::wire::model::{Model, Operation, Service};
use brevet::wire::tree::Node;
use brevet::wire::validate::{Violations, validate};

use super::cases::{Case, cases};
use super::dice::Dice;
use super::expect::Expected;
use super::sample::Sampler;

/// What is wrong with the reading of a case, if anything is.
fn complaint(operation: &Operation, case: &Case) -> Option<String> {
    let read = |case: &Case| -> Option<Result<(), Violations>> {
        let form = Form::parse(&case.body).ok()?;
        Some(validate(operation, &Node::of(&form).ok()?))
    };
    let fits = match (&case.expected, read(case)) {
        (Expected::Inside, Some(Ok(()))) => true,
        (Expected::Violations(message), Some(Err(found))) => {
            found.code() == "ValidationError" && found.to_string() == *message
        }
        (Expected::Malformed(place), Some(Err(Violations::Malformed { path, .. }))) => *place == path,
        (Expected::Refused("MalformedQueryString", _), read) => read.is_none(),
        (Expected::Refused(..), _) => true,
        _ => false,
    };
    let told = || format!("{}: {}, {}: {:?}", operation.name, case.kind, case.what, case.expected);
    (!fits).then(|| told().chars().take(600).collect())
}

#[test]
fn every_published_operation_is_read_as_its_model_says() {
    let published = [Service::Iam, Service::Sts].map(Model::of);
    let operations: Vec<(&Model, &Operation)> =
        published.iter().flat_map(|model| model.operations().map(|operation| (*model, operation))).collect();
    let account = AccountId::from_number(123_456_789_012).unwrap();
    // Long texts take their time: the halves of the list run side by side.
    let half = |operations: &[(&Model, &Operation)]| {
        let (mut count, mut complaints) = (0, Vec::new());
        for (model, operation) in operations {
            let mut sampler = Sampler { account, dice: Dice::of(&operation.name) };
            let made = cases(model.api_version(), operation, &mut sampler);
            count += made.len();
            complaints.extend(
                made.iter().filter(|case| case.body.len() <= 1 << 20).filter_map(|case| complaint(operation, case)),
            );
        }
        (count, complaints)
    };
    let (first, second) = operations.split_at(operations.len() / 2);
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| half(first));
        let other = half(second);
        (one.join().unwrap(), other)
    });
    let complaints = [one.1, other.1].concat();
    assert!(
        complaints.is_empty(),
        "{} are read otherwise: {:#?}",
        complaints.len(),
        &complaints[..complaints.len().min(20)]
    );
    assert!(one.0 + other.0 > 15_000, "{} {}", one.0, other.0);
}
