//! `GetHumanReadableSummary`: what the policies of an entity say, in plain words.
//!
//! AWS has a language model summarise delegation requests, and nothing else. Here there are no delegation requests yet; of users,
//! groups, roles and managed policies every statement is told in a sentence, at once and without guessing.

use serde::{Deserialize, Serialize};

use super::accessed::Subject;
use crate::decision::Permit;
use crate::ops::{Call, Demand, Error, Operation, Permission, Registry};
use crate::store::Tx;
use crate::types::Arn;
use crate::wire::model::Service;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<GetHumanReadableSummary>();
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetHumanReadableSummary {
    entity_arn: String,
    locale: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    summary_content: String,
    locale: String,
    summary_state: &'static str,
}

/// Characters of a summary, as AWS's model has it.
const LONGEST: usize = 10_000;
/// The language of summaries; whoever wants another hears that there is none in it.
const LANGUAGE: &str = "en";

impl Operation for GetHumanReadableSummary {
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetHumanReadableSummary";
    const READ_ONLY: bool = true;
    type Output = Summary;

    async fn demands(&self, call: &Call<'_>, tx: &mut Tx) -> Result<Vec<Demand>, Error> {
        let action = "iam:GetHumanReadableSummary";
        match self.delegation() {
            Some(arn) => Ok(Permission::on(action, &arn, call.account()).into()),
            None => Subject::parse(&self.entity_arn)?.demand(action, call, tx).await,
        }
    }

    async fn run(&self, _permit: &Permit, call: &Call<'_>, tx: &mut Tx) -> Result<Summary, Error> {
        if let Some(arn) = self.delegation() {
            return Err(Error::NoSuchEntity(format!("Delegation request {arn} cannot be found.")));
        }
        let policies = Subject::parse(&self.entity_arn)?.policies(call, tx).await?;
        let locale = self.locale.clone().unwrap_or_else(|| LANGUAGE.to_owned());
        if locale.split(['-', '_']).next() != Some(LANGUAGE) {
            return Ok(Summary { summary_content: String::new(), locale, summary_state: "NOT_SUPPORTED" });
        }
        let mut lines = Vec::new();
        for (name, document) in &policies {
            lines.push(format!("Policy {name}"));
            lines.extend(document.in_words().into_iter().map(|words| format!("- {words}")));
        }
        if lines.is_empty() {
            lines.push("There are no policies, so nothing is allowed.".to_owned());
        }
        Ok(Summary { summary_content: fitting(&lines), locale, summary_state: "AVAILABLE" })
    }
}

impl GetHumanReadableSummary {
    /// The ARN, if it is of a delegation request.
    fn delegation(&self) -> Option<Arn> {
        let arn = self.entity_arn.parse::<Arn>().ok().filter(|arn| arn.service() == "iam");
        arn.filter(|arn| arn.resource().starts_with("delegation-request/"))
    }
}

/// As many lines as there is room for, and how many are left out.
fn fitting(lines: &[String]) -> String {
    const ROOM_FOR_THE_END: usize = 60;
    let mut text = String::new();
    let mut length = 0;
    for (number, line) in lines.iter().enumerate() {
        let more = line.chars().count() + 1;
        if length + more > LONGEST - ROOM_FOR_THE_END {
            text.push_str(&format!("{} more lines do not fit here.", lines.len() - number));
            return text;
        }
        text.push_str(line);
        text.push('\n');
        length += more;
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted() {
        let line = "é".repeat(99);
        let all = vec![line.clone(); 500];
        let text = fitting(&all);
        assert!(text.chars().count() <= LONGEST);
        assert!(text.ends_with("\n401 more lines do not fit here."), "{}", &text[text.len() - 60..]);
        assert_eq!(fitting(&all[..2]), format!("{line}\n{line}"));
        assert_eq!(fitting(&["x".repeat(LONGEST)]), "1 more lines do not fit here.");
    }
}
