//! Which services somebody may reach by policy, and when they were last reached: reports for narrowing permissions down.

use aws_sdk_iam::types::{AccessAdvisorUsageGranularityType as Granularity, JobStatusType, SortKeyType};
use serde_json::json;

use crate::world::policies::{allow, document, statement, trust};
use crate::world::raw::{ActorKeys, ask, call, post};
use crate::world::{Actor, Backend, Hand, Outcome, Running, Session, World};

on_both_stores! {
    a_users_report_names_what_is_open_and_what_was_used => of_user;
    a_policys_report_is_about_everybody_who_has_it => of_policy;
    what_a_batch_asks_about_is_noted_of_each_service => of_batch;
    an_organizations_report_is_the_management_accounts => of_organization;
}

async fn begin(hand: &Hand<'_>, arn: &str, granularity: Granularity) -> String {
    let begin = hand.iam.generate_service_last_accessed_details().arn(arn).granularity(granularity);
    begin.send().await.granted().job_id().expect("a job").to_owned()
}

/// Namespace, seconds of the last use, who, how many, and the actions that are told.
type Line = (String, Option<i64>, Option<String>, i32, Vec<String>);

async fn report(iam: &aws_sdk_iam::Client, job: &str) -> Vec<Line> {
    let told = iam.get_service_last_accessed_details().job_id(job).send().await.granted();
    assert_eq!((told.job_status(), told.is_truncated()), (&JobStatusType::Completed, false));
    let line = |one: &aws_sdk_iam::types::ServiceLastAccessed| {
        let actions = one.tracked_actions_last_accessed().iter().filter_map(|one| one.action_name());
        (
            one.service_namespace().to_owned(),
            one.last_authenticated().map(aws_sdk_iam::primitives::DateTime::secs),
            one.last_authenticated_entity().map(|arn| arn.rsplit('/').next().unwrap_or_default().to_owned()),
            one.total_authenticated_entities().unwrap_or_default(),
            actions.map(str::to_owned).collect(),
        )
    };
    told.services_last_accessed().iter().map(line).collect()
}

fn unused(namespace: &str) -> Line {
    (namespace.to_owned(), None, None, 0, Vec::new())
}

