//! Escalation by what belongs to the account as a whole: service-linked roles, identity providers, rules and reports.

use serde_json::json;

use super::escalation::{Scene, begin};
use crate::world::policies::{allow, document, statement, trust};
use crate::world::{Actor, Outcome, within_a_second};

#[tokio::test]
async fn a_service_linked_role() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let policy = document([
        json!({ "Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": "*",
            "Condition": { "StringEquals": { "iam:AWSServiceName": "lex.amazonaws.com" } } }),
        statement("Allow", "iam:UpdateAssumeRolePolicy", "*"),
        statement("Allow", "iam:PutRolePolicy", "*"),
        statement("Allow", "iam:CreateRole", "*"),
    ]);
    let ann = scene.root.user_with("ann", &policy).await;
    let opened = trust(&ann.arn, &["sts:AssumeRole"], None);
    scene
        .refuses(
            &ann,
            requests! {
                "CreateServiceLinkedRole AWSServiceName=autoscaling.amazonaws.com";
                "CreateServiceLinkedRole AWSServiceName=lex.amazonaws.com.example.com";
            },
        )
        .await;
    // Names of services have one spelling.
    scene.fails(&ann, "InvalidInput", requests! { "CreateServiceLinkedRole AWSServiceName=Lex.amazonaws.com" }).await;
    scene.grants(&ann, requests! { "CreateServiceLinkedRole AWSServiceName=lex.amazonaws.com" }).await;
    let role = "AWSServiceRoleForLexBots";
    scene
        .fails(
            &ann,
            "UnmodifiableEntity",
            requests! {
                "UpdateAssumeRolePolicy RoleName={role} PolicyDocument={opened}";
                "PutRolePolicy RoleName={role} PolicyName=all PolicyDocument={}", allow("*", "*");
            },
        )
        .await;
    let arn = scene.arn(&format!("role/aws-service-role/lex.amazonaws.com/{role}"));
    scene.refuses(&ann, requests! { "AssumeRole RoleArn={arn} RoleSessionName=desk" }).await;
    // Nobody puts a role of their own where those are.
    let fake = "CreateRole RoleName=AWSServiceRoleForNotes Path=/aws-service-role/notes.amazonaws.com/".to_owned();
    let answer = scene.tries(&ann, &format!("{fake} AssumeRolePolicyDocument={opened}")).await;
    assert_eq!(answer.status / 100, 4, "{answer:?}");
}

/// Whoever may add a client to one provider, or change its keys, vouches for everybody who comes through it, and only through it.
#[tokio::test]
async fn an_identity_provider() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let thumbprint = "0123456789abcdef0123456789abcdef01234567";
    let providers = ["one.example.com", "two.example.com"];
    for provider in providers {
        let create = scene.root.iam.create_open_id_connect_provider().url(format!("https://{provider}"));
        create.thumbprint_list(thumbprint).client_id_list("app").send().await.granted();
    }
    let metadata = crate::saml_providers::metadata("https://idp.example.com/", "");
    for name in ["one", "two"] {
        let create = scene.root.iam.create_saml_provider().name(name).saml_metadata_document(&metadata);
        create.send().await.granted();
    }
    let [one, two] = providers.map(|provider| scene.arn(&format!("oidc-provider/{provider}")));
    let policy = document([
        statement("Allow", "iam:*OpenIDConnectProvider", &one),
        statement("Allow", "iam:UpdateSAMLProvider", &scene.arn("saml-provider/one")),
    ]);
    let ann = scene.root.user_with("ann", &policy).await;
    let saml = scene.arn("saml-provider/two");
    scene
        .refuses(
            &ann,
            requests! {
                "AddClientIDToOpenIDConnectProvider OpenIDConnectProviderArn={two} ClientID=mine";
                "RemoveClientIDFromOpenIDConnectProvider OpenIDConnectProviderArn={two} ClientID=app";
                "UpdateOpenIDConnectProviderThumbprint OpenIDConnectProviderArn={two} ThumbprintList.member.1={thumbprint}";
                "UpdateOpenIDConnectProviderThumbprint OpenIDConnectProviderArn={one} ThumbprintList.member.1={thumbprint}";
                "DeleteOpenIDConnectProvider OpenIDConnectProviderArn={two}";
                "CreateOpenIDConnectProvider Url=https://three.example.com ThumbprintList.member.1={thumbprint}";
                "UpdateSAMLProvider SAMLProviderArn={saml} AssertionEncryptionMode=Allowed";
                "DeleteSAMLProvider SAMLProviderArn={saml}";
                "CreateSAMLProvider Name=three SAMLMetadataDocument={}", "x".repeat(1_000);
            },
        )
        .await;
    scene
        .grants(&ann, requests! { "AddClientIDToOpenIDConnectProvider OpenIDConnectProviderArn={one} ClientID=mine" })
        .await;
}

