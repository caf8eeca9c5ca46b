//! The policy simulator: what would be decided, why, and what is not known for it.

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType, Statement};
use serde_json::json;

use crate::world::policies::{allow, allow_if, deny, document, statement, trust};
use crate::world::{Actor, Backend, Outcome, World};

fn entry(key: &str, of: ContextKeyTypeEnum, values: &[&str]) -> ContextEntry {
    let values = values.iter().map(|&value| value.to_owned()).collect();
    ContextEntry::builder().context_key_name(key).context_key_type(of).set_context_key_values(Some(values)).build()
}

fn decisions(results: &[EvaluationResult]) -> Vec<&str> {
    results.iter().map(|result| result.eval_decision().as_str()).collect()
}

/// `id line:column-line:column` of each statement.
fn places(statements: &[Statement]) -> Vec<String> {
    let told = statements.iter().map(|statement| {
        let (start, end) = (statement.start_position().expect("a start"), statement.end_position().expect("an end"));
        let id = statement.source_policy_id().expect("an id");
        format!("{id} {}:{}-{}:{}", start.line(), start.column(), end.line(), end.column())
    });
    told.collect()
}

fn ids(result: &EvaluationResult) -> Vec<&str> {
    result.matched_statements().iter().filter_map(|statement| statement.source_policy_id()).collect()
}

#[tokio::test]
async fn policies_that_nobody_has_are_tried_out() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let iam = world.root.iam(&broker);
    let policy = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \
                  \"Action\": \"s3:*\",\n      \"Resource\": \"*\"\n    },\n    {\n      \"Effect\": \"Deny\",\n      \
                  \"Action\": \"s3:Delete*\",\n      \"Resource\": \"*\"\n    }\n  ]\n}";
    let call = iam.simulate_custom_policy().policy_input_list(policy);
    let call = call.action_names("s3:GetObject").action_names("s3:DeleteObject").action_names("sqs:SendMessage");
    let answer = call.send().await.granted();
    let results = answer.evaluation_results();
    assert_eq!(decisions(results), ["allowed", "explicitDeny", "implicitDeny"]);
    assert_eq!(places(results[0].matched_statements()), ["PolicyInputList.1 3:17-8:6"]);
    assert_eq!(places(results[1].matched_statements()), ["PolicyInputList.1 8:6-13:6"]);
    assert_eq!(results[2].matched_statements().len(), 0);
    let source = results[0].matched_statements()[0].source_policy_type().expect("a type");
    assert_eq!(source.as_str(), "IAM Policy");
    for result in results {
        assert_eq!(result.eval_resource_name(), Some("*"));
        assert!(result.missing_context_values().is_empty() && result.resource_specific_results().is_empty());
        assert!(result.eval_decision_details().is_none() && result.permissions_boundary_decision_detail().is_none());
    }
    assert!(!answer.is_truncated() && answer.marker().is_none());
}

#[tokio::test]
async fn what_conditions_read_has_to_be_given() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let iam = world.root.iam(&broker);
    let office = allow_if("s3:GetObject", json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } }));
    let mine = allow("s3:PutObject", "arn:aws:s3:::b/${aws:UserName}/*");
    let keys = iam.get_context_keys_for_custom_policy().policy_input_list(&mine).policy_input_list(&office);
    let keys = keys.send().await.granted();
    assert_eq!(keys.context_key_names(), ["aws:UserName", "aws:SourceIp"]);

    let call = || {
        let call = iam.simulate_custom_policy().policy_input_list(&office).policy_input_list(&mine);
        call.action_names("s3:GetObject").action_names("s3:PutObject")
    };
    let unknown = call().send().await.granted();
    assert_eq!(decisions(unknown.evaluation_results()), ["implicitDeny", "implicitDeny"]);
    assert_eq!(unknown.evaluation_results()[0].missing_context_values(), ["aws:SourceIp", "aws:UserName"]);
    let known = call().resource_arns("arn:aws:s3:::b/ann/k").context_entries(entry(
        "aws:sourceip",
        ContextKeyTypeEnum::Ip,
        &["10.1.2.3"],
    ));
    let results = known.send().await.granted();
    let results = results.evaluation_results();
    assert_eq!(decisions(results), ["allowed", "implicitDeny"]);
    assert!(results[0].missing_context_values().is_empty(), "they are told with the resource");
    let [specific] = results[0].resource_specific_results() else { panic!("{results:?}") };
    assert_eq!(specific.eval_resource_name(), "arn:aws:s3:::b/ann/k");
    assert_eq!(specific.eval_resource_decision(), &PolicyEvaluationDecisionType::Allowed);
    assert_eq!(specific.missing_context_values(), ["aws:UserName"]);
    assert_eq!(specific.matched_statements(), results[0].matched_statements());
    assert_eq!(results[0].eval_decision_details().map(|details| details.len()), Some(0), "there, and empty");
    let ann = known_as(call(), "ann").send().await.granted();
    assert_eq!(decisions(ann.evaluation_results()), ["implicitDeny", "allowed"]);
    let bob = known_as(call(), "bob").send().await.granted();
    assert_eq!(decisions(bob.evaluation_results()), ["implicitDeny", "implicitDeny"]);

    let wrong = call().context_entries(entry("aws:SourceIp", ContextKeyTypeEnum::Ip, &["the office"]));
    let message = wrong.send().await.refused("InvalidInput");
    assert!(message.contains("aws:SourceIp") && message.contains("the office"), "{message}");
}

