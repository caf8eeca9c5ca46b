//! Cedar: one `permit` for each statement that allows, a `forbid` for the denial and one for the boundary. Actions with wildcards
//! are matched by `like` on a context attribute, because Cedar's own actions are entities without wildcards; the variable is
//! written out, because `like` takes literals only.

use std::collections::HashSet;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request, RestrictedExpression,
};

use crate::Engine;
use crate::scenario::{GROUPS, NETWORKS, Question, SERVICES, Spread, USER};

struct Cedar {
    policies: PolicySet,
    entities: Entities,
    authorizer: Authorizer,
}

pub fn load(count: usize, spread: Spread) -> Box<dyn Engine> {
    let groups = (0..GROUPS).map(|group| uid("Group", &format!("group-{group}")));
    let user = Entity::new_no_attrs(uid("User", USER), groups.clone().collect());
    let all = groups.map(|group| Entity::new_no_attrs(group, HashSet::new())).chain([user]);
    Box::new(Cedar {
        policies: text(count, spread).parse().expect("valid policies"),
        entities: Entities::from_entities(all, None).expect("entities"),
        authorizer: Authorizer::new(),
    })
}

fn uid(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.parse().expect("a type"), cedar_policy::EntityId::new(id))
}

fn any_of(attribute: &str, patterns: &[String]) -> String {
    let tests: Vec<String> = patterns.iter().map(|pattern| format!("context.{attribute} like \"{pattern}\"")).collect();
    format!("({})", tests.join(" || "))
}

fn text(count: usize, spread: Spread) -> String {
    let networks = NETWORKS.map(|network| format!("context.ip.isInRange(ip(\"{network}\"))")).join(" || ");
    let services = SERVICES.map(|service| format!("{service}:*"));
    let mut text = format!(
        "forbid(principal, action, resource) unless {{ {} }};\n\
         forbid(principal, action, resource) when {{ context.action like \"iam:*\" }};\n\
         forbid(principal, action, resource) when {{ !context.mfa }};\n",
        any_of("action", &services)
    );
    for i in 0..count {
        let [read, write, browse] = spread.services(i);
        let mut permit = |conditions: String| {
            let group = i % GROUPS;
            text +=
                &format!("permit(principal in Group::\"group-{group}\", action, resource) when {{ {conditions} }};\n");
        };
        let actions = any_of("action", &[format!("{read}:Get*"), format!("{read}:List*")]);
        let bucket = format!("arn:aws:{read}:::team-{i}-*");
        let resources = any_of("resource", &[bucket.clone(), format!("{bucket}/*")]);
        permit(format!("{actions} && {resources} && ({networks})"));
        let actions = any_of("action", &[format!("{write}:Put*"), format!("{write}:Delete*")]);
        let resources = any_of("resource", &[format!("arn:aws:{write}:::team-{i}-*/{USER}/*")]);
        permit(format!("{actions} && {resources} && context.mfa"));
        if i > 0 {
            permit(any_of("action", &[format!("{browse}:Describe*"), format!("{browse}:ListAll*")]));
        }
    }
    text
}

impl Engine for Cedar {
    fn ask<'a>(&'a mut self, question: &Question) -> Box<dyn FnMut() -> bool + 'a> {
        let context = Context::from_pairs([
            ("action".to_owned(), RestrictedExpression::new_string(question.action.to_owned())),
            ("resource".to_owned(), RestrictedExpression::new_string(question.resource.clone())),
            ("ip".to_owned(), RestrictedExpression::new_ip(question.source_ip)),
            ("mfa".to_owned(), RestrictedExpression::new_bool(question.mfa)),
        ])
        .expect("a context");
        let [action, resource] = [uid("Action", "any"), uid("Object", &question.resource)];
        let request = Request::new(uid("User", USER), action, resource, context, None).expect("a request");
        Box::new(move || {
            let answer = self.authorizer.is_authorized(&request, &self.policies, &self.entities);
            answer.decision() == Decision::Allow
        })
    }
}
