//! Escalation by somebody else's credentials: people who manage their own and try those of the boss.

use serde_json::json;

use super::authorization::self_service;
use super::escalation::{Scene, begin};
use super::server_certificates::own;
use crate::world::policies::{allow, document};
use crate::world::{Actor, Device, Outcome, Session, User};

/// An RSA key of 2,048 bits in SSH's encoding; whose, nobody knows.
fn ssh_key() -> String {
    let modulus = [&[0, 0x81][..], &[7; 254], &[1]].concat();
    let text = |bytes: &[u8]| [&u32::try_from(bytes.len()).expect("short").to_be_bytes()[..], bytes].concat();
    let blob = [text(b"ssh-rsa"), text(&[1, 0, 1]), text(&modulus)].concat();
    format!("ssh-rsa {}", data_encoding::BASE64.encode(&blob))
}

/// What the boss has, by its ids.
struct Boss {
    access_key: String,
    device: Device,
    ssh_key: String,
    certificate: String,
    service: String,
}

/// The boss, with everything that a user can have, and ann, who manages her own credentials in a session with MFA.
async fn people(scene: &Scene<'_>) -> (Boss, User, Session, Device) {
    let root = &scene.root;
    let boss = root.user_with("boss", &allow("*", "*")).await;
    let ann = root.user("ann").await;
    let policy = root.policy("self-service", &self_service()).await;
    root.iam.attach_user_policy().user_name("ann").policy_arn(&policy).send().await.granted();
    let second = root.access_key("boss").await;
    let off = root.iam.update_access_key().user_name("boss").access_key_id(&second.id);
    off.status(aws_sdk_iam::types::StatusType::Inactive).send().await.granted();
    root.iam.create_login_profile().user_name("boss").password("correct-Horse9").send().await.granted();
    let ssh = root.iam.upload_ssh_public_key().user_name("boss").ssh_public_key_body(ssh_key());
    let ssh = ssh.send().await.granted().ssh_public_key().expect("a key").ssh_public_key_id().to_owned();
    let pem = own("boss.example", brevet::clock::Clock::now(&root.at.clock)).pem;
    let certificate = root.iam.upload_signing_certificate().user_name("boss").certificate_body(pem).send().await;
    let certificate = certificate.granted().certificate().expect("a certificate").certificate_id().to_owned();
    let service =
        root.iam.create_service_specific_credential().user_name("boss").service_name("codecommit.amazonaws.com");
    let service = service.send().await.granted();
    let service =
        service.service_specific_credential().expect("a credential").service_specific_credential_id().to_owned();
    let device = root.device_of(&boss).await;
    let hers = root.device_of(&ann).await;
    let opened =
        ann.sts(root.at).get_session_token().serial_number(&hers.serial).token_code(hers.next_code()).send().await;
    let session = Session::of(opened.granted().credentials());
    (Boss { access_key: second.id, device, ssh_key: ssh, certificate, service }, ann, session, hers)
}

#[tokio::test]
async fn access_keys_and_passwords_of_another() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let (boss, _, ann, _) = people(&scene).await;
    let key = &boss.access_key;
    for name in ["boss", "BOSS", "Boss"] {
        scene
            .refuses(
                &ann,
                requests! {
                    "CreateAccessKey UserName={name}";
                    "UpdateAccessKey UserName={name} AccessKeyId={key} Status=Active";
                    "DeleteAccessKey UserName={name} AccessKeyId={key}";
                    "ListAccessKeys UserName={name}";
                    "GetAccessKeyLastUsed AccessKeyId={key}";
                    "CreateLoginProfile UserName={name} Password=Mine-is-9-long";
                    "UpdateLoginProfile UserName={name} Password=Mine-is-9-long";
                    "DeleteLoginProfile UserName={name}";
                },
            )
            .await;
    }
    // Another's key is not reached in one's own name, spelled out or not.
    scene
        .fails(
            &ann,
            "NoSuchEntity",
            requests! {
                "UpdateAccessKey UserName=ann AccessKeyId={key} Status=Active";
                "UpdateAccessKey AccessKeyId={key} Status=Active";
                "DeleteAccessKey AccessKeyId={key}";
                "ChangePassword OldPassword=correct-Horse9 NewPassword=Mine-is-9-long";
            },
        )
        .await;
    scene.grants(&ann, requests! { "CreateAccessKey UserName=ann"; "ListAccessKeys" }).await;
}