fn known_as(
    call: aws_sdk_iam::operation::simulate_custom_policy::builders::SimulateCustomPolicyFluentBuilder,
    name: &str,
) -> aws_sdk_iam::operation::simulate_custom_policy::builders::SimulateCustomPolicyFluentBuilder {
    let entry = entry("aws:username", ContextKeyTypeEnum::String, &[name]);
    call.resource_arns("arn:aws:s3:::b/ann/k").context_entries(entry)
}

#[tokio::test]
async fn a_boundary_and_a_resource_policy_have_their_say() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let iam = world.root.iam(&broker);
    let bounded = |boundary: String| {
        let call = iam.simulate_custom_policy().policy_input_list(allow("s3:*", "*")).action_names("s3:GetObject");
        call.permissions_boundary_policy_input_list(boundary)
    };
    for (boundary, decision, by_boundary) in [
        (allow("s3:*", "*"), "allowed", true),
        (allow("sqs:*", "*"), "implicitDeny", false),
        (deny("s3:*", "*"), "explicitDeny", false),
    ] {
        let answer = bounded(boundary).send().await.granted();
        assert_eq!(decisions(answer.evaluation_results()), [decision]);
        let detail = answer.evaluation_results()[0].permissions_boundary_decision_detail().expect("a boundary");
        assert_eq!(detail.allowed_by_permissions_boundary(), by_boundary);
    }
    let denied = bounded(deny("s3:*", "*")).send().await.granted();
    assert_eq!(ids(&denied.evaluation_results()[0]), ["PermissionsBoundaryPolicyInputList.1"]);
    let two = bounded(allow("*", "*")).permissions_boundary_policy_input_list(allow("*", "*"));
    two.send().await.refused("InvalidInput");

    // Between accounts both sides count, and each is told.
    let ann = "arn:aws:iam::111122223333:user/ann";
    let bucket = document([json!({ "Effect": "Allow", "Principal": { "AWS": ann }, "Action": "s3:*",
        "Resource": "arn:aws:s3:::b/*" })]);
    let read = |own: String| {
        let call = iam.simulate_custom_policy().policy_input_list(own).action_names("s3:GetObject");
        call.resource_arns("arn:aws:s3:::b/k").resource_policy(&bucket)
    };
    let message = read(allow("s3:*", "*")).send().await.refused("InvalidInput");
    assert_eq!(message, "Invalid caller - Caller must be an IAM user in this context.");
    let at_home = read(allow("sqs:*", "*")).caller_arn(ann).send().await.granted();
    assert_eq!(decisions(at_home.evaluation_results()), ["allowed"]);
    let [by] = at_home.evaluation_results()[0].matched_statements() else { panic!("{at_home:?}") };
    assert_eq!(by.source_policy_id(), Some("ResourcePolicy"));
    assert_eq!(by.source_policy_type().map(|of| of.as_str()), Some("Resource Policy"));
    let away = read(allow("sqs:*", "*")).caller_arn(ann).resource_owner("arn:aws:iam::444455556666:root");
    let away = away.send().await.granted();
    assert_eq!(decisions(away.evaluation_results()), ["implicitDeny"]);
    let details = away.evaluation_results()[0].eval_decision_details().expect("two accounts");
    let side = |name: &str| details.get(name).map(|decision| decision.as_str());
    assert_eq!([side("IAM Policy"), side("Resource Policy")], [Some("implicitDeny"), Some("allowed")]);
    for (caller, owner) in [("arn:aws:iam::111122223333:role/r", None), (ann, Some("someone"))] {
        let call = read(allow("s3:*", "*")).caller_arn(caller).set_resource_owner(owner.map(str::to_owned));
        call.send().await.refused("InvalidInput");
    }

    // The resource policy of a role is its trust policy.
    let role = "arn:aws:iam::444455556666:role/reader";
    let assume = |trusted: &str| {
        let call = iam.simulate_custom_policy().policy_input_list(allow("sts:AssumeRole", "*")).caller_arn(ann);
        let call = call.action_names("sts:AssumeRole").resource_arns(role);
        call.resource_policy(trust(trusted, &["sts:AssumeRole"], None))
    };
    assert_eq!(decisions(assume("111122223333").send().await.granted().evaluation_results()), ["allowed"]);
    assert_eq!(decisions(assume("444455556666").send().await.granted().evaluation_results()), ["implicitDeny"]);
}

