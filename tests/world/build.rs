//! An administrator's hand: makes users, groups, roles and devices through the API.

use brevet::types::AccountId;

use super::{Actor, Device, Keys, Outcome, Root, Running, Session, User};

/// Somebody who may do everything in an account, at one broker.
pub struct Hand<'a> {
    pub account: AccountId,
    pub iam: aws_sdk_iam::Client,
    pub at: &'a Running,
}

impl Root {
    /// This root user's hand at a broker.
    pub fn at<'a>(&self, at: &'a Running) -> Hand<'a> {
        Hand { account: self.account, iam: self.iam(at), at }
    }
}

impl Hand<'_> {
    /// A user with an access key and no permissions.
    pub async fn user(&self, name: &str) -> User {
        let user = self.iam.create_user().user_name(name).send().await.granted();
        let arn = user.user().expect("a user").arn().to_owned();
        User { account: self.account, name: name.to_owned(), arn, keys: self.access_key(name).await }
    }

    /// One more access key of a user.
    pub async fn access_key(&self, user: &str) -> Keys {
        let made = self.iam.create_access_key().user_name(user).send().await.granted();
        let key = made.access_key().expect("an access key");
        Keys::long_lived(key.access_key_id(), key.secret_access_key())
    }

    /// A user with an inline policy.
    pub async fn user_with(&self, name: &str, policy: &str) -> User {
        let user = self.user(name).await;
        self.let_user(name, "own", policy).await;
        user
    }

    /// Gives a user an inline policy.
    pub async fn let_user(&self, user: &str, name: &str, policy: &str) {
        let put = self.iam.put_user_policy().user_name(user).policy_name(name).policy_document(policy);
        put.send().await.granted();
    }

    /// A group with an inline policy, unless that is empty.
    pub async fn group(&self, name: &str, policy: &str) {
        self.iam.create_group().group_name(name).send().await.granted();
        if !policy.is_empty() {
            let put = self.iam.put_group_policy().group_name(name).policy_name("own").policy_document(policy);
            put.send().await.granted();
        }
    }

    pub async fn join(&self, user: &str, group: &str) {
        self.iam.add_user_to_group().user_name(user).group_name(group).send().await.granted();
    }

    pub async fn leave(&self, user: &str, group: &str) {
        self.iam.remove_user_from_group().user_name(user).group_name(group).send().await.granted();
    }

    /// A role with an inline policy, unless that is empty; its ARN.
    pub async fn role(&self, name: &str, trust: &str, policy: &str) -> String {
        let made = self.iam.create_role().role_name(name).assume_role_policy_document(trust).send().await.granted();
        if !policy.is_empty() {
            let put = self.iam.put_role_policy().role_name(name).policy_name("own").policy_document(policy);
            put.send().await.granted();
        }
        made.role().expect("a role").arn().to_owned()
    }

    /// A managed policy; its ARN.
    pub async fn policy(&self, name: &str, document: &str) -> String {
        let made = self.iam.create_policy().policy_name(name).policy_document(document).send().await.granted();
        made.policy().and_then(|policy| policy.arn()).expect("a policy").to_owned()
    }

    /// A device that belongs to nobody yet.
    pub async fn device(&self, name: &str) -> Device {
        let made = self.iam.create_virtual_mfa_device().virtual_mfa_device_name(name).send().await.granted();
        let device = made.virtual_mfa_device().expect("a device");
        let seed = device.base32_string_seed().expect("a seed").as_ref();
        Device::new(device.serial_number(), std::str::from_utf8(seed).expect("Base32"), &self.at.clock)
    }

    /// A device of this user, enabled with the codes of the last half minute and of this one.
    pub async fn device_of(&self, user: &User) -> Device {
        let device = self.device(&user.name).await;
        self.enable(&user.name, &device, &device.code_in(-1), &device.code()).await.granted();
        device
    }

    /// A session of this user that a second factor opened: with one that none did, IAM's operations cannot be called. The device
    /// is made for it.
    pub async fn session_with_mfa(&self, user: &User) -> Session {
        let device = self.device_of(user).await;
        let login = user.sts(self.at).get_session_token().serial_number(&device.serial).token_code(device.next_code());
        Session::of(login.send().await.granted().credentials())
    }

    pub async fn enable(
        &self,
        user: &str,
        device: &Device,
        first: &str,
        second: &str,
    ) -> Result<
        aws_sdk_iam::operation::enable_mfa_device::EnableMfaDeviceOutput,
        aws_sdk_iam::error::SdkError<aws_sdk_iam::operation::enable_mfa_device::EnableMFADeviceError>,
    > {
        let enable = self.iam.enable_mfa_device().user_name(user).serial_number(&device.serial);
        enable.authentication_code1(first).authentication_code2(second).send().await
    }
}
