//! Rego by regorus: one rule for each statement. Wildcards at the end are `startswith`; the variable is written out.

use regorus::{Engine as Regorus, Value};

use crate::Engine;
use crate::scenario::{NETWORKS, Question, SERVICES, Spread, USER};

struct Rego(Regorus);

const RULE: &str = "data.authz.allowed";

pub fn load(count: usize, spread: Spread) -> Box<dyn Engine> {
    let mut engine = Regorus::new();
    engine.clear_policy_length_config();
    engine.add_policy("authz.rego".to_owned(), module(count, spread)).expect("a valid module");
    Box::new(Rego(engine))
}

fn module(count: usize, spread: Spread) -> String {
    let mut text = String::from(
        "package authz\nimport rego.v1\ndefault allowed := false\n\
         allowed if {\n  permitted\n  bounded\n  not forbidden\n}\n\
         forbidden if input.mfa == false\nforbidden if startswith(input.action, \"iam:\")\n",
    );
    for network in NETWORKS {
        text += &format!("near if net.cidr_contains(\"{network}\", input.ip)\n");
    }
    for service in SERVICES {
        text += &format!("bounded if startswith(input.action, \"{service}:\")\n");
    }
    let actions = |names: [String; 2]| {
        let [a, b] = names;
        format!("some prefix in [\"{a}\", \"{b}\"]\n  startswith(input.action, prefix)")
    };
    for i in 0..count {
        let [read, write, browse] = spread.services(i);
        let reads = actions([format!("{read}:Get"), format!("{read}:List")]);
        text += &format!(
            "permitted if {{\n  {reads}\n  startswith(input.resource, \"arn:aws:{read}:::team-{i}-\")\n  near\n}}\n"
        );
        let writes = actions([format!("{write}:Put"), format!("{write}:Delete")]);
        text += &format!(
            "permitted if {{\n  {writes}\n  startswith(input.resource, \"arn:aws:{write}:::team-{i}-\")\n  \
             contains(input.resource, \"/{USER}/\")\n  input.mfa\n}}\n"
        );
        if i > 0 {
            let browses = actions([format!("{browse}:Describe"), format!("{browse}:ListAll")]);
            text += &format!("permitted if {{\n  {browses}\n}}\n");
        }
    }
    text
}

impl Engine for Rego {
    fn ask<'a>(&'a mut self, question: &Question) -> Box<dyn FnMut() -> bool + 'a> {
        let input = serde_json::json!({
            "action": question.action,
            "resource": question.resource,
            "ip": question.source_ip,
            "mfa": question.mfa,
        });
        let input = Value::from_json_str(&input.to_string()).expect("JSON");
        Box::new(move || {
            self.0.set_input(input.clone());
            self.0.eval_rule(RULE.to_owned()).expect("an answer") == Value::from(true)
        })
    }
}
