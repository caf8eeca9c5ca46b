//! The jobs behind reports: begun by one operation, fetched by others.

use super::accessed::Subject;
use crate::decision::Identity;
use crate::identity::{Report, ReportJob};
use crate::ops::{Call, Demand, Error, Permission};
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

/// What must be allowed to fetch a report: to fetch reports, and still to ask for this one, as it is made from what is known now.
/// Of a job that the caller does not have nothing more is asked: it will hear that there is none.
pub(super) async fn demands(action: &str, id: &str, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
    let mut demands: Vec<Demand> = Permission::on_anything(action, call.account()).into();
    match find(id, call, tx).await.map(|job| job.report) {
        Ok(Report::ServiceAccess { arn, .. }) => {
            demands.extend(Subject::parse(&arn)?.demand(SERVICE_ACCESS, call, tx).await?);
        }
        Ok(Report::Organization { path, policy }) => {
            demands.push(organization_permission(&path, policy.as_deref(), call).demand());
        }
        Err(Error::NoSuchEntity(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(demands)
}

/// The action of asking for a report about an entity.
pub(super) const SERVICE_ACCESS: &str = "iam:GenerateServiceLastAccessedDetails";

/// The permission to ask for a report about the organization or a part of it.
pub(super) fn organization_permission(path: &str, policy: Option<&str>, call: &Call<'_>) -> Permission {
    let arn = call.realm().access_report(call.account(), path);
    let permission = Permission::on("iam:GenerateOrganizationsAccessReport", &arn, call.account());
    permission.with_some("iam:OrganizationsPolicyId", policy)
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
