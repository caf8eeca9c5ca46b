//! The tasks that the management account of an organization may do as the root user of another account.
//!
//! Source: "Perform a privileged task on an AWS Organizations member account", `id_root-user-privileged-task.html`, and "Centralize
//! root access for member accounts", `id_root-enable-root-access.html`: deleting credentials is what root credentials management
//! is for; letting an account have a password again needs privileged root actions, as do the tasks of services.

use super::{AwsPolicy, RootFeature};
use crate::types::Arn;

/// A task; each has a managed policy of AWS that denies everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootTask {
    /// `IAMAuditRootUserCredentials`
    AuditCredentials,
    /// `IAMCreateRootUserPassword`
    CreatePassword,
    /// `IAMDeleteRootUserCredentials`
    DeleteCredentials,
    /// `S3UnlockBucketPolicy`
    UnlockBucket,
    /// `SQSUnlockQueuePolicy`
    UnlockQueue,
}

impl RootTask {
    /// Where AWS keeps their policies.
    const PATH: &'static str = "/root-task/";

    /// All of them, with the names of their policies.
    const ALL: [(&'static str, Self); 5] = [
        ("IAMAuditRootUserCredentials", Self::AuditCredentials),
        ("IAMCreateRootUserPassword", Self::CreatePassword),
        ("IAMDeleteRootUserCredentials", Self::DeleteCredentials),
        ("S3UnlockBucketPolicy", Self::UnlockBucket),
        ("SQSUnlockQueuePolicy", Self::UnlockQueue),
    ];

    /// The task whose policy an ARN names.
    pub fn named_by(arn: &Arn) -> Option<Self> {
        let policy = AwsPolicy::named_by(arn).filter(|policy| policy.path == Self::PATH)?;
        Self::ALL.iter().find(|(name, _)| *name == policy.name).map(|(_, task)| *task)
    }

    /// What has to be switched on for it.
    pub fn needs(self) -> RootFeature {
        match self {
            Self::AuditCredentials | Self::DeleteCredentials => RootFeature::RootCredentialsManagement,
            Self::CreatePassword | Self::UnlockBucket | Self::UnlockQueue => RootFeature::RootSessions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Document, Kind, Policy, PolicySet};
    use crate::types::Realm;

    fn task(text: &str) -> Option<RootTask> {
        RootTask::named_by(&text.parse().unwrap())
    }

    #[test]
    fn a_task_is_what_aws_keeps_below_its_path() {
        let of_aws = AwsPolicy::all().iter().filter(|policy| policy.path == RootTask::PATH);
        let found: Vec<_> = of_aws.map(|policy| RootTask::named_by(&policy.arn(&Realm::default()))).collect();
        assert_eq!(found, RootTask::ALL.map(|(_, task)| Some(task)), "in the order of their names, none forgotten");
        assert_eq!(task("arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"), Some(RootTask::UnlockBucket));
        for other in [
            "arn:aws:iam::aws:policy/AdministratorAccess",
            "arn:aws:iam::aws:policy/S3UnlockBucketPolicy",
            "arn:aws:iam::aws:policy/root-task/AdministratorAccess",
            "arn:aws:iam::aws:policy/root-task/s3unlockbucketpolicy",
            "arn:aws:iam::111122223333:policy/root-task/S3UnlockBucketPolicy",
        ] {
            assert_eq!(task(other), None, "{other}");
        }
    }

    /// What holds a root session to its task are denials: they hold whatever a resource's policy allows.
    #[test]
    fn the_policy_of_a_task_only_denies() {
        for policy in AwsPolicy::all().iter().filter(|policy| policy.path == RootTask::PATH) {
            let document = Document::parse(&policy.document("aws"), Kind::Session).unwrap();
            let set = PolicySet::new(vec![std::sync::Arc::new(Policy::compile(&document, Kind::Session, policy.name))]);
            assert!(set.policies().iter().flat_map(|policy| policy.statements()).count() > 0);
            let text = policy.document("aws");
            assert!(
                !text.contains("\"Allow\"") && text.contains("DenyAllOtherActionsOnAnyResource"),
                "{}",
                policy.name
            );
        }
    }
}