#[tokio::test]
async fn the_rules_of_the_account() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    // Everything about entities, nothing about the account.
    let policy = document([json!({ "Effect": "Allow", "Action": "iam:*", "Resource": "arn:aws:iam::*" })]);
    let ann = scene.root.user_with("ann", &policy).await;
    scene.root.iam.update_account_password_policy().minimum_password_length(20).send().await.granted();
    scene
        .refuses(
            &ann,
            requests! {
                "UpdateAccountPasswordPolicy MinimumPasswordLength=6";
                "DeleteAccountPasswordPolicy";
                "GetAccountPasswordPolicy";
                "CreateAccountAlias AccountAlias=mine";
                "DeleteAccountAlias AccountAlias=mine";
                "SetSecurityTokenServicePreferences GlobalEndpointTokenVersion=v1Token";
                "EnableOrganizationsRootSessions";
                "EnableOrganizationsRootCredentialsManagement";
                "DisableOrganizationsRootSessions";
                "EnableOutboundWebIdentityFederation";
                "GenerateCredentialReport";
                "GetCredentialReport";
                "GetAccountAuthorizationDetails";
                "GetAccountSummary";
                "SimulateCustomPolicy PolicyInputList.member.1={} ActionNames.member.1=iam:GetUser", allow("*", "*");
            },
        )
        .await;
    scene.grants(&ann, requests! { "ListUsers"; "GetUser UserName=ann" }).await;
    let rules = scene.root.user_with("rules", &allow("iam:UpdateAccountPasswordPolicy", "*")).await;
    scene.refuses(&rules, requests! { "DeleteAccountPasswordPolicy" }).await;
    scene.grants(&rules, requests! { "UpdateAccountPasswordPolicy MinimumPasswordLength=21" }).await;
    // An administrator of a member account does not switch what the organization's management account switches.
    let member = world.another_account("member").await;
    let admin = member.at(&broker).user_with("admin", &allow("*", "*")).await;
    for operation in ["EnableOrganizationsRootSessions", "EnableOrganizationsRootCredentialsManagement"] {
        for who in [&admin as &dyn crate::world::raw::ActorKeys, &member] {
            let answer = scene.tries(who, operation).await;
            assert!(answer.code().contains("Management"), "{operation}: {answer:?}");
        }
    }
    let enabled = scene.root.iam.list_organizations_features().send().await.granted();
    assert!(enabled.enabled_features().is_empty(), "{enabled:?}");
}

/// What simulations and reports tell is told about whom a policy names only.
#[tokio::test]
async fn questions_about_others() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    scene.root.user_with("boss", &allow("*", "*")).await;
    let own = scene.arn("user/${aws:username}");
    let asking = [
        "iam:SimulatePrincipalPolicy",
        "iam:GetContextKeysForPrincipalPolicy",
        "iam:GenerateServiceLastAccessedDetails",
        "iam:ListPoliciesGrantingServiceAccess",
    ];
    let policy = document([json!({ "Effect": "Allow", "Action": asking, "Resource": own })]);
    let ann = scene.root.user_with("ann", &policy).await;
    let role = scene.root.role("admin", &trust(&ann.arn, &["sts:AssumeRole"], None), &allow("*", "*")).await;
    for about in
        [scene.arn("user/boss"), scene.arn("user/BOSS"), scene.arn("user/x/ann"), role.clone(), scene.arn("group/none")]
    {
        scene
            .refuses(
                &ann,
                requests! {
                    "SimulatePrincipalPolicy PolicySourceArn={about} ActionNames.member.1=iam:ListUsers";
                    "GetContextKeysForPrincipalPolicy PolicySourceArn={about}";
                    "GenerateServiceLastAccessedDetails Arn={about}";
                    "ListPoliciesGrantingServiceAccess Arn={about} ServiceNamespaces.member.1=iam";
                },
            )
            .await;
    }
    let ask = format!("SimulatePrincipalPolicy PolicySourceArn={} ActionNames.member.1=iam:ListUsers", ann.arn);
    scene.grants(&ann, &[ask.clone(), format!("GenerateServiceLastAccessedDetails Arn={}", ann.arn)]).await;
    // That something would be allowed allows nothing, whoever is put in as the caller.
    let as_boss = format!("{ask} CallerArn={} PolicyInputList.member.1={}", scene.arn("user/boss"), allow("*", "*"));
    assert!(scene.tries(&ann, &as_boss).await.body.contains("allowed"));
    scene.refuses(&ann, requests! { "ListUsers" }).await;
}

