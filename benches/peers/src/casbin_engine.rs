//! casbin: one line for each action, resource and network of a statement; `keyMatch` compares up to the first asterisk, so the part
//! of a pattern behind it is not checked. It cannot hold one set of policies against another, so the boundary is a second
//! enforcer, and both must allow.

use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi, RbacApi};
use tokio::runtime::Runtime;

use crate::Engine;
use crate::scenario::{GROUPS, NETWORKS, Question, SERVICES, Spread, USER};

struct Casbin {
    identity: Enforcer,
    boundary: Enforcer,
}

const MODEL: &str = r#"
[request_definition]
r = sub, act, obj, ip, mfa

[policy_definition]
p = sub, act, obj, net, mfa, eft

[role_definition]
g = _, _

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = g(r.sub, p.sub) && keyMatch(r.act, p.act) && keyMatch(r.obj, p.obj) && (p.mfa == "any" || r.mfa == p.mfa) && (p.net == "any" || ipMatch(r.ip, p.net))
"#;

pub fn load(count: usize, spread: Spread) -> Box<dyn Engine> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let groups: Vec<String> = (0..GROUPS).map(|group| format!("group-{group}")).collect();
    let everything = SERVICES.map(|service| line(USER, &format!("{service}:*"), "*", "any", "any", "allow"));
    let nothing = line(USER, "iam:*", "*", "any", "any", "deny");
    Box::new(Casbin {
        identity: enforcer(&runtime, lines(count, spread), &groups),
        boundary: enforcer(&runtime, everything.into_iter().chain([nothing]).collect(), &[]),
    })
}

fn line(subject: &str, action: &str, resource: &str, network: &str, mfa: &str, effect: &str) -> Vec<String> {
    [subject, action, resource, network, mfa, effect].map(str::to_owned).to_vec()
}

fn lines(count: usize, spread: Spread) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    for i in 0..count {
        let group = format!("group-{}", i % GROUPS);
        let [read, write, browse] = spread.services(i);
        for action in ["Get*", "List*"] {
            let (action, resource) = (format!("{read}:{action}"), format!("arn:aws:{read}:::team-{i}-*"));
            lines.extend(NETWORKS.map(|network| line(&group, &action, &resource, network, "any", "allow")));
        }
        for action in ["Put*", "Delete*"] {
            let (action, resource) = (format!("{write}:{action}"), format!("arn:aws:{write}:::team-{i}-*/{USER}/*"));
            lines.push(line(&group, &action, &resource, "any", "true", "allow"));
        }
        if i == 0 {
            lines.push(line(&group, "*", "*", "any", "false", "deny"));
        } else {
            let browses = ["Describe*", "ListAll*"].map(|action| format!("{browse}:{action}"));
            lines.extend(browses.map(|action| line(&group, &action, "*", "any", "any", "allow")));
        }
    }
    lines
}

fn enforcer(runtime: &Runtime, lines: Vec<Vec<String>>, groups: &[String]) -> Enforcer {
    runtime.block_on(async {
        let model = DefaultModel::from_str(MODEL).await.expect("a valid model");
        let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await.expect("an enforcer");
        enforcer.add_policies(lines).await.expect("valid policies");
        for group in groups {
            enforcer.add_role_for_user(USER, group, None).await.expect("a group");
        }
        enforcer
    })
}

impl Engine for Casbin {
    fn ask<'a>(&'a mut self, question: &Question) -> Box<dyn FnMut() -> bool + 'a> {
        let mfa = question.mfa.to_string();
        let question = question.clone();
        Box::new(move || {
            let asks = |enforcer: &Enforcer| {
                let request = (USER, question.action, question.resource.as_str(), question.source_ip, mfa.as_str());
                enforcer.enforce(request).expect("an answer")
            };
            asks(&self.identity) && asks(&self.boundary)
        })
    }
}
