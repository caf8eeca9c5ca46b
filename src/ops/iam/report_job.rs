//! The jobs behind reports: begun by one operation, fetched by others.

use crate::decision::Identity;
use crate::identity::{Report, ReportJob};
use crate::ops::{Call, Error};
use crate::store::{Tx, layout};
use crate::types::time_ordered_uuid;

/// Jobs that are over and are cleared away when another begins, at the most.
const CLEARED: usize = 25;

/// Begins a job, and gives its id.
pub(super) async fn begin(report: Report, call: &Call<'_>, tx: &mut Tx) -> Result<String, Error> {
    // Ids are in the order of time, so what is over stands in front.
    let all = layout::report_jobs(call.account()).children();
    for (key, job) in tx.scan::<ReportJob>(&all, CLEARED).await? {
        if job.is_over(call.now()) {
            tx.delete(&key)?;
        }
    }
    let id = time_ordered_uuid(call.now(), &*call.broker.random);
    let job = ReportJob { created: call.now(), asker: asker(call).await?, report };
    tx.create(&layout::report_job(call.account(), &id), &job)?;
    Ok(id)
}

/// The job of an id, if the caller has begun it and it is not over.
///
/// # Errors
/// `NoSuchEntity`, whichever of these it is.
pub(super) async fn find(id: &str, call: &Call<'_>, tx: &mut Tx) -> Result<ReportJob, Error> {
    let job = tx.get::<ReportJob>(&layout::report_job(call.account(), id)).await?.ok_or_else(|| missing(id))?;
    if job.is_over(call.now()) || job.asker != asker(call).await? {
        return Err(missing(id));
    }
    Ok(job)
}

/// What whoever has no such job is told, and whoever asks for one report with the id of another.
pub(super) fn missing(id: &str) -> Error {
    Error::NoSuchEntity(format!("No report job {id} was found for this caller."))
}

async fn asker(call: &Call<'_>) -> Result<String, Error> {
    Ok(match call.caller.identity() {
        Identity::Root => call.account().to_string(),
        Identity::User(_) | Identity::Role(_) => {
            call.broker.authorizer.principal(call.caller.subject()).await?.unique_id.clone()
        }
    })
}
