//! What a token claims, as condition keys, session tags and source identity.

use serde_json::{Value, json};

use super::web_identity::{ASSUME, assume, provider, provider_at, trust, world_of};
use crate::world::policies::{allow_if, document};
use crate::world::raw::ask;
use crate::world::{Actor, Hand, Issuer, Outcome, Running, Session, World};

/// Whether a token with these claims is let in under this condition. The condition's keys are claims' names.
struct Gate<'a> {
    world: &'a World,
    broker: &'a Running,
    root: Hand<'a>,
    issuer: &'a Issuer,
    provider: String,
}

impl Gate<'_> {
    async fn code(&self, actions: &[&str], claims: Value, condition: Value) -> String {
        let policy = trust(&self.provider, actions, condition);
        if self.root.iam.get_role().role_name("gate").send().await.is_ok() {
            let update = self.root.iam.update_assume_role_policy().role_name("gate").policy_document(policy);
            update.send().await.granted();
        } else {
            self.root.role("gate", &policy, "").await;
        }
        let role = format!("arn:aws:iam::{}:role/gate", self.root.account);
        assume(self.broker, &role, &self.issuer.token(&self.claims(claims))).await.code()
    }

    fn claims(&self, more: Value) -> Value {
        let mut claims = Issuer::claims(self.world.now(), "someone");
        for (name, value) in more.as_object().expect("claims") {
            claims[name] = value.clone();
        }
        claims
    }

    async fn lets_in(&self, claims: Value, condition: Value) -> bool {
        let code = self.code(&[ASSUME], claims, condition.clone()).await;
        assert!(["Ok", "AccessDenied"].contains(&code.as_str()), "{condition}: {code}");
        code == "Ok"
    }
}

fn key(claim: &str) -> String {
    format!("{}:{claim}", Issuer::HOST)
}

fn equals(claim: &str, value: &str) -> Value {
    json!({ "StringEquals": { key(claim): value } })
}

#[tokio::test]
async fn every_claim_can_be_asked_for() {
    let issuer = Issuer::begin().await;
    let (world, broker) = world_of(&issuer).await;
    let root = world.root.at(&broker);
    let provider = provider(&root).await;
    let gate = Gate { world: &world, broker: &broker, root, issuer: &issuer, provider };
    let workflow = "octo/shop/.github/workflows/ship.yml@refs/heads/main";
    let github = || {
        json!({ "sub": "repo:octo/shop:ref:refs/heads/main", "job_workflow_ref": workflow, "repository_id": "74",
            "environment": "prod", "actor": "ann", "runner_environment": "github-hosted" })
    };
    let gitlab = || json!({ "sub": "project_path:g/p:ref_type:branch:ref:main", "namespace_path": "g", "ref_protected": "true" });
    let kubernetes = || {
        json!({ "sub": "system:serviceaccount:shop:till", "aud": [Issuer::CLIENT], "kubernetes.io": {
            "namespace": "shop", "node": { "name": "n1", "uid": "u-1" }, "pod": { "name": "till-0", "uid": "u-2" },
            "serviceaccount": { "name": "till", "uid": "u-3" }, "warnafter": 1_700_000_000 } })
    };
    for (claims, condition, expected) in [
        (github(), equals("job_workflow_ref", workflow), true),
        (github(), equals("job_workflow_ref", "octo/other"), false),
        (github(), equals("Repository_ID", "74"), true),
        (github(), json!({ "StringLike": { key("sub"): "repo:octo/shop:*" } }), true),
        (github(), equals("kubernetes.io/namespace", "shop"), false),
        (gitlab(), equals("ref_protected", "true"), true),
        (kubernetes(), equals("kubernetes.io/namespace", "shop"), true),
        (kubernetes(), equals("kubernetes.io/namespace", "bank"), false),
        (kubernetes(), equals("kubernetes.io/serviceaccount/name", "till"), true),
        (kubernetes(), equals("kubernetes.io/pod/uid", "u-2"), true),
        (kubernetes(), equals("aud", Issuer::CLIENT), true),
        (json!({ "email_verified": true }), json!({ "Bool": { key("email_verified"): "true" } }), true),
        (json!({ "email_verified": false }), json!({ "Bool": { key("email_verified"): "true" } }), false),
        (json!({ "level": 7 }), json!({ "NumericGreaterThan": { key("level"): "5" } }), true),
        (json!({ "groups": ["a", "b"] }), json!({ "ForAnyValue:StringEquals": { key("groups"): "b" } }), true),
        (json!({ "groups": ["a"] }), json!({ "ForAnyValue:StringEquals": { key("groups"): "b" } }), false),
        (json!({ "amr": ["mfa"] }), json!({ "ForAnyValue:StringEquals": { key("amr"): "mfa" } }), true),
        (json!({ "azp": Issuer::CLIENT }), equals("azp", Issuer::CLIENT), true),
        (json!({}), json!({ "ArnEquals": { "aws:FederatedProvider": &gate.provider } }), true),
        (json!({}), json!({ "ArnEquals": { "aws:FederatedProvider": "arn:aws:iam::1:oidc-provider/x" } }), false),
        (json!({}), json!({ "StringEquals": { "sts:RoleSessionName": "work" } }), true),
        (json!({}), json!({ "StringEquals": { "sts:RoleSessionName": "play" } }), false),
        // A claim is a key of its issuer and never one of AWS's or of another issuer.
        (json!({ "aws:SourceIp": "8.8.8.8" }), json!({ "IpAddress": { "aws:SourceIp": "8.8.8.8/32" } }), false),
        (json!({ "other.example:sub": "x" }), json!({ "StringEquals": { "other.example:sub": "x" } }), false),
    ] {
        let told = format!("{claims} {condition}");
        assert_eq!(gate.lets_in(claims, condition).await, expected, "{told}");
    }
}

