//! The answers to the questions of a batch. What does not differ from one question to the next is found out once: whether the asker may
//! ask about a subject, who that is, and what its policies are.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use axum::http::StatusCode;
use serde_json::json;

use super::frame::Answer;
use super::item::{Defaults, Item};
use super::many::Own;
use super::render::{Answers, STATEMENTS_IN_A_BATCH};
use crate::decision::RequestFacts;
use crate::http::refusal::Refusal;
use crate::ops::questions::{self, Asking, Keeping, Leave, Named, Sitting, Stored, Who};
use crate::policy::Effect;
use crate::store::Moment;
use crate::types::Arn;

/// Subjects of one batch that the asker may not ask about and whose refusals are recorded one by one.
const RECORDED: usize = 10;
/// How many questions are read, and their resources looked up, together; then others are let in between.
const IN_A_ROW: usize = 100;

/// Answers questions until `is_last` says of a decision that it is the last.
pub(super) async fn answers(
    asking: &Asking<'_>,
    items: &[Own<'_>],
    defaults: &Defaults<'_>,
    is_last: impl Fn(bool) -> bool,
    mut keeping: Option<Keeping>,
) -> Result<Answer, Refusal> {
    let theirs = asking.theirs();
    // For each question a subject is found out twice at the most: for the row that it begins, and where it is asked by itself.
    let places: Vec<Place> = std::iter::repeat_with(Place::new).take(2 * items.len()).collect();
    let mut subjects = Subjects::new(asking, &theirs, &places);
    let mut answers = Answers::of(items.len());
    for (at, some) in items.chunks(IN_A_ROW).enumerate() {
        if at > 0 {
            tokio::task::yield_now().await;
        }
        let some: Vec<_> = some.iter().map(|item| Item::read(item, defaults, asking)).collect();
        let mut ahead = Ahead::new(asking, some.iter().flatten().map(|item| &item.resource).collect());
        let mut rest = some.as_slice();
        while let Some((item, others)) = rest.split_first() {
            if keeping.is_none() {
                let row = in_a_row(&mut subjects, rest, defaults, &mut ahead, &mut answers, &is_last).await;
                if row.ended {
                    return Ok(subjects.ended(answers, keeping));
                }
                if row.answered > 0 {
                    rest = rest.get(row.answered..).unwrap_or_default();
                    continue;
                }
            }
            rest = others;
            let decision = match item {
                Ok(item) => answer(&mut subjects, (item, defaults), &mut ahead, &mut answers, &mut keeping).await,
                Err(why) => answers.error(StatusCode::BAD_REQUEST, why),
            };
            let decision = match decision {
                Ok(decision) => decision,
                // A refusal that is about this question alone is one of its answers.
                Err(questions::Refusal::Bad(why)) => answers.error(StatusCode::BAD_REQUEST, &why)?,
                Err(other) => return Err(other.into()),
            };
            if is_last(decision) {
                return Ok(subjects.ended(answers, keeping));
            }
        }
    }
    Ok(subjects.ended(answers, keeping))
}

/// How far a row went.
#[derive(Default)]
struct InARow {
    answered: usize,
    /// Whether the last of them was the batch's.
    ended: bool,
}

/// Answers the first questions that differ by their resources alone, as many as there are. Whatever is in the way of one (that nobody may be
/// asked about, that there is nobody, that something fails) is told where that is asked by itself.
async fn in_a_row(
    subjects: &mut Subjects<'_>,
    items: &[Result<Item<'_>, String>],
    defaults: &Defaults<'_>,
    ahead: &mut Ahead<'_>,
    answers: &mut Answers,
    is_last: impl Fn(bool) -> bool,
) -> InARow {
    let mut done = InARow::default();
    let Some(Ok(first)) = items.first() else { return done };
    let Some(said) = first.said_by_all(defaults) else { return done };
    let Ok(About::Known(found, sitting)) = subjects.of(first).await else { return done };
    if !matches!(found.1, Named::Somebody(_)) {
        return done;
    }
    // Waited for first: what is known is as recent as it is when the row begins, and nothing is waited for in it.
    let coming = ahead.coming().await;
    let Ok(Some(mut row)) = sitting.row(&first.action, said, STATEMENTS_IN_A_BATCH).await else { return done };
    let degraded = row.is_degraded();
    for (item, stored) in items.iter().zip(coming) {
        let (Ok(item), Some(stored)) = (item, stored) else { break };
        if !item.says_nothing_else() || item.action != first.action {
            break;
        }
        let Some((effect, text)) = row.answer(&item.resource, stored) else { break };
        done.answered += 1;
        if is_last(answers.add_text(effect, text, degraded)) {
            done.ended = true;
            break;
        }
    }
    drop(row);
    ahead.pass(done.answered);
    done
}

/// Answers one question; gives the decision.
async fn answer(
    subjects: &mut Subjects<'_>,
    (item, defaults): (&Item<'_>, &Defaults<'_>),
    ahead: &mut Ahead<'_>,
    answers: &mut Answers,
    keeping: &mut Option<Keeping>,
) -> Result<bool, questions::Refusal> {
    let asking = subjects.asking;
    ahead.pass(1);
    let said = item.said(defaults)?;
    match subjects.of(item).await? {
        About::Known(found, sitting) => {
            let (who, named) = &***found;
            let stored = if matches!(named, Named::Somebody(_)) { ahead.present().await } else { None };
            let answered = sitting.answer(&item.question(&said), stored).await?;
            if let Some(keeping) = keeping {
                keeping.add(asking, who, named, &item.resource, &answered);
            }
            Ok(answers.add(&answered, &item.action))
        }
        About::Refused(why) => {
            // What the asker may not ask changes with its own permissions, which no answer stands on.
            *keeping = None;
            answers.error(StatusCode::FORBIDDEN, why)
        }
    }
}

/// The resources that questions in a row are about, looked up together once an answer needs the first of them.
struct Ahead<'a> {
    asking: &'a Asking<'a>,
    resources: Vec<&'a Arn>,
    /// How many questions were passed.
    passed: usize,
    stored: Option<Vec<Option<Stored>>>,
}

impl<'a> Ahead<'a> {
    fn new(asking: &'a Asking<'a>, resources: Vec<&'a Arn>) -> Self {
        Self { asking, resources, passed: 0, stored: None }
    }

    /// Goes on by so many questions.
    fn pass(&mut self, questions: usize) {
        self.passed += questions;
    }

    /// What is stored of the resource of the question that was passed last, if that is at hand.
    async fn present(&mut self) -> Option<Stored> {
        let at = self.passed.checked_sub(1)?;
        self.from(at).await.first().cloned().flatten()
    }

    /// What is stored of the resources of the questions that are to come, as far as that is at hand.
    async fn coming(&mut self) -> &[Option<Stored>] {
        self.from(self.passed).await
    }

    async fn from(&mut self, at: usize) -> &[Option<Stored>] {
        let stored = match self.stored.take() {
            Some(stored) => stored,
            None => self.asking.stored_of_all(&self.resources).await,
        };
        self.stored.insert(stored).get(at..).unwrap_or_default()
    }
}

/// Who was meant, and who that is.
type Found = Box<(Who, Named)>;
/// Where it stays while questions about it are answered.
type Place = OnceLock<Found>;

/// What was found out of a subject, which counts for as long as the moment lasts in which it was.
struct Met<'a>(Moment, About<'a>);