/// A service asks whether somebody may do something.
async fn asked_about(root: &World, at: &Running, kind: &str, arn: &str, action: &str) {
    let question = json!({
        "subject": { "type": kind, "id": arn },
        "action": { "name": action },
        "resource": { "type": "thing", "id": "arn:aws:notes:::n1" },
    });
    let answer = ask(at, &root.root, &question).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn of_user(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    root.group("readers", &allow("notes:Read*", "*")).await;
    let alice = root.user_with("alice", &allow("iam:List*", "*")).await;
    root.join("alice", "readers").await;
    let job = begin(&root, &alice.arn, Granularity::ServiceLevel).await;
    assert_eq!(report(&root.iam, &job).await, [unused("iam"), unused("notes")]);

    // What she tries counts, whether it is allowed or not; so does what services ask about her.
    alice.iam(&broker).create_user().user_name("bob").send().await.refused("AccessDenied");
    let first = world.now().seconds();
    world.advance(60);
    asked_about(&world, &broker, "user", &alice.arn, "notes:ReadAll").await;
    asked_about(&world, &broker, "user", &alice.arn, "letters:Send").await;
    // One that nothing opens is not in the report, though it was tried.
    let who = Some("alice".to_owned());
    let plain = [
        ("iam".to_owned(), Some(first), who.clone(), 1, Vec::new()),
        ("notes".to_owned(), Some(first + 60), who.clone(), 1, Vec::new()),
    ];
    assert_eq!(report(&root.iam, &job).await, plain);
    let detailed = begin(&root, &alice.arn, Granularity::ActionLevel).await;
    alice.iam(&broker).list_users().send().await.granted();
    let lines = report(&root.iam, &detailed).await;
    assert_eq!((&lines[0].4, &lines[1].4), (&vec!["CreateUser".into(), "ListUsers".into()], &vec!["ReadAll".into()]));

    // A wildcard opens whatever is known: what brevet answers for, and what was seen.
    root.let_user("alice", "own", &allow("*", "*")).await;
    let namespaces: Vec<String> = report(&root.iam, &job).await.into_iter().map(|line| line.0).collect();
    assert_eq!(namespaces, ["brevet", "iam", "letters", "notes", "sts"]);
    let page = root.iam.get_service_last_accessed_details().job_id(&job).max_items(3).send().await.granted();
    assert_eq!((page.services_last_accessed().len(), page.is_truncated()), (3, true));
    let rest = root.iam.get_service_last_accessed_details().job_id(&job).marker(page.marker().expect("more"));
    assert_eq!(rest.send().await.granted().services_last_accessed()[0].service_namespace(), "notes");

    // It tells of the present, so whoever may not ask for it any more may not fetch it either.
    let fetch = allow("iam:GetServiceLastAccessedDetails", "*");
    let auditor = root.user_with("auditor", &fetch).await;
    root.let_user("auditor", "ask", &allow("iam:GenerateServiceLastAccessedDetails", "*")).await;
    let ask = auditor.iam(&broker).generate_service_last_accessed_details().arn(&alice.arn).send().await.granted();
    let theirs = ask.job_id().expect("a job").to_owned();
    report(&auditor.iam(&broker), &theirs).await;
    root.iam.delete_user_policy().user_name("auditor").policy_name("ask").send().await.granted();
    let late = auditor.iam(&broker).get_service_last_accessed_details().job_id(&theirs).send().await;
    late.refused("AccessDenied");

    // What was noted before a rename is written under the new name.
    root.iam.update_user().user_name("alice").new_user_name("alicia").send().await.granted();
    broker.broker.usage.flush().await.expect("the store takes it");
    let renamed = begin(&root, &alice.arn.replace("alice", "alicia"), Granularity::ServiceLevel).await;
    assert!(report(&root.iam, &renamed).await.iter().any(|line| line.0 == "notes" && line.1 == Some(first + 60)));
    root.iam.update_user().user_name("alicia").new_user_name("alice").send().await.granted();

    // A report is for whoever asked for it, and for a day.
    let missing = format!("No report job {job} was found for this caller.");
    let get = |iam: &aws_sdk_iam::Client| iam.get_service_last_accessed_details().job_id(&job).send();
    assert_eq!(get(&alice.iam(&broker)).await.refused("NoSuchEntity"), missing);
    let partner = world.another_account("partner").await;
    get(&partner.iam(&broker)).await.refused("NoSuchEntity");
    for arn in [format!("arn:aws:iam::{}:user/nobody", root.account), alice.arn.replace("user/", "user/else/")] {
        let begin = root.iam.generate_service_last_accessed_details().arn(&arn).send();
        begin.await.refused("NoSuchEntity");
    }
    let theirs = partner.at(&broker).iam.generate_service_last_accessed_details().arn(&alice.arn).send().await.code();
    assert!(matches!(theirs.as_str(), "InvalidInput" | "AccessDenied"), "{theirs}");
    let of_report = root.iam.get_organizations_access_report().job_id(&job).send().await;
    assert_eq!(of_report.code(), "NoSuchEntity");
    world.advance(86_400);
    let late = [("Action", "GetServiceLastAccessedDetails"), ("JobId", job.as_str())];
    assert_eq!(call(&broker, Some(&world.root), "iam", &late).await.code(), "NoSuchEntity");
}

/// Also of questions that are answered in a row.
async fn of_batch(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("*", "*")).await;
    let bob = root.user_with("bob", &allow("*", "*")).await;
    world.advance(60);
    let of = |kind: &str, id: &str| json!({ "resource": { "type": kind, "id": id } });
    let mut by_bob = of("drafts", "d1");
    by_bob["subject"] = json!({ "type": "user", "id": "bob" });
    let asked = json!({
        "subject": { "type": "user", "id": "alice" },
        "action": { "name": "Read" },
        "evaluations": [of("notes", "n1"), of("notes", "n2"), of("letters", "l1"), of("letters", "l2"), by_bob, of("notes", "n3")],
    });
    let signer: Option<(&dyn ActorKeys, &str)> = Some((&world.root, "brevet"));
    let answer = post(&broker, "/access/v1/evaluations", "application/json", &asked.to_string(), signer).await;
    assert_eq!(answer.json()["evaluations"].as_array().map(Vec::len), Some(6), "{answer:?}");
    let reached = world.now().seconds();
    for (whose, expected) in [(&alice, vec!["letters", "notes"]), (&bob, vec!["drafts"])] {
        let job = begin(&root, &whose.arn, Granularity::ActionLevel).await;
        let lines = report(&root.iam, &job).await;
        let used: Vec<&str> = lines.iter().filter(|line| line.1 == Some(reached)).map(|line| line.0.as_str()).collect();
        assert_eq!(used, expected, "{lines:?}");
        let read = lines.iter().filter(|line| line.4 == ["Read"]).count();
        assert_eq!(read, expected.len(), "{lines:?}");
    }
}