/// A denial that names somebody's ARN is not got round by writing the ARN in another way.
#[tokio::test]
async fn questions_about_somebody_by_another_arn() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let boss = scene.root.user_with("boss", &allow("*", "*")).await;
    let role = scene.root.role("desk", &trust(&boss.arn, &["sts:AssumeRole"], None), "").await;
    let policy = document([
        statement("Allow", "iam:*", "*"),
        statement("Allow", "sts:AssumeRole", "*"),
        json!({ "Effect": "Deny", "Action": "*", "Resource": [boss.arn, role] }),
    ]);
    let ann = scene.root.user_with("ann", &policy).await;
    let opened = trust(&scene.root.account.to_string(), &["sts:AssumeRole"], None);
    let update = scene.root.iam.update_assume_role_policy().role_name("desk").policy_document(opened);
    update.send().await.granted();
    let questions = |about: &str| {
        [
            format!("SimulatePrincipalPolicy PolicySourceArn={about} ActionNames.member.1=iam:ListUsers"),
            format!("GetContextKeysForPrincipalPolicy PolicySourceArn={about}"),
            format!("GenerateServiceLastAccessedDetails Arn={about}"),
            format!("ListPoliciesGrantingServiceAccess Arn={about} ServiceNamespaces.member.1=iam"),
        ]
    };
    scene.refuses(&ann, &questions(&boss.arn)).await;
    for other in ["user/BOSS", "user/x/boss", "user//boss", "User/boss"].map(|entity| scene.arn(entity)) {
        for question in questions(&other) {
            let answer = scene.tries(&ann, &question).await;
            assert!(["NoSuchEntity", "InvalidInput"].contains(&answer.code()), "{question}: {answer:?}");
        }
    }
    for question in questions(&boss.arn.replace("arn:aws:", "arn:aws-cn:")) {
        let answer = scene.tries(&ann, &question).await;
        assert!(["NoSuchEntity", "InvalidInput"].contains(&answer.code()), "{question}: {answer:?}");
    }
    // By their name people are found in any case, and it is their ARN that is judged.
    let mut tried = ["boss", "BOSS"].map(|name| format!("CreateAccessKey UserName={name}")).to_vec();
    tried.extend(
        ["role/desk", "role/DESK", "role/x/desk"]
            .map(|role| format!("AssumeRole RoleArn={} RoleSessionName=desk", scene.arn(role))),
    );
    scene.refuses(&ann, &tried).await;
    scene.grants(&ann, &questions(&ann.arn)).await;
}

/// A report that another ordered is read with the permission to read reports, in the account that it is about.
#[tokio::test]
async fn reports_that_others_ordered() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let boss = scene.root.user_with("boss", &allow("*", "*")).await;
    let ann = scene.root.user_with("ann", &allow("iam:Generate*", "*")).await;
    let job = boss.iam(&broker).generate_service_last_accessed_details().arn(&boss.arn).send().await.granted();
    let job = job.job_id().expect("a job").to_owned();
    scene.grants(&boss, requests! { "GenerateCredentialReport" }).await;
    // It is written in the background.
    within_a_second("the report is there", || async { scene.tries(&boss, "GetCredentialReport").await.status == 200 })
        .await;
    scene
        .refuses(
            &ann,
            requests! {
                "GetServiceLastAccessedDetails JobId={job}";
                "GetServiceLastAccessedDetailsWithEntities JobId={job} ServiceNamespace=iam";
                "GetCredentialReport";
            },
        )
        .await;
    scene.grants(&boss, requests! { "GetServiceLastAccessedDetails JobId={job}" }).await;
    let member = world.another_account("member").await;
    scene.fails(&member, "NoSuchEntity", requests! { "GetServiceLastAccessedDetails JobId={job}" }).await;
    let answer = scene.tries(&member, "GetCredentialReport").await;
    assert!(answer.status != 200 && !answer.body.contains("boss"), "{answer:?}");
}
