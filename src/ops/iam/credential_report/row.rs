//! The rows of a credential report: comma-separated values (RFC 4180), one line per user, the root user's first.
//!
//! Source for columns and words: "Generate credential reports for your AWS account", `id_credentials_getting-report.html`. AWS's
//! reports write `true` and `false` in small letters and the moment's offset as `+00:00`, which is what programs that read them
//! expect.

use crate::clock::Timestamp;
use crate::identity::password_policy::PasswordPolicy;
use crate::identity::{AccessKey, Account, KeyStatus, KeyUse, LoginProfile, SigningCertificate, User};
use crate::types::{AccountId, Realm};

/// The first line.
pub(super) const HEAD: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
    password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
    access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
    cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/// There is nothing that it could say.
const NOTHING: &str = "N/A";
/// Nothing is known.
const UNKNOWN: &str = "no_information";
/// Never said of the root user.
const NOT_SUPPORTED: &str = "not_supported";
/// How many columns speak of access keys, and of signing certificates.
const SLOTS: usize = 2;

/// What somebody signs with.
#[derive(Default)]
pub(super) struct Credentials {
    /// Access keys, each with its last use.
    pub(super) keys: Vec<(AccessKey, Option<KeyUse>)>,
    /// Signing certificates.
    pub(super) certificates: Vec<SigningCertificate>,
}

/// The root user's row.
pub(super) fn root(account: &Account, signs: &Credentials, realm: &Realm) -> String {
    let mut row = Row::default();
    row.text("<root_account>").text(realm.root(account.id).as_str()).moment(account.created);
    row.text(NOT_SUPPORTED).text(&password_last_used(None)).text(NOT_SUPPORTED).text(NOT_SUPPORTED).flag(false);
    credentials(&mut row, signs);
    row.line()
}

/// A user's row.
pub(super) fn user(
    user: &User,
    profile: Option<&LoginProfile>,
    signs: &Credentials,
    policy: Option<&PasswordPolicy>,
    (realm, account): (&Realm, AccountId),
) -> String {
    let mut row = Row::default();
    row.text(user.name.as_str()).text(user.arn(realm, account).as_str()).moment(user.created);
    row.flag(profile.is_some());
    match profile {
        Some(profile) => {
            let expiry = policy.and_then(|policy| policy.expiry(profile.changed()));
            row.text(&password_last_used(None)).moment(profile.changed());
            row.text(&expiry.map_or(NOTHING.to_owned(), moment));
        }
        None => {
            row.text(NOTHING).text(NOTHING).text(NOTHING);
        }
    }
    row.flag(!user.mfa_devices.is_empty());
    credentials(&mut row, signs);
    row.line()
}

/// When a password was last used to sign in.
fn password_last_used(used: Option<Timestamp>) -> String {
    used.map_or(UNKNOWN.to_owned(), moment)
}

/// When, in which region and for which service an access key was last used.
fn key_last_used(used: Option<&KeyUse>) -> [String; 3] {
    match used {
        Some(used) => [moment(used.last.at), used.last.region.clone(), used.service.clone()],
        None => [NOTHING; 3].map(str::to_owned),
    }
}

fn credentials(row: &mut Row, signs: &Credentials) {
    for slot in 0..SLOTS {
        let key = signs.keys.get(slot);
        match key {
            Some((key, _)) => row.flag(key.status == KeyStatus::Active).moment(key.created),
            None => row.flag(false).text(NOTHING),
        };
        for value in key_last_used(key.and_then(|(_, used)| used.as_ref())) {
            row.text(&value);
        }
    }
    for slot in 0..SLOTS {
        match signs.certificates.get(slot) {
            Some(one) => row.flag(one.status == KeyStatus::Active).moment(one.uploaded),
            None => row.flag(false).text(NOTHING),
        };
    }
}

fn moment(at: Timestamp) -> String {
    at.iso8601().replace('Z', "+00:00")
}

#[derive(Default)]
struct Row(String);

impl Row {
    fn text(&mut self, value: &str) -> &mut Self {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        if value.contains([',', '"', '\r', '\n']) {
            self.0.push('"');
            self.0.push_str(&value.replace('"', "\"\""));
            self.0.push('"');
        } else {
            self.0.push_str(value);
        }
        self
    }

    fn flag(&mut self, value: bool) -> &mut Self {
        self.text(if value { "true" } else { "false" })
    }

    fn moment(&mut self, at: Timestamp) -> &mut Self {
        self.text(&moment(at))
    }

    /// The line, behind the end of the one before it: AWS's last line has none.
    fn line(self) -> String {
        format!("\n{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::LastUse;

    #[test]
    fn a_value_with_a_comma_or_a_quote_stays_one_value() {
        let mut row = Row::default();
        row.text("a,b").text("say \"x\"").text("plain").flag(true);
        assert_eq!(row.line(), "\n\"a,b\",\"say \"\"x\"\"\",plain,true");
    }

    #[test]
    fn every_row_has_the_columns_of_the_first_line() {
        let mut row = Row::default();
        row.text("u").text("a").text("c").flag(false).text(NOTHING).text(NOTHING).text(NOTHING).flag(false);
        credentials(&mut row, &Credentials::default());
        let row = row.line();
        assert_eq!(row.split(',').count(), HEAD.split(',').count());
        assert_eq!(HEAD.split(',').count(), 22);
        assert!(row.ends_with("false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"), "{row}");
        assert!(!HEAD.contains(' '));
    }

    #[test]
    fn what_was_used_says_when_and_for_what() {
        let at = Timestamp(1_700_000_000);
        assert_eq!(password_last_used(Some(at)), "2023-11-14T22:13:20+00:00");
        let used = KeyUse { last: LastUse { at, region: "eu-west-1".to_owned() }, service: "sts".to_owned() };
        assert_eq!(key_last_used(Some(&used)), ["2023-11-14T22:13:20+00:00", "eu-west-1", "sts"]);
        assert_eq!(key_last_used(None), ["N/A", "N/A", "N/A"]);
    }
}
