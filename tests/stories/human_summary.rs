//! What policies say, in plain words, to those who may look at them.

use aws_sdk_iam::types::SummaryStateType;

use crate::world::policies::{allow, deny};
use crate::world::{Actor, Backend, Outcome, World};

#[tokio::test]
async fn whoever_may_look_reads_what_somebodys_policies_say() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("notes:Read*", "arn:aws:notes:::*")).await;
    let told = async |arn: &str| {
        let told = root.iam.get_human_readable_summary().entity_arn(arn).send().await.granted();
        assert_eq!((told.summary_state(), told.locale()), (Some(&SummaryStateType::Available), Some("en")));
        told.summary_content.expect("a summary")
    };
    let own = "Policy own\n- allows notes:Read* on arn:aws:notes:::*";
    assert_eq!(told(&alice.arn).await, own);
    // What she inherits is hers; a denial is one.
    root.group("crew", &deny("notes:ReadSecret", "*")).await;
    root.join("alice", "crew").await;
    let lines = told(&alice.arn).await;
    assert!(lines.contains("- denies notes:ReadSecret on every resource") && lines.contains(own), "{lines}");
    let aws = told("arn:aws:iam::aws:policy/AdministratorAccess").await;
    assert_eq!(aws, "Policy AdministratorAccess\n- allows every action on every resource");
    // Long ones end where the answer does.
    let long = told("arn:aws:iam::aws:policy/ReadOnlyAccess").await;
    assert!(long.chars().count() <= 10_000 && long.ends_with("do not fit here."), "{long}");
    root.user("bob").await;
    let bob = alice.arn.replace("alice", "bob");
    assert_eq!(told(&bob).await, "There are no policies, so nothing is allowed.");

    let german = root.iam.get_human_readable_summary().entity_arn(&bob).locale("de-DE").send().await.granted();
    assert_eq!((german.summary_state(), german.locale()), (Some(&SummaryStateType::NotSupported), Some("de-DE")));
    assert_eq!(german.summary_content().unwrap_or_default(), "");

    let ask = |iam: &aws_sdk_iam::Client, arn: &str| iam.get_human_readable_summary().entity_arn(arn).send();
    let request = format!("arn:aws:iam::{}:delegation-request/12345678", root.account);
    ask(&root.iam, &request).await.refused("NoSuchEntity");
    ask(&root.iam, &alice.arn.replace("alice", "carol")).await.refused("NoSuchEntity");
    ask(&root.iam, "arn:aws:iam::123456789012:mfa/phone").await.refused("InvalidInput");
    ask(&alice.iam(&broker), &alice.arn).await.refused("AccessDenied");
    let partner = world.another_account("partner").await;
    let theirs = ask(&partner.iam(&broker), &alice.arn).await.code();
    assert!(matches!(theirs.as_str(), "InvalidInput" | "AccessDenied" | "NoSuchEntity"), "{theirs}");
}
