//! What a revocation reaches, to the second, and what it leaves alone.

use super::*;
use crate::session::revocation::session_key;

const T: Timestamp = Timestamp(1_795_488_101);

fn account() -> AccountId {
    "111122223333".parse().unwrap()
}

fn session(number: u8) -> AccessKeyId {
    session_key(account(), &[number; 16])
}

fn lineage(text: &str) -> Lineage {
    Lineage::parse(text).unwrap()
}

/// A session of the role `AROA1`, issued at `issued`, which alice's own session made, which her access key made.
fn of_role(issued: i64) -> Lineage {
    let (own, login) = (session(2), session(1));
    lineage(&format!("{own}/AROA1/{issued},{login}/AIDA1/{},AKIAALICE/AIDA1", T.seconds() - 100))
}

fn knowing(target: Target) -> Table {
    let mut table = Table::default();
    table.learn(&Revocation { account: account(), target, made: T, ends: T.plus(1_000) });
    table
}

fn principal(id: &str, until: Timestamp, descendants_until: Option<Timestamp>) -> Target {
    Target::Principal { id: id.to_owned(), arn: String::new(), until, descendants_until }
}

#[test]
fn a_session_ends_alone_or_with_what_came_of_it() {
    let (own, login) = (session(2), session(1));
    for (key, descendants, reached) in [
        (&own, false, true),
        (&own, true, true),
        (&login, false, false),
        (&login, true, true),
        (&session(3), true, false),
    ] {
        let table = knowing(Target::Session { key: key.clone(), descendants });
        assert_eq!(table.reach(&of_role(T.seconds())), reached, "{key} {descendants}");
    }
}

#[test]
fn sessions_of_a_principal_end_that_were_issued_in_or_before_the_second() {
    let table = knowing(principal("AROA1", T, None));
    for (issued, reached) in [(-1, true), (0, true), (1, false)] {
        assert_eq!(table.reach(&of_role(T.seconds() + issued)), reached, "{issued}");
    }
    // Alice's own sessions are others, and what she made of them lives on unless that was said.
    assert!(!knowing(principal("AIDA1", T, None)).reach(&of_role(T.seconds())));
    assert!(knowing(principal("AIDA1", T, Some(T))).reach(&of_role(T.seconds() + 7)), "it descends from an older one");
    assert!(!knowing(principal("AIDA1", T, Some(T.plus(-101)))).reach(&of_role(T.seconds())));
}

#[test]
fn a_role_that_renewed_its_session_from_a_revoked_one_is_revoked_too() {
    let (old, new) = (session(1), session(2));
    let renewed = lineage(&format!("{new}/AROA1/{},{old}/AROA1/{}", T.seconds() + 3, T.seconds() - 3));
    assert!(knowing(principal("AROA1", T, None)).reach(&renewed));
    let through_another = lineage(&format!(
        "{new}/AROA1/{},{}/AROA2/{},{old}/AROA1/{}",
        T.seconds() + 3,
        session(3),
        T.seconds() + 2,
        T.seconds() - 3
    ));
    assert!(knowing(principal("AROA1", T, None)).reach(&through_another));
    let of_another = lineage(&format!("{new}/AROA2/{},{old}/AROA1/{}", T.seconds() + 3, T.seconds() - 3));
    assert!(!knowing(principal("AROA1", T, None)).reach(&of_another));
}

#[test]
fn what_a_key_has_made_ends_and_what_it_makes_later_does_not() {
    let table = |until| knowing(Target::AccessKey { key: "AKIAALICE0000000".parse().unwrap(), until });
    let made = |at: i64| lineage(&format!("{}/AIDA1/{at},AKIAALICE0000000/AIDA1", session(1)));
    assert!(table(T).reach(&made(T.seconds())) && !table(T).reach(&made(T.seconds() + 1)));
    assert!(!table(T).reach(&lineage(&format!("{}/AIDA1/{},AKIAOTHER0000000/AIDA1", session(1), T.seconds()))));
    // What the key makes by itself, such as a token for a service elsewhere.
    assert!(table(T).reach(&lineage(&format!("AKIAALICE0000000/AIDA1/{}", T.seconds()))));
    assert!(!table(T).reach(&lineage(&format!("AKIAALICE0000000/AIDA1/{}", T.seconds() + 1))));
}

#[test]
fn news_in_any_order_only_add() {
    let mut table = knowing(principal("AROA1", T, Some(T)));
    let older = principal("AROA1", T.plus(-50), None);
    table.learn(&Revocation { account: account(), target: older, made: T, ends: T });
    assert!(table.reach(&of_role(T.seconds())));
    assert_eq!(table.over(T.plus(999)), Vec::<Key>::new());
    assert_eq!(table.over(T.plus(1_000)), [layout::revocation(account(), "principal", "AROA1")]);
    table.learn(&Revocation {
        account: account(),
        target: Target::Session { key: session(9), descendants: false },
        made: T,
        ends: T,
    });
    assert_eq!(table.over(T), [layout::revocation(account(), "session", session(9).as_str())]);
    table.forget_over(T.plus(1_000));
    assert!(!table.reach(&of_role(T.seconds())) && table.over(T.plus(9_999)).is_empty());
}

#[test]
fn a_hundred_thousand_single_sessions_take_some_megabytes() {
    assert!(size_of::<(ShortKey, OfSession)>() <= 20);
}