#[tokio::test]
async fn a_users_policies_are_its_own_and_those_of_its_groups() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let managed = root.policy("reading", &allow("s3:Get*", "*")).await;
    let alice = root.user_with("alice", &allow("sqs:*", "*")).await;
    root.group("crew", &deny("sqs:DeleteQueue", "*")).await;
    root.iam.attach_group_policy().group_name("crew").policy_arn(&managed).send().await.granted();
    root.iam.attach_user_policy().user_name("alice").policy_arn(&managed).send().await.granted();
    root.join("alice", "crew").await;
    let ask = |source: &str| {
        let call = root.iam.simulate_principal_policy().policy_source_arn(source).action_names("s3:GetObject");
        call.action_names("sqs:SendMessage").action_names("sqs:DeleteQueue").action_names("sns:Publish")
    };
    let answer = ask(&alice.arn).policy_input_list(allow("sns:*", "*")).send().await.granted();
    let results = answer.evaluation_results();
    assert_eq!(decisions(results), ["allowed", "allowed", "explicitDeny", "allowed"]);
    assert_eq!(ids(&results[0]), ["reading"], "had and inherited, it is one policy");
    assert_eq!(ids(&results[1]), ["user_alice_own"]);
    assert_eq!(ids(&results[2]), ["group_crew_own"]);
    assert_eq!(ids(&results[3]), ["PolicyInputList.1"]);

    let crew = format!("arn:aws:iam::{}:group/crew", root.account);
    assert_eq!(
        decisions(ask(&crew).send().await.granted().evaluation_results()),
        ["allowed", "implicitDeny", "explicitDeny", "implicitDeny"]
    );
    let trusted = trust(&root.account.to_string(), &["sts:AssumeRole"], None);
    let worker = root.role("worker", &trusted, &allow("sns:*", "*")).await;
    let answer = ask(&worker).send().await.granted();
    assert_eq!(decisions(answer.evaluation_results())[3], "allowed");
    assert_eq!(ids(&answer.evaluation_results()[3]), ["role_worker_own"]);

    // Her own boundary counts, unless another one is tried out.
    let boundary = root.policy("boundary", &allow("s3:*", "*")).await;
    root.iam.put_user_permissions_boundary().user_name("alice").permissions_boundary(&boundary).send().await.granted();
    let answer = ask(&alice.arn).send().await.granted();
    assert_eq!(decisions(answer.evaluation_results()), ["allowed", "implicitDeny", "explicitDeny", "implicitDeny"]);
    assert_eq!(ids(&answer.evaluation_results()[0]), ["reading", "boundary"]);
    let wider = ask(&alice.arn).permissions_boundary_policy_input_list(allow("*", "*")).send().await.granted();
    assert_eq!(decisions(wider.evaluation_results()), ["allowed", "allowed", "explicitDeny", "implicitDeny"]);

    // She is the caller whom a resource's policy names, unless somebody else is.
    let topic = document([json!({ "Effect": "Allow", "Principal": { "AWS": alice.arn }, "Action": "sns:*",
        "Resource": "arn:aws:sns:*:*:t" })]);
    let publish = || {
        let call = root.iam.simulate_principal_policy().policy_source_arn(&alice.arn).action_names("sns:Publish");
        call.resource_arns(format!("arn:aws:sns:us-east-1:{}:t", root.account)).resource_policy(&topic)
    };
    assert_eq!(decisions(publish().send().await.granted().evaluation_results()), ["allowed"]);
    let bob = format!("arn:aws:iam::{}:user/bob", root.account);
    assert_eq!(decisions(publish().caller_arn(bob).send().await.granted().evaluation_results()), ["implicitDeny"]);
}

