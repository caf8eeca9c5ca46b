//! Which decisions somebody asks about.

use super::when::Window;
use crate::audit::decisions::{Record, without_credentials};
use crate::clock::Timestamp;

/// What a decision must be like.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) window: Option<Window>,
    pub(super) principal: Option<String>,
    pub(super) asker: Option<String>,
    pub(super) action: Option<String>,
    pub(super) resource: Option<String>,
    pub(super) id: Option<String>,
    pub(super) allowed: Option<bool>,
    /// How many, at the most.
    pub(super) last: usize,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            window: None,
            principal: None,
            asker: None,
            action: None,
            resource: None,
            id: None,
            allowed: None,
            last: usize::MAX - 1,
        }
    }
}

impl Wanted {
    pub(super) fn is_met_by(&self, record: &Record, time: Option<Timestamp>) -> bool {
        let fits = |wanted: &Option<String>, test: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(test);
        let session = record.session.as_ref().and_then(|session| session.name.as_deref());
        self.window.is_none_or(|window| time.is_some_and(|time| window.contains(time)))
            && self.allowed.is_none_or(|allowed| (record.decision == "allowed") == allowed)
            && fits(&self.id, &|id| record.id.eq_ignore_ascii_case(id))
            && fits(&self.principal, &|who| {
                is_named(who, &record.subject)
                    || is_id(who, &record.subject_id)
                    || session.is_some_and(|name| name.eq_ignore_ascii_case(who))
            })
            && fits(&self.asker, &|who| is_named(who, &record.asker))
            && fits(&self.action, &|action| matches(&action.to_ascii_lowercase(), &record.action.to_ascii_lowercase()))
            // The log has no credentials in what resources are called; neither has what it is compared with.
            && fits(&self.resource, &|name| {
                let clean = without_credentials(name);
                is_resource(clean.as_deref().unwrap_or(name), &record.resource)
            })
    }
}

/// What a record's subject, or its asker, can be called: the ARN, and the names in it.
pub(super) fn names(record: &Record, of: Who) -> impl Iterator<Item = &str> {
    let (arn, session) = match of {
        Who::Subject => (&record.subject, record.session.as_ref().and_then(|session| session.name.as_deref())),
        Who::Asker => (&record.asker, None),
    };
    let parts = arn.splitn(6, ':').nth(5).unwrap_or_default().split('/').skip(1);
    std::iter::once(arn.as_str()).chain(parts).chain(session)
}

/// One of those that a decision has to do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Subject,
    Asker,
}

/// Whether an ARN is meant: by itself, with wildcards, or by a name in it (of the user, the role, or the role's session).
fn is_named(who: &str, arn: &str) -> bool {
    if who.starts_with("arn:") {
        return matches(who, arn) || is_session_of(who, arn);
    }
    let names = arn.splitn(6, ':').nth(5).unwrap_or_default();
    // `root` has no slash; what stands before the first is a kind and no name.
    let mut parts = names.split('/');
    let kind = parts.next().unwrap_or_default();
    parts.any(|part| part.eq_ignore_ascii_case(who)) || (kind == names && kind.eq_ignore_ascii_case(who))
}

/// Whether `arn` is a session of the role `role`, whose own ARN has a path and theirs has not.
fn is_session_of(role: &str, arn: &str) -> bool {
    let parts = |arn: &str| {
        let mut parts = arn.splitn(6, ':').skip(4);
        Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
    };
    let (Some((owner, role)), Some((account, session))) = (parts(role), parts(arn)) else { return false };
    let name = role.strip_prefix("role/").and_then(|path| path.rsplit('/').next());
    let of = session.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next());
    owner == account && name.is_some() && name == of
}

/// `AROA...:session` is also found by what stands before the colon.
fn is_id(who: &str, id: &str) -> bool {
    !id.is_empty() && (who == id || id.split_once(':').is_some_and(|(role, _)| role == who))
}

/// By its ARN, with wildcards, or by what its account calls it.
fn is_resource(wanted: &str, arn: &str) -> bool {
    matches(wanted, arn) || arn.splitn(6, ':').nth(5).is_some_and(|name| matches(wanted, name))
}

/// Whether a text matches a pattern with `*` and `?`.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last asterisk is, and up to where of the text it reaches.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || text.get(t) == Some(c) => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, reach)) => {
                    star = Some((at, reach + 1));
                    p = at + 1;
                    t = reach + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::decisions::RecordedSession;

    fn record() -> Record {
        Record {
            id: "6F-1".to_owned(),
            asker: "arn:aws:iam::111122223333:user/services/reports".to_owned(),
            subject: "arn:aws:sts::111122223333:assumed-role/worker/night".to_owned(),
            subject_id: "AROAEXAMPLE:night".to_owned(),
            session: Some(RecordedSession { name: Some("night".to_owned()), ..RecordedSession::default() }),
            action: "record:Write".to_owned(),
            resource: "arn:aws:record::111122223333:a/b".to_owned(),
            decision: "implicitly_denied".to_owned(),
            ..Record::default()
        }
    }

    #[test]
    fn decisions_are_found_by_any_of_their_names() {
        let is_met = |change: &dyn Fn(&mut Wanted)| {
            let mut wanted = Wanted::default();
            change(&mut wanted);
            wanted.is_met_by(&record(), Some(Timestamp(1)))
        };
        assert!(is_met(&|_| ()));
        for (who, expected) in [
            ("worker", true),
            ("night", true),
            ("assumed-role", false),
            ("AROAEXAMPLE", true),
            ("AROAEXAMPLE:night", true),
            ("arn:aws:sts::111122223333:assumed-role/worker/*", true),
            ("arn:aws:iam::111122223333:role/team/worker", true),
            ("arn:aws:iam::999999999999:role/worker", false),
            ("arn:aws:iam::111122223333:user/worker", false),
            ("wor", false),
            ("", false),
        ] {
            assert_eq!(is_met(&|wanted| wanted.principal = Some(who.to_owned())), expected, "{who}");
        }
        for (action, expected) in [("record:write", true), ("record:*", true), ("record:wr", false), ("*:W?ite", true)]
        {
            assert_eq!(is_met(&|wanted| wanted.action = Some(action.to_owned())), expected, "{action}");
        }
        for (resource, expected) in [("a/b", true), ("arn:*:a/b", true), ("a", false), ("*b", true)] {
            assert_eq!(is_met(&|wanted| wanted.resource = Some(resource.to_owned())), expected, "{resource}");
        }
        assert!(is_met(&|wanted| wanted.asker = Some("REPORTS".to_owned())));
        assert!(is_met(&|wanted| wanted.id = Some("6f-1".to_owned())));
        assert!(is_met(&|wanted| wanted.allowed = Some(false)) && !is_met(&|wanted| wanted.allowed = Some(true)));
    }

    #[test]
    fn patterns_take_no_longer_than_they_must() {
        let pattern = "*a".repeat(400) + "b";
        assert!(!matches(&pattern, &"a".repeat(2_000)));
        assert!(matches("**", "") && matches("a*", "a") && !matches("", "a"));
    }
}