/// A subject of the batch.
#[allow(clippy::large_enum_variant, reason = "most are known, and they stay where they are made")]
enum About<'a> {
    Known(&'a Found, Sitting<'a>),
    /// Why the asker may not ask about it.
    Refused(String),
}

/// The subjects of a batch, each found out when the first question is about it.
struct Subjects<'a> {
    asking: &'a Asking<'a>,
    theirs: &'a RequestFacts,
    leave: Leave<'a>,
    free: std::slice::Iter<'a, Place>,
    abouts: Vec<Met<'a>>,
    /// Which one is meant, by what it is known by.
    places: HashMap<String, usize>,
    /// Which one is meant where a question does not say.
    default: Option<usize>,
    refused: usize,
}

impl<'a> Subjects<'a> {
    fn new(asking: &'a Asking<'a>, theirs: &'a RequestFacts, free: &'a [Place]) -> Self {
        Self {
            asking,
            theirs,
            leave: asking.leave(),
            free: free.iter(),
            abouts: Vec::new(),
            places: HashMap::new(),
            default: None,
            refused: 0,
        }
    }

    /// All answers, once none comes any more.
    fn ended(&self, mut answers: Answers, keeping: Option<Keeping>) -> Answer {
        let mut any_refused = false;
        for Met(_, about) in &self.abouts {
            match about {
                // That the asker may ask about it was decided too.
                About::Known(found, _) if !matches!(found.1, Named::Nobody(..)) => answers.decided(Effect::Allowed),
                About::Known(..) => {}
                About::Refused(_) => any_refused = true,
            }
        }
        // Of one that the asker may not ask about the trail says so, each time.
        answers.into_answer(any_refused, keeping)
    }