#[tokio::test]
async fn an_entitys_condition_keys_are_listed_as_they_are_written() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("s3:*", "arn:aws:s3:::${aws:PrincipalTag/Team}")).await;
    let office = allow_if("sqs:*", json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } }));
    root.group("crew", &office).await;
    root.join("alice", "crew").await;
    let more = allow_if("sns:*", json!({ "Bool": { "AWS:SourceIP": "true", "aws:SecureTransport": "true" } }));
    let call = root.iam.get_context_keys_for_principal_policy().policy_source_arn(&alice.arn);
    let keys = call.policy_input_list(more).send().await.granted();
    assert_eq!(keys.context_key_names(), ["aws:PrincipalTag/Team", "aws:SourceIp", "aws:SecureTransport"]);
}

#[tokio::test]
async fn many_results_come_in_pages() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let iam = world.root.iam(&broker);
    let call = || {
        let call = iam.simulate_custom_policy().policy_input_list(allow("s3:Get*", "arn:aws:s3:::b/1"));
        let call = call.action_names("s3:GetObject").action_names("s3:PutObject");
        (0..3).fold(call, |call, at| call.resource_arns(format!("arn:aws:s3:::b/{at}"))).max_items(4)
    };
    let first = call().send().await.granted();
    assert_eq!(decisions(first.evaluation_results()), ["implicitDeny", "allowed", "implicitDeny", "implicitDeny"]);
    assert!(first.is_truncated());
    let second = call().marker(first.marker().expect("a marker")).send().await.granted();
    let names: Vec<_> = second.evaluation_results().iter().map(|result| result.eval_resource_name()).collect();
    assert_eq!(names, [Some("arn:aws:s3:::b/1"), Some("arn:aws:s3:::b/2")]);
    assert!(!second.is_truncated() && second.marker().is_none());
    call().marker("bm90LWEtbnVtYmVy").send().await.refused("ValidationError");
}

#[tokio::test]
async fn what_cannot_be_simulated_is_refused_with_the_reason() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let call = || root.iam.simulate_custom_policy().action_names("s3:GetObject");
    let broken = document([json!({ "Effect": "Allow", "Action": "s3:*" })]);
    let message =
        call().policy_input_list(allow("*", "*")).policy_input_list(broken).send().await.refused("InvalidInput");
    assert!(
        message.starts_with("Policy statement must contain resources. (PolicyInputList.2: statement 0"),
        "{message}"
    );
    let mine = || call().policy_input_list(allow("*", "*"));
    mine().action_names("s3:*").send().await.refused("InvalidInput");
    mine().resource_arns("b").send().await.refused("InvalidInput");
    let message = mine().resource_handling_option("EC2-VPC-EBS").send().await.refused("InvalidInput");
    assert!(message.contains("volume"), "{message}");
    mine().resource_handling_option("anything").send().await.refused("InvalidInput");
    let missing =
        |arn: String| root.iam.simulate_principal_policy().policy_source_arn(arn).action_names("s3:GetObject");
    let home = |what: &str| format!("arn:aws:iam::{}:{what}", root.account);
    let message = missing(home("user/nobody")).send().await.refused("NoSuchEntity");
    assert_eq!(message, "The user with name nobody cannot be found.");
    root.user("alice").await;
    missing(home("user/elsewhere/alice")).send().await.refused("NoSuchEntity");
    let message = missing(home("policy/p")).send().await.refused("InvalidInput");
    assert!(message.ends_with("does not clearly define entity type and name."), "{message}");
    let message = missing("arn:aws:iam::111122223333:user/ann".to_owned()).send().await.refused("InvalidInput");
    assert!(message.starts_with("Invalid Policy Source Arn"), "{message}");
}

#[tokio::test]
async fn whose_policies_may_be_simulated_is_a_permission() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user("alice").await;
    let bob = root.user("bob").await;
    let rights = ["iam:SimulatePrincipalPolicy", "iam:GetContextKeysForPrincipalPolicy"];
    let helper = root.user_with("helper", &document(rights.map(|action| statement("Allow", action, &alice.arn)))).await;
    let iam = helper.iam(&broker);
    let simulate =
        |whom: &str| iam.simulate_principal_policy().policy_source_arn(whom).action_names("s3:GetObject").send();
    let keys = |whom: &str| iam.get_context_keys_for_principal_policy().policy_source_arn(whom).send();
    assert_eq!([simulate(&alice.arn).await.code(), keys(&alice.arn).await.code()], ["Ok", "Ok"]);
    assert_eq!([simulate(&bob.arn).await.code(), keys(&bob.arn).await.code()], ["AccessDenied", "AccessDenied"]);
    let custom = iam.simulate_custom_policy().policy_input_list(allow("*", "*")).action_names("s3:GetObject");
    assert_eq!(custom.send().await.code(), "AccessDenied");
    let keys = iam.get_context_keys_for_custom_policy().policy_input_list(allow("*", "*"));
    assert_eq!(keys.send().await.code(), "AccessDenied");
}
