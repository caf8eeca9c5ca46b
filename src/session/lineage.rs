//! What a session descends from: the sessions that it was made from, one after the other, and the access key that began them.
//!
//! A session carries this in its token, so that whoever revokes something reaches what came of it, though no session is stored.
//! A link is written `ASIA…/AROA…/1795488101`: the access key id, the unique id of the user or role, when it was issued. A
//! long-lived key has no such moment of its own: what matters of it is when the session was issued that it made.

use super::SessionClaims;
use crate::clock::Timestamp;
use crate::types::AccessKeyId;

/// A session or a long-lived access key that had a part in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The access key id.
    pub key: String,
    /// The unique id of the user or role behind it, or the account's number for its root.
    pub uid: String,
    /// When the session was issued; of a long-lived key, when the session was that was made with it.
    pub issued: Timestamp,
}

/// Credentials, and what they descend from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    own: Link,
    /// The latest first.
    before: Vec<Link>,
}

/// A program may renew its session from itself for ever, so that not all links can be kept. These are: the first two, which are the
/// access key and the session that it began with; the latest; and between them, of each user and role, the one that was issued
/// first. Whatever revokes "all until then" of a user or role and what descends from that reaches by the first one as much as by all.
const FIRST: usize = 2;
/// How many of the latest are kept.
const LATEST: usize = 6;
/// Links that a token carries at the most. A chain over more principals ends: it must not shed whom it came from.
const MOST: usize = 24;

impl Link {
    /// Whether it is a long-lived access key.
    pub fn is_long_lived(&self) -> bool {
        !self.key.starts_with("ASIA")
    }

    /// Whether every revocation of a principal that reaches the other link reaches this one.
    fn says_as_much_as(&self, other: &Self) -> bool {
        self.uid == other.uid && self.issued <= other.issued
    }

    fn written(&self) -> String {
        if self.is_long_lived() {
            return format!("{}/{}", self.key, self.uid);
        }
        format!("{}/{}/{}", self.key, self.uid, self.issued.seconds())
    }

    /// `later` is when the session was issued that came of it.
    fn read(text: &str, later: Timestamp) -> Option<Self> {
        let mut parts = text.split('/');
        let (key, uid, issued) = (parts.next()?, parts.next()?, parts.next());
        if key.is_empty() || uid.is_empty() || parts.next().is_some() {
            return None;
        }
        let issued = match issued {
            Some(seconds) => Timestamp(seconds.parse().ok()?),
            None => later,
        };
        Some(Self { key: key.to_owned(), uid: uid.to_owned(), issued })
    }
}

impl Lineage {
    /// Of a session; `None` if its token says what no token of ours says.
    pub fn of_session(claims: &SessionClaims) -> Option<Self> {
        let own = Link { key: claims.access_key_id().to_owned(), uid: claims.uid.clone(), issued: claims.iat };
        Self::read_behind(own, claims.via.iter().map(String::as_str))
    }

    /// Of a long-lived access key that makes something at `now`.
    pub fn of_key(key: &AccessKeyId, uid: &str, now: Timestamp) -> Self {
        let own = Link { key: key.to_string(), uid: uid.to_owned(), issued: now };
        Self { own, before: Vec::new() }
    }

    /// Of a client certificate: it counts from when it began to be valid, and descends from nothing that brevet knows.
    pub fn of_certificate(fingerprint: &str, uid: &str, not_before: Timestamp) -> Self {
        let own = Link { key: format!("certificate:{fingerprint}"), uid: uid.to_owned(), issued: not_before };
        Self { own, before: Vec::new() }
    }

    /// The credentials themselves.
    pub fn own(&self) -> &Link {
        &self.own
    }

    /// What they descend from, the latest first.
    pub fn before(&self) -> &[Link] {
        &self.before
    }

    /// What revocations would name that end these credentials: kind (`session`, `access-key` or `principal`) and id.
    pub fn ended_by(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let links = std::iter::once(&self.own).chain(&self.before);
        links.flat_map(|link| {
            let kind = if link.is_long_lived() { "access-key" } else { "session" };
            [(kind, link.key.as_str()), ("principal", link.uid.as_str())]
        })
    }

    /// What a session that is made from these says of its descent: see [`SessionClaims::via`]. `None` where that is more than a token
    /// carries: no such session may be made.
    pub fn handed_on(&self) -> Option<Vec<String>> {
        let links: Vec<&Link> = std::iter::once(&self.own).chain(&self.before).collect();
        let kept = links.iter().enumerate().filter(|(at, link)| {
            let older = links.iter().skip(at + 1);
            *at < LATEST || at + FIRST >= links.len() || !older.clone().any(|older| older.says_as_much_as(link))
        });
        let kept: Vec<String> = kept.map(|(_, link)| link.written()).collect();
        (kept.len() <= MOST).then_some(kept)
    }

    /// All of it as one text.
    pub fn as_text(&self) -> String {
        let own = format!("{}/{}/{}", self.own.key, self.own.uid, self.own.issued.seconds());
        std::iter::once(own).chain(self.before.iter().map(Link::written)).collect::<Vec<_>>().join(",")
    }