    /// The subject of a question, found out anew if it was before anything changed.
    async fn of(&mut self, item: &Item<'_>) -> Result<&mut About<'a>, questions::Refusal> {
        let at = match (item.subject(), self.default) {
            (Cow::Borrowed(_), Some(at)) => self.again(at, item).await?,
            (Cow::Borrowed(_), None) => {
                let at = self.place(item).await?;
                self.default = Some(at);
                at
            }
            (Cow::Owned(_), _) => self.place(item).await?,
        };
        self.abouts.get_mut(at).map(|Met(_, about)| about).ok_or(questions::Refusal::Unavailable)
    }

    async fn place(&mut self, item: &Item<'_>) -> Result<usize, questions::Refusal> {
        let known_by = item.subject().known_by();
        if let Some(at) = self.places.get(&known_by) {
            return self.again(*at, item).await;
        }
        // Whom a question finds out is whom it is about, however short the moment was.
        let met = self.met(item).await?;
        let at = self.abouts.len();
        self.abouts.push(met);
        self.places.insert(known_by, at);
        Ok(at)
    }

    async fn again(&mut self, at: usize, item: &Item<'_>) -> Result<usize, questions::Refusal> {
        let lasts = self.abouts.get(at).is_some_and(|Met(moment, _)| self.asking.broker.feed.lasts(moment));
        if !lasts {
            let met = self.met(item).await?;
            if let Some(place) = self.abouts.get_mut(at) {
                *place = met;
            }
        }
        Ok(at)
    }

    async fn met(&mut self, item: &Item<'_>) -> Result<Met<'a>, questions::Refusal> {
        let moment = self.asking.moment()?;
        Ok(Met(moment, self.found(item).await?))
    }

    /// Who that is, if the asker may ask about it.
    async fn found(&mut self, item: &Item<'_>) -> Result<About<'a>, questions::Refusal> {
        let who = item.subject().who(self.asking)?;
        let named = if self.refused >= RECORDED {
            self.leave.about_quietly(&who).await?.ok_or_else(|| "the asker may not ask about this subject".to_owned())
        } else {
            let shown =
                || json!({ "type": item.subject().kind, "action": &*item.action, "resource": item.resource.as_str() });
            match self.leave.about(&who, shown).await {
                Ok(named) => Ok(named),
                Err(questions::Refusal::Denied(denial)) => {
                    self.refused += 1;
                    Err(denial.to_string())
                }
                Err(other) => return Err(other),
            }
        };
        let named = match named {
            Ok(named) => named,
            Err(why) => return Ok(About::Refused(why)),
        };
        let place = self.free.next().ok_or(questions::Refusal::Unavailable)?;
        let found = place.get_or_init(|| Box::new((who, named)));
        Ok(About::Known(found, self.asking.sitting(&found.1, self.theirs)))
    }
}