#[tokio::test]
async fn the_audience_key_names_the_party_that_the_token_was_issued_to() {
    let issuer = Issuer::begin().await;
    let (world, broker) = world_of(&issuer).await;
    let root = world.root.at(&broker);
    let provider = provider(&root).await;
    let add = root.iam.add_client_id_to_open_id_connect_provider().open_id_connect_provider_arn(&provider);
    add.client_id("android").send().await.granted();
    let gate = Gate { world: &world, broker: &broker, root, issuer: &issuer, provider };
    let hybrid = || json!({ "azp": "android" });
    assert!(gate.lets_in(hybrid(), equals("aud", "android")).await);
    assert!(gate.lets_in(hybrid(), equals("oaud", Issuer::CLIENT)).await);
    assert!(!gate.lets_in(hybrid(), equals("aud", Issuer::CLIENT)).await);
    assert!(
        gate.lets_in(json!({}), json!({ "StringEquals": { key("aud"): Issuer::CLIENT, key("oaud"): Issuer::CLIENT } }))
            .await
    );
    assert_eq!(gate.code(&[ASSUME], json!({ "azp": "stranger" }), json!({})).await, "InvalidIdentityToken");
    assert_eq!(
        gate.code(&[ASSUME], json!({ "aud": "stranger", "azp": "android" }), json!({})).await,
        "InvalidIdentityToken"
    );
}