    /// Reads what [`Lineage::as_text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut links = text.split(',');
        let own = Link::read(links.next()?, Timestamp(i64::MAX)).filter(|own| own.issued.seconds() < i64::MAX)?;
        Self::read_behind(own, links)
    }

    fn read_behind<'a>(own: Link, links: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut before = Vec::new();
        let mut later = own.issued;
        for text in links {
            let link = Link::read(text, later)?;
            later = link.issued;
            before.push(link);
        }
        Some(Self { own, before })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> AccessKeyId {
        "AKIAIOSFODNN7EXAMPLE".parse().unwrap()
    }

    /// The session `number` seconds later, made from `from`.
    fn made_from(from: &Lineage, number: i64) -> Lineage {
        made_by(from, number, "AROA").unwrap()
    }

    /// The same, of the role `uid`; `None` where the chain ends.
    fn made_by(from: &Lineage, number: i64, uid: &str) -> Option<Lineage> {
        let at = from.own.issued.plus(number);
        let own = Link { key: format!("ASIA{number}"), uid: uid.to_owned(), issued: at };
        Lineage::read_behind(own, from.handed_on()?.iter().map(String::as_str))
    }

    #[test]
    fn a_key_counts_from_when_the_session_was_issued_that_it_made() {
        let alice = Lineage::of_key(&key(), "AIDA", Timestamp(1_000));
        assert_eq!(alice.handed_on().unwrap(), ["AKIAIOSFODNN7EXAMPLE/AIDA"]);
        let first = made_from(&alice, 7);
        assert_eq!(first.before()[0].issued, Timestamp(1_007));
        let second = made_from(&first, 9);
        assert_eq!(second.own().issued, Timestamp(1_016));
        assert_eq!(second.before().iter().map(|link| link.issued.seconds()).collect::<Vec<_>>(), [1_007, 1_007]);
        assert_eq!(second.handed_on().unwrap(), ["ASIA9/AROA/1016", "ASIA7/AROA/1007", "AKIAIOSFODNN7EXAMPLE/AIDA"]);
    }

    #[test]
    fn of_a_long_descent_the_beginning_and_the_latest_are_kept() {
        let mut session = Lineage::of_key(&key(), "AIDA", Timestamp(0));
        for number in 1..=100 {
            session = made_from(&session, number);
        }
        let keys: Vec<&str> = session.before().iter().map(|link| link.key.as_str()).collect();
        assert_eq!(keys, ["ASIA99", "ASIA98", "ASIA97", "ASIA96", "ASIA95", "ASIA94", "ASIA1", "AKIAIOSFODNN7EXAMPLE"]);
        assert_eq!(session.before()[7].issued, Timestamp(1), "the key made the first one");
    }

    #[test]
    fn who_was_on_the_way_is_not_shed_by_renewing() {
        let begin = made_by(&Lineage::of_key(&key(), "AIDA", Timestamp(0)), 1, "AIDA").unwrap();
        let mut session = made_by(&made_by(&begin, 1, "AROAHUB").unwrap(), 1, "AROATARGET").unwrap();
        for number in 1..=100 {
            session = made_by(&session, number, if number % 2 == 0 { "AROATARGET" } else { "AROAOTHER" }).unwrap();
        }
        let hub = session.before().iter().find(|link| link.uid == "AROAHUB");
        assert_eq!(hub.map(|link| link.issued), Some(Timestamp(2)));
        assert!(session.before().len() <= FIRST + LATEST + 3, "{:?}", session.before());
    }

    #[test]
    fn a_chain_over_too_many_roles_ends() {
        let mut session = Lineage::of_key(&key(), "AIDA", Timestamp(0));
        for number in 0..i64::try_from(MOST).unwrap() {
            session = made_by(&session, 1, &format!("AROA{number}")).unwrap();
        }
        assert_eq!(session.before().len(), MOST);
        assert_eq!(session.handed_on(), None);
    }

    proptest! {
        /// Whatever revokes the sessions of a principal reaches what was kept just as it reaches all there was.
        #[test]
        fn nothing_is_shed(roles in prop::collection::vec((0_i64..50, 0..4_usize), 0..60), until in 0_i64..3_000) {
            let mut session = Lineage::of_key(&key(), "AIDA", Timestamp(0));
            let mut all = vec![session.own().clone()];
            for (number, role) in roles {
                session = made_by(&session, number, &format!("AROA{role}")).unwrap();
                all.push(session.own().clone());
            }
            for role in 0..4 {
                let uid = format!("AROA{role}");
                let reached = |link: &Link| link.uid == uid && link.issued <= Timestamp(until);
                let told = reached(session.own()) || session.before().iter().any(reached);
                prop_assert_eq!(told, all.iter().any(reached));
            }
        }

        #[test]
        fn what_is_written_is_read_again(numbers in prop::collection::vec(0_i64..100_000, 0..12)) {
            let begin = Lineage::of_key(&key(), "AIDA", Timestamp(1_795_488_101));
            let lineage = numbers.into_iter().fold(begin, |from, number| made_from(&from, number));
            prop_assert_eq!(Lineage::parse(&lineage.as_text()), Some(lineage));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[ASIK0-9/,]{0,60}|\\PC{0,40}") {
            if let Some(lineage) = Lineage::parse(&text) {
                prop_assert_eq!(Lineage::parse(&lineage.as_text()), Some(lineage));
            }
        }
    }
}