/// Who was locked out does not let themselves in again.
#[tokio::test]
async fn a_key_that_was_switched_off() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let ann = scene.root.user_with("ann", &allow("iam:*", "*")).await;
    let off = scene.root.iam.update_access_key().user_name("ann").access_key_id(&ann.keys.id);
    off.status(aws_sdk_iam::types::StatusType::Inactive).send().await.granted();
    let again =
        requests! { "UpdateAccessKey UserName=ann AccessKeyId={} Status=Active", ann.keys.id; "CreateAccessKey" };
    scene.fails(&ann, "InvalidClientTokenId", again).await;
    let keeper = scene.root.user_with("keeper", &allow("iam:UpdateAccessKey", &ann.arn)).await;
    scene.grants(&keeper, &again[..1]).await;
    scene.grants(&ann, requests! { "ListUsers" }).await;
}

#[tokio::test]
async fn second_factors_of_another() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let (boss, long_lived, ann, device) = people(&scene).await;
    let theirs = &boss.device.serial;
    let codes = format!("AuthenticationCode1={} AuthenticationCode2={}", device.code_in(1), device.code_in(2));
    let enrolling = requests! {
        "DeactivateMFADevice UserName=boss SerialNumber={theirs}";
        "EnableMFADevice UserName=boss SerialNumber={} {codes}", device.serial;
        "ResyncMFADevice UserName=boss SerialNumber={theirs} {codes}";
        "DeleteVirtualMFADevice SerialNumber={theirs}";
        "CreateVirtualMFADevice VirtualMFADeviceName=boss2";
        "CreateVirtualMFADevice VirtualMFADeviceName=ann Path=/boss/";
        "ListMFADevices UserName=boss"
    };
    scene.refuses(&ann, enrolling).await;
    scene.refuses(&long_lived, enrolling).await;
    scene.fails(&ann, "NoSuchEntity", requests! { "DeactivateMFADevice UserName=ann SerialNumber={theirs}" }).await;
    // Without having proven the second factor, nobody takes it off, not even their own.
    scene
        .refuses(
            &long_lived,
            requests! {
                "DeactivateMFADevice UserName=ann SerialNumber={}", device.serial;
                "DeleteVirtualMFADevice SerialNumber={}", device.serial;
                "CreateAccessKey UserName=ann";
            },
        )
        .await;
    scene
        .grants(
            &ann,
            requests! {
                "DeactivateMFADevice UserName=ann SerialNumber={}", device.serial;
                "DeleteVirtualMFADevice SerialNumber={}", device.serial;
                "CreateVirtualMFADevice VirtualMFADeviceName=ann";
            },
        )
        .await;
}