#[tokio::test]
async fn tags_and_source_identity_come_with_the_token_and_need_to_be_allowed() {
    let issuer = Issuer::begin().await;
    let (world, broker) = world_of(&issuer).await;
    let root = world.root.at(&broker);
    let provider = provider(&root).await;
    let gate = Gate { world: &world, broker: &broker, root, issuer: &issuer, provider };
    let tagged = || {
        json!({ "https://aws.amazon.com/tags": {
            "principal_tags": { "Team": ["blue"], "Cost": ["7"] }, "transitive_tag_keys": ["Team"] } })
    };
    let named = || json!({ "https://aws.amazon.com/source_identity": "ann" });
    let tag = "sts:TagSession";
    let set = "sts:SetSourceIdentity";
    assert_eq!(gate.code(&[ASSUME], tagged(), json!({})).await, "AccessDenied");
    assert_eq!(gate.code(&[ASSUME, tag], tagged(), json!({})).await, "Ok");
    assert_eq!(gate.code(&[ASSUME], named(), json!({})).await, "AccessDenied");
    assert_eq!(gate.code(&[ASSUME, set], named(), json!({})).await, "Ok");
    assert_eq!(gate.code(&[ASSUME, tag], json!({}), json!({})).await, "Ok");
    for (condition, code) in [
        (json!({ "StringEquals": { "aws:RequestTag/Team": "blue" } }), "Ok"),
        (json!({ "StringEquals": { "aws:RequestTag/Team": "red" } }), "AccessDenied"),
        (json!({ "ForAllValues:StringEquals": { "aws:TagKeys": ["Team", "Cost"] } }), "Ok"),
        (json!({ "ForAllValues:StringEquals": { "aws:TagKeys": ["Team"] } }), "AccessDenied"),
        (json!({ "ForAllValues:StringEquals": { "sts:TransitiveTagKeys": ["Team"] } }), "Ok"),
    ] {
        assert_eq!(gate.code(&[ASSUME, tag], tagged(), condition.clone()).await, code, "{condition}");
    }
    let by_name = |name: &str| json!({ "StringEquals": { "sts:SourceIdentity": name } });
    assert_eq!(gate.code(&[ASSUME, set], named(), by_name("ann")).await, "Ok");
    assert_eq!(gate.code(&[ASSUME, set], named(), by_name("bob")).await, "AccessDenied");
    for claims in [
        json!({ "https://aws.amazon.com/tags": { "principal_tags": { "a": ["b", "c"] } } }),
        json!({ "https://aws.amazon.com/source_identity": "not a name" }),
    ] {
        assert_eq!(gate.code(&[ASSUME, tag, set], claims, json!({})).await, "IDPRejectedClaim");
    }
    let reserved = json!({ "https://aws.amazon.com/tags": { "principal_tags": { "aws:x": ["b"] } } });
    assert_eq!(gate.code(&[ASSUME, tag], reserved, json!({})).await, "ValidationError");

    // The session has them, and the next role of the chain what passes on.
    let mut both = tagged();
    both["https://aws.amazon.com/source_identity"] = json!("ann");
    let policy = document([
        json!({ "Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": { "StringEquals": {
            "aws:PrincipalTag/Team": "blue", "aws:PrincipalTag/Cost": "7", "aws:SourceIdentity": "ann" } } }),
        json!({ "Effect": "Allow", "Action": "sts:*", "Resource": "*" }),
    ]);
    let open = trust(&gate.provider, &[ASSUME, tag, set], json!({}));
    let role = gate.root.role("tagged", &open, &policy).await;
    let answer = assume(&broker, &role, &issuer.token(&gate.claims(both))).await.granted();
    assert_eq!(answer.source_identity(), Some("ann"));
    let session = Session::of(answer.credentials());
    session.iam(&broker).list_users().send().await.granted();
    let account = gate.root.account.to_string();
    let next_trust = crate::world::policies::trust(&account, &["sts:AssumeRole", "sts:TagSession", set], None);
    let next_policy = allow_if(
        "iam:ListUsers",
        json!({ "StringEquals": { "aws:PrincipalTag/Team": "blue", "aws:SourceIdentity": "ann" },
            "Null": { "aws:PrincipalTag/Cost": "true" } }),
    );
    let next = gate.root.role("next", &next_trust, &next_policy).await;
    let chained = session.sts(&broker).assume_role().role_arn(next).role_session_name("on").send().await.granted();
    Session::of(chained.credentials()).iam(&broker).list_users().send().await.granted();
}

#[tokio::test]
async fn an_asker_does_not_speak_for_a_provider() {
    let issuer = Issuer::begin().await;
    let (world, broker) = world_of(&issuer).await;
    let root = world.root.at(&broker);
    let provider = provider_at(&root, &Issuer::url()).await;
    let policy = allow_if("reports:Read", equals("sub", "boss"));
    let role = root.role("r", &trust(&provider, &[ASSUME], json!({})), &policy).await;
    let service = root.user_with("service", &crate::world::policies::allow("brevet:Evaluate", "*")).await;
    let question = |token: &str, context: Value| {
        json!({ "subject": { "type": "session", "id": "it", "properties": { "session_token": token } },
            "action": { "name": "reports:Read" }, "resource": { "type": "report", "id": "arn:aws:reports:::q3" },
            "context": context })
    };
    for (subject, allowed) in [("boss", true), ("clerk", false)] {
        let token = issuer.token(&Issuer::claims(world.now(), subject));
        let session = Session::of(assume(&broker, &role, &token).await.granted().credentials());
        let answer = ask(&broker, &service, &question(session.token(), json!({}))).await;
        assert_eq!((answer.status, &answer.json()["decision"]), (200, &json!(allowed)), "{answer:?}");
        for name in [key("sub"), key("SUB"), "gitlab:sub".to_owned(), "aws:FederatedProvider".to_owned()] {
            let claimed = ask(&broker, &service, &question(session.token(), json!({ &name: "boss" }))).await;
            assert_eq!(claimed.status, 400, "{name}: {claimed:?}");
        }
    }
}
