//! The alias of an account: it has one, and no two accounts have the same.

use crate::world::policies::allow;
use crate::world::{Actor, Backend, Hand, Outcome, World};

on_both_stores! {
    an_alias_belongs_to_one_account => one_account;
    of_two_accounts_that_want_one_alias_at_once_one_gets_it => at_once;
}

async fn aliases(root: &Hand<'_>) -> Vec<String> {
    let listed = root.iam.list_account_aliases().send().await.granted();
    assert!(!listed.is_truncated() && listed.marker().is_none());
    listed.account_aliases().to_vec()
}

async fn one_account(backend: Backend) {
    let (world, broker) = World::begin(backend).await;
    let partner = world.another_account("partner").await;
    let (root, other) = (world.root.at(&broker), partner.at(&broker));
    assert!(aliases(&root).await.is_empty());
    let create = |who: &Hand<'_>, alias: &str| who.iam.create_account_alias().account_alias(alias).send();
    let delete = |who: &Hand<'_>, alias: &str| who.iam.delete_account_alias().account_alias(alias).send();
    let missing = "The account alias example-corp cannot be found.";
    assert_eq!(delete(&root, "example-corp").await.refused("NoSuchEntity"), missing);
    create(&root, "example-corp").await.granted();
    assert_eq!(aliases(&root).await, ["example-corp"]);
    assert!(aliases(&other).await.is_empty());

    // Taken is taken, whoever has it; and who does not have it cannot delete it.
    let taken = "The account alias example-corp already exists.";
    assert_eq!(create(&other, "example-corp").await.refused("EntityAlreadyExists"), taken);
    assert_eq!(create(&root, "example-corp").await.refused("EntityAlreadyExists"), taken);
    assert_eq!(delete(&other, "example-corp").await.refused("NoSuchEntity"), missing);

    // A new one takes the old one's place, which is free then.
    create(&root, "example-labs").await.granted();
    assert_eq!(aliases(&root).await, ["example-labs"]);
    create(&other, "example-corp").await.granted();
    assert_eq!(aliases(&other).await, ["example-corp"]);
    assert_eq!(delete(&root, "example-corp").await.refused("NoSuchEntity"), missing);
    delete(&root, "example-labs").await.granted();
    assert!(aliases(&root).await.is_empty());
    delete(&root, "example-labs").await.refused("NoSuchEntity");
    create(&other, "example-labs").await.granted();
    assert_eq!(aliases(&other).await, ["example-labs"]);
}

async fn at_once(backend: Backend) {
    let (world, here) = World::begin(backend).await;
    let there = world.another_broker().await;
    let partner = world.another_account("partner").await;
    let (root, other) = (world.root.at(&here), partner.at(&there));
    for round in 0..5 {
        let alias = format!("wanted-{round}");
        let one = root.iam.create_account_alias().account_alias(&alias).send();
        let two = other.iam.create_account_alias().account_alias(&alias).send();
        let (one, two) = tokio::join!(one, two);
        let mut codes = [one.code(), two.code()];
        codes.sort();
        assert_eq!(codes, ["EntityAlreadyExists", "Ok"], "round {round}");
        assert_eq!(aliases(&root).await == [alias.clone()], one.is_ok(), "round {round}");
        assert_eq!(aliases(&other).await == [alias], two.is_ok(), "round {round}");
    }
}

#[tokio::test]
async fn an_alias_is_written_as_aws_writes_it() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let create = |alias: &str| root.iam.create_account_alias().account_alias(alias).send();
    for wrong in ["ab", "Example", "-corp", "corp-", "two--dashes", "under_score", &"x".repeat(64)] {
        create(wrong).await.refused("ValidationError");
        root.iam.delete_account_alias().account_alias(wrong).send().await.refused("ValidationError");
    }
    for right in ["a1b", "111122223333", "a-b-c", &"x".repeat(63)] {
        create(right).await.granted();
    }
    root.iam.list_account_aliases().marker("nonsense").send().await.refused("ValidationError");
}

#[tokio::test]
async fn each_operation_on_the_alias_is_allowed_by_its_own_name() {
    let (world, broker) = World::begin(Backend::Sqlite).await;
    let root = world.root.at(&broker);
    let alice = root.user_with("alice", &allow("iam:ListAccountAliases", "*")).await.iam(&broker);
    alice.list_account_aliases().send().await.granted();
    alice.create_account_alias().account_alias("example").send().await.refused("AccessDenied");
    alice.delete_account_alias().account_alias("example").send().await.refused("AccessDenied");
    root.let_user("alice", "create", &allow("iam:CreateAccountAlias", "*")).await;
    alice.create_account_alias().account_alias("example").send().await.granted();
    root.let_user("alice", "delete", &allow("iam:DeleteAccountAlias", "*")).await;
    alice.delete_account_alias().account_alias("example").send().await.granted();
}
