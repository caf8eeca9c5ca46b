//! `GenerateCredentialReport`, `GetCredentialReport`.
//!
//! `GenerateCredentialReport` writes down that a report is begun; the broker that answered makes it afterwards, part by part
//! (`make.rs`), and any broker hands it out. Should that broker be stopped meanwhile, the next call begins anew.

mod make;
mod row;

use std::sync::Arc;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use crate::decision::Permit;
use crate::identity::{CredentialReport, ReportPart, Worth};
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::{Tx, layout};
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<GenerateCredentialReport>().add::<GetCredentialReport>();
}

#[derive(Deserialize)]
struct GenerateCredentialReport {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Generation {
    state: State,
    description: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
enum State {
    #[serde(rename = "STARTED")]
    Started,
    #[serde(rename = "INPROGRESS")]
    InProgress,
    #[serde(rename = "COMPLETE")]
    Complete,
}

impl Operation for GenerateCredentialReport {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GenerateCredentialReport";
    const READ_ONLY: bool = false;
    type Output = Generation;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:GenerateCredentialReport", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Generation, Error> {
        let key = layout::credential_report(call.account());
        let found = tx.get::<CredentialReport>(&key).await?;
        let (state, description) = match found.map(|report| report.worth(call.now())) {
            Some(Worth::Complete) => (State::Complete, None),
            Some(Worth::InProgress) => (State::InProgress, None),
            Some(Worth::TooLarge) => {
                return Err(Error::LimitExceeded("The account has more users than a report can show.".to_owned()));
            }
            None | Some(Worth::Expired | Worth::Abandoned) => {
                tx.put(&key, &CredentialReport::begin(call.request_id, call.now()))?;
                (State::Started, Some("No report exists. Starting a new report generation task"))
            }
        };
        Ok(Generation { state, description })
    }

    fn committed(&self, call: &Call<'_>, output: &Generation) {
        if output.state == State::Started {
            tokio::spawn(make::Maker::of(call).make());
        }
    }
}

#[derive(Deserialize)]
struct GetCredentialReport {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Report {
    /// A blob, which the Query protocol writes in Base64.
    content: String,
    report_format: &'static str,
    generated_time: String,
}

impl Operation for GetCredentialReport {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetCredentialReport";
    const READ_ONLY: bool = true;
    type Output = Report;

    async fn demands(&self, call: &Call<'_>, _tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        Ok(Permission::on_anything("iam:GetCredentialReport", call.account()).into())
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Report, Error> {
        let found = tx.get::<CredentialReport>(&layout::credential_report(call.account())).await?;
        let report = found.ok_or(Error::ReportNotPresent)?;
        match report.worth(call.now()) {
            Worth::Complete => {}
            Worth::InProgress => return Err(Error::ReportInProgress),
            Worth::Expired => return Err(Error::ReportExpired),
            // Whoever asks for a new one gets one, or hears why not.
            Worth::Abandoned | Worth::TooLarge => return Err(Error::ReportNotPresent),
        }
        let (base64, mut content) = (BASE64, String::with_capacity(BASE64.encode_len(report.bytes)));
        let mut encoder = base64.new_encoder(&mut content);
        for number in 0..report.parts {
            // Not through `tx`, which would keep every part until the end.
            let mut one = Tx::new(Arc::clone(&call.broker.store));
            let part = one.get::<ReportPart>(&layout::report_part(call.account(), &report.id, number)).await?;
            // Another report has taken its place since.
            let part = part.ok_or(Error::ReportInProgress)?;
            encoder.append(part.rows.as_bytes());
        }
        encoder.finalize();
        Ok(Report { content, report_format: "text/csv", generated_time: report.begun.iso8601() })
    }
}