#[tokio::test]
async fn keys_certificates_and_service_credentials_of_another() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let (boss, _, ann, _) = people(&scene).await;
    let Boss { ssh_key, certificate, service, .. } = &boss;
    scene
        .refuses(
            &ann,
            requests! {
                "UploadSSHPublicKey UserName=boss SSHPublicKeyBody=nonsense";
                "UpdateSSHPublicKey UserName=boss SSHPublicKeyId={ssh_key} Status=Inactive";
                "DeleteSSHPublicKey UserName=boss SSHPublicKeyId={ssh_key}";
                "GetSSHPublicKey UserName=boss SSHPublicKeyId={ssh_key} Encoding=SSH";
                "UploadSigningCertificate UserName=boss CertificateBody=nonsense";
                "UpdateSigningCertificate UserName=boss CertificateId={certificate} Status=Inactive";
                "DeleteSigningCertificate UserName=boss CertificateId={certificate}";
                "CreateServiceSpecificCredential UserName=boss ServiceName=codecommit.amazonaws.com";
                "ResetServiceSpecificCredential UserName=boss ServiceSpecificCredentialId={service}";
                "UpdateServiceSpecificCredential UserName=boss ServiceSpecificCredentialId={service} Status=Inactive";
                "DeleteServiceSpecificCredential UserName=boss ServiceSpecificCredentialId={service}";
                "ListServiceSpecificCredentials AllUsers=true";
            },
        )
        .await;
    // Not in one's own name either.
    scene
        .fails(
            &ann,
            "NoSuchEntity",
            requests! {
                "UpdateSSHPublicKey UserName=ann SSHPublicKeyId={ssh_key} Status=Inactive";
                "DeleteSSHPublicKey UserName=ann SSHPublicKeyId={ssh_key}";
                "UpdateSigningCertificate UserName=ann CertificateId={certificate} Status=Inactive";
                "DeleteSigningCertificate CertificateId={certificate}";
                "ResetServiceSpecificCredential ServiceSpecificCredentialId={service}";
                "DeleteServiceSpecificCredential UserName=ann ServiceSpecificCredentialId={service}";
            },
        )
        .await;
    let create = "CreateServiceSpecificCredential UserName=ann ServiceName=codecommit.amazonaws.com".to_owned();
    scene.grants(&ann, &[create, "ListServiceSpecificCredentials".to_owned()]).await;
}

/// The root user's keys are the root user's, whatever an administrator may.
#[tokio::test]
async fn credentials_of_the_root_user() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let ann = scene.root.user_with("ann", &allow("*", "*")).await;
    let key = &world.root.keys.id;
    scene
        .fails(
            &ann,
            "NoSuchEntity",
            requests! {
                "UpdateAccessKey AccessKeyId={key} Status=Inactive";
                "UpdateAccessKey UserName=ann AccessKeyId={key} Status=Inactive";
                "DeleteAccessKey AccessKeyId={key}";
                "CreateAccessKey UserName=root";
                "UpdateLoginProfile UserName=root Password=Mine-is-9-long";
                "PutUserPolicy UserName=root PolicyName=none PolicyDocument={}", crate::world::policies::deny("*", "*");
                "AttachUserPolicy UserName=root PolicyArn=arn:aws:iam::aws:policy/AWSDenyAll";
                "DeleteUser UserName=root";
            },
        )
        .await;
    // A user who is called root is a user.
    scene.root.user("root").await;
    scene
        .grants(&ann, requests! { "AttachUserPolicy UserName=root PolicyArn=arn:aws:iam::aws:policy/AWSDenyAll" })
        .await;
    scene.grants(&world.root, requests! { "ListUsers"; "ListAccessKeys" }).await;
}

/// A session has no way to credentials that outlive it, unless a policy gives one; and then they have what their user has.
#[tokio::test]
async fn longer_lived_credentials_from_a_session() {
    let (world, broker) = begin().await;
    let scene = Scene::of(&world, &broker);
    let ann = scene.root.user_with("ann", &allow("iam:*", "*")).await;
    let root = &scene.root;
    let role = root
        .role("desk", &crate::world::policies::trust(&ann.arn, &["sts:AssumeRole"], None), &allow("iam:*", "*"))
        .await;
    let narrow = document([json!({ "Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*" })]);
    let assume = ann.sts(&broker).assume_role().role_arn(&role).role_session_name("desk").policy(narrow).send().await;
    let session = Session::of(assume.granted().credentials());
    scene
        .refuses(
            &session,
            requests! {
                "CreateAccessKey UserName=ann";
                "PutRolePolicy RoleName=desk PolicyName=more PolicyDocument={}", allow("*", "*");
                "AssumeRole RoleArn={role} RoleSessionName=again";
            },
        )
        .await;
    scene.grants(&session, requests! { "ListUsers" }).await;
}