async fn of_policy(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let policy = root.policy("notes", &document([statement("Allow", "notes:*", "*")])).await;
    root.group("crew", "").await;
    let mut users = Vec::new();
    for name in ["alice", "bob", "carol"] {
        users.push(root.user(name).await);
        root.join(name, "crew").await;
    }
    root.role("worker", &trust(&root.account.to_string(), &["sts:AssumeRole"], None), "").await;
    root.iam.attach_group_policy().group_name("crew").policy_arn(&policy).send().await.granted();
    root.iam.attach_role_policy().role_name("worker").policy_arn(&policy).send().await.granted();
    // Through the group and by herself: she is one.
    root.iam.attach_user_policy().user_name("alice").policy_arn(&policy).send().await.granted();

    asked_about(&world, &broker, "user", &users[0].arn, "notes:Read").await;
    let first = world.now().seconds();
    world.advance(10);
    asked_about(&world, &broker, "user", &users[1].arn, "notes:Read").await;
    world.advance(10);
    let worker = format!("arn:aws:iam::{}:role/worker", root.account);
    asked_about(&world, &broker, "role", &worker, "notes:Write").await;

    let job = begin(&root, &policy, Granularity::ActionLevel).await;
    let expected =
        ("notes".to_owned(), Some(first + 20), Some("worker".to_owned()), 3, vec!["Read".into(), "Write".into()]);
    assert_eq!(report(&root.iam, &job).await, [expected]);
    let group = format!("arn:aws:iam::{}:group/crew", root.account);
    let of_group = begin(&root, &group, Granularity::ServiceLevel).await;
    let expected = ("notes".to_owned(), Some(first + 10), Some("bob".to_owned()), 2, Vec::new());
    assert_eq!(report(&root.iam, &of_group).await, [expected]);

    // Who they are: the latest first, and at the end those who never did.
    let mut found = Vec::new();
    let mut marker = None;
    loop {
        let get = root.iam.get_service_last_accessed_details_with_entities().job_id(&job).service_namespace("notes");
        let page = get.max_items(1).set_marker(marker).send().await.granted();
        for entity in page.entity_details_list() {
            let info = entity.entity_info().expect("an entity");
            let at = entity.last_authenticated().map(|at| at.secs() - first);
            found.push((info.name().to_owned(), info.r#type().as_str().to_owned(), at));
        }
        marker = page.marker().map(str::to_owned);
        if !page.is_truncated() {
            break;
        }
    }
    let expected =
        [("worker", "ROLE", Some(20)), ("bob", "USER", Some(10)), ("alice", "USER", Some(0)), ("carol", "USER", None)];
    assert_eq!(found, expected.map(|(name, kind, at)| (name.to_owned(), kind.to_owned(), at)));
    let none = root.iam.get_service_last_accessed_details_with_entities().job_id(&job).service_namespace("iam");
    assert!(none.send().await.granted().entity_details_list().is_empty());

    // An AWS managed policy is one like another.
    let aws = "arn:aws:iam::aws:policy/IAMReadOnlyAccess";
    root.iam.attach_user_policy().user_name("carol").policy_arn(aws).send().await.granted();
    users[2].iam(&broker).list_users().send().await.granted();
    let job = begin(&root, aws, Granularity::ServiceLevel).await;
    let lines = report(&root.iam, &job).await;
    assert_eq!((lines[0].0.as_str(), &lines[0].2, lines[0].3), ("iam", &Some("carol".to_owned()), 1));
    let job = root.iam.generate_service_last_accessed_details().arn("arn:aws:iam::aws:policy/NoSuchPolicy");
    job.send().await.refused("NoSuchEntity");
}

async fn of_organization(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let root = world.root.at(&broker);
    let begin = async |hand: &Hand<'_>, path: &str| {
        hand.iam.generate_organizations_access_report().entity_path(path).send().await
    };
    begin(&root, "o-aaaaaaaaaa/r-aaaa").await.refused("AccessDenied");
    let partner = world.another_account("partner").await;
    let third = world.another_account("third").await;
    let id = root.iam.list_organizations_features().send().await.granted().organization_id.expect("an id");
    let top = format!("{id}/r-{}", &id[2..]);
    begin(&partner.at(&broker), &top).await.refused("AccessDenied");

    let alice = partner.at(&broker).user_with("alice", &allow("sts:AssumeRole", "*")).await;
    let trusting = trust(&partner.account.to_string(), &["sts:AssumeRole"], None);
    let role = partner.at(&broker).role("worker", &trusting, "").await;
    world.advance(60);
    let session = alice.sts(&broker).assume_role().role_arn(&role).role_session_name("work").send().await.granted();
    let used = world.now().seconds();
    world.advance(60);
    Session::of(session.credentials()).iam(&broker).list_users().send().await.refused("AccessDenied");
    third.iam(&broker).list_users().send().await.granted();

    let job = begin(&root, &format!("{top}/")).await.granted().job_id.expect("a job");
    let get = || root.iam.get_organizations_access_report().job_id(&job);
    let told = get().send().await.granted();
    assert_eq!((told.job_status(), told.number_of_services_accessible()), (&JobStatusType::Completed, Some(3)));
    assert_eq!(told.number_of_services_not_accessed(), Some(1));
    let shown: Vec<_> = told
        .access_details()
        .iter()
        .map(|one| {
            let at = one.last_authenticated_time().map(|at| at.secs() - used);
            (one.service_namespace(), at, one.entity_path(), one.total_authenticated_entities())
        })
        .collect();
    let theirs = format!("{top}/{}", partner.account);
    assert_eq!(shown[0], ("brevet", None, None, None));
    assert_eq!((shown[1].0, shown[1].1, shown[1].3), ("iam", Some(60), Some(2)));
    assert_eq!(shown[2], ("sts", Some(0), Some(theirs.as_str()), Some(1)));
    // Pages follow the order that was asked for.
    let mut marker = None;
    let mut names = Vec::new();
    loop {
        let page = get().sort_key(SortKeyType::LastAuthenticatedTimeDescending).max_items(1).set_marker(marker);
        let page = page.send().await.granted();
        names.extend(page.access_details().iter().map(|one| one.service_namespace().to_owned()));
        marker = page.marker().map(str::to_owned);
        if !page.is_truncated() {
            break;
        }
    }
    assert_eq!(names, ["iam", "sts", "brevet"]);

    // One account; the management account is in no other report.
    let job = begin(&root, &theirs).await.granted().job_id.expect("a job");
    let told = root.iam.get_organizations_access_report().job_id(&job).send().await.granted();
    assert_eq!(told.access_details()[1].total_authenticated_entities(), Some(1));
    partner.iam(&broker).get_organizations_access_report().job_id(&job).send().await.refused("NoSuchEntity");

    // What there is not fails as a job.
    let of_policy = root.iam.generate_organizations_access_report().entity_path(&top);
    let of_policy = of_policy.organizations_policy_id("p-12345678").send().await.granted().job_id.expect("a job");
    let elsewhere = begin(&root, &format!("{top}/123456789012")).await.granted().job_id.expect("a job");
    for (job, code) in [(of_policy, "NoSuchEntity"), (elsewhere, "InvalidInput")] {
        let told = root.iam.get_organizations_access_report().job_id(job).send().await.granted();
        let error = told.error_details().map(aws_sdk_iam::types::ErrorDetails::code);
        assert_eq!((told.job_status(), error), (&JobStatusType::Failed, Some(code)));
    }
}
