//! Questions in which one part of the evaluation decides, because the others stand aside.

use proptest::prelude::*;
use proptest::sample::select;

use super::{Form, Theme, asked, everything, generous, levels, of_any_theme, policy, world};
use crate::case::{Asked, HOME, Texts, principal};

/// Within one account, mostly without policies of the principal's own: the policy of the resource decides.
pub fn by_resource() -> impl Strategy<Value = (Texts, Asked)> {
    let who = select(vec![
        "user/ann",
        "user/ann",
        "session/r/s",
        "session/r/t",
        "federated/ann",
        "federated-by-root/ann",
        "root",
        "user/bob",
    ]);
    let own = prop::bool::weighted(0.3);
    let question = of_any_theme(move |theme| {
        let form = if theme == Theme::Roles { Form::Trust } else { Form::Resource };
        (world(theme), asked(theme), generous(form, 0.7), who.clone(), own)
    });
    question.prop_map(|(texts, asked, resource, who, own)| {
        let identity = if own { texts.identity } else { Vec::new() };
        let resource = Some(resource);
        let texts = Texts { identity, resource, scps: Vec::new(), rcps: Vec::new(), rule: None, ..texts };
        let resource_account = Some(HOME.to_owned());
        (texts, Asked { principal: principal(who), resource_account, ..asked })
    })
}

/// Where the principal may do everything: what guards the organization decides.
pub fn guarded() -> impl Strategy<Value = (Texts, Asked)> {
    let who = select(vec![
        "user/ann",
        "session/r/s",
        "root",
        "linked/es.amazonaws.com/AWSServiceRoleForES",
        "linked/es.amazonaws.com/r",
        "user/bob",
    ]);
    let guards = |form| prop::collection::vec(generous(form, 0.6), 1..4);
    let or_levels = |form| prop_oneof![3 => guards(form).boxed(), 1 => levels(form).boxed()];
    (of_any_theme(asked), who, or_levels(Form::Own), or_levels(Form::Everyone)).prop_map(|(asked, who, scps, rcps)| {
        let identity = vec![policy(&everything(Form::Own, "Allow"))];
        let texts = Texts { identity, scps, rcps, ..Texts::default() };
        (texts, Asked { principal: principal(who), resource_account: None, ..asked })
    })
}
