//! Makes a report: reads the account's users a batch at a time and writes the table in parts, so that neither memory nor any record
//! grows with the account.
//!
//! Every part is committed together with the report's own record, which says whose report it is. Whoever finds another report there
//! has been overtaken, and stops.

use std::sync::Arc;

use super::row::{self, Credentials};
use crate::clock::Clock;
use crate::identity::{
    AccessKey, Account, CredentialReport, LoginProfile, PasswordPolicy, ReportPart, ReportState, SigningCertificate,
    User,
};
use crate::ops::Call;
use crate::store::{CommitError, Feed, Store, StoreError, Tx, layout};
use crate::types::{AccessKeyId, AccountId, Realm};
use crate::usage::{Usage, told};

/// Bytes of rows after which a part is written. With the batch that goes over it, and every byte of it escaped in JSON, a part stays
/// below what a record may hold.
const PART_BYTES: usize = 256 << 10;
/// Bytes of a whole report: some 250,000 users. It is handed out in one answer.
const MOST_BYTES: usize = 64 << 20;
/// Users that are read at once. The longest row has some 1,500 bytes.
const BATCH: usize = 100;
/// Old parts that are deleted at once.
const OLD_PARTS: usize = 8;

/// Makes one report of one account.
pub(super) struct Maker {
    store: Arc<dyn Store>,
    feed: Arc<Feed>,
    clock: Arc<dyn Clock>,
    usage: Arc<Usage>,
    realm: Realm,
    account: AccountId,
    id: String,
}

/// Why a report was not made.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    /// Somebody else makes another one.
    #[error("overtaken by another report")]
    Overtaken,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Maker {
    /// For the report that this call has begun.
    pub(super) fn of(call: &Call<'_>) -> Self {
        Self {
            store: Arc::clone(&call.broker.store),
            feed: Arc::clone(&call.broker.feed),
            clock: Arc::clone(&call.broker.clock),
            usage: Arc::clone(&call.broker.usage),
            realm: call.realm().clone(),
            account: call.account(),
            id: call.request_id.to_owned(),
        }
    }

    /// Makes it. What stops it stands in the log; whoever asks for the report hears that there is none, and asks anew.
    pub(super) async fn make(self) {
        if let Err(cause) = self.all_parts().await {
            tracing::warn!(%cause, account = %self.account, "a credential report was not made");
        }
    }

    async fn all_parts(&self) -> Result<(), Stopped> {
        self.delete_old_parts().await?;
        let mut rows = row::HEAD.to_owned();
        let mut bytes = 0;
        let mut tx = self.tx();
        let policy = tx.get::<PasswordPolicy>(&layout::password_policy(self.account)).await?;
        if let Some(account) = tx.get::<Account>(&layout::account(self.account)).await? {
            let signs =
                self.credentials(&account.root_access_keys, &account.root_signing_certificates, &mut tx).await?;
            rows.push_str(&row::root(&account, &signs, &self.realm));
        }
        let mut range = layout::all("user", self.account).children();
        loop {
            let mut tx = self.tx();
            let users = tx.scan::<User>(&range, BATCH).await?;
            let Some((last, _)) = users.last() else { break };
            range = range.after(last);
            for (_, user) in users {
                let profile = if user.has_login_profile {
                    tx.get::<LoginProfile>(&layout::login_profile(self.account, &user.name)).await?
                } else {
                    None
                };
                let certificates = &user.credentials.signing_certificates;
                let signs = self.credentials(&user.access_keys, certificates, &mut tx).await?;
                let place = (&self.realm, self.account);
                rows.push_str(&row::user(&user, profile.as_ref(), &signs, policy.as_ref(), place));
            }
            if rows.len() >= PART_BYTES {
                bytes += rows.len();
                if bytes > MOST_BYTES {
                    return self.write(None, ReportState::TooLarge).await;
                }
                self.write(Some(std::mem::take(&mut rows)), ReportState::InProgress).await?;
            }
        }
        self.write(Some(rows), ReportState::Complete).await
    }

    async fn credentials(
        &self,
        keys: &[AccessKeyId],
        certificates: &[String],
        tx: &mut Tx,
    ) -> Result<Credentials, StoreError> {
        let mut found = Credentials::default();
        for id in keys {
            if let Some(key) = tx.get::<AccessKey>(&layout::access_key(id)).await? {
                let used = self.usage.of_key(id, tx).await?;
                found.keys.push((key, used.filter(|used| told(&used.last, self.clock.now()))));
            }
        }
        for id in certificates {
            let key = layout::signing_certificate(self.account, id);
            found.certificates.extend(tx.get::<SigningCertificate>(&key).await?);
        }
        Ok(found)
    }

    fn tx(&self) -> Tx {
        Tx::new(Arc::clone(&self.store))
    }

    /// The report's own record, which must still be ours.
    async fn own(&self, tx: &mut Tx) -> Result<CredentialReport, Stopped> {
        let found = tx.get::<CredentialReport>(&layout::credential_report(self.account)).await?;
        found.filter(|report| report.id == self.id).ok_or(Stopped::Overtaken)
    }

    async fn write(&self, rows: Option<String>, state: ReportState) -> Result<(), Stopped> {
        let mut tx = self.tx();
        let mut report = self.own(&mut tx).await?;
        if let Some(rows) = rows {
            report.bytes += rows.len();
            tx.put(&layout::report_part(self.account, &self.id, report.parts), &ReportPart { rows })?;
            report.parts += 1;
        }
        report.heard = self.clock.now();
        report.state = state;
        tx.put(&layout::credential_report(self.account), &report)?;
        self.commit(tx).await
    }

    async fn commit(&self, tx: Tx) -> Result<(), Stopped> {
        let keys = tx.written_keys();
        match tx.commit().await {
            Ok(revision) => {
                self.feed.committed(revision, &keys);
                Ok(())
            }
            Err(CommitError::Conflict(_)) => Err(Stopped::Overtaken),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    async fn delete_old_parts(&self) -> Result<(), Stopped> {
        let own = layout::report_parts(self.account).child(&self.id);
        loop {
            let mut tx = self.tx();
            self.own(&mut tx).await?;
            let found = tx.scan::<ReportPart>(&layout::report_parts(self.account).children(), OLD_PARTS).await?;
            let old: Vec<_> =
                found.into_iter().map(|(key, _)| key).filter(|key| !own.children().contains(key)).collect();
            if old.is_empty() {
                return Ok(());
            }
            for key in &old {
                tx.delete(key)?;
            }
            tx.require_unchanged(&layout::credential_report(self.account));
            self.commit(tx).await?;
        }
    }
}
