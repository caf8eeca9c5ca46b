//! The text of a pattern taken apart: literal text, wildcards and policy variables.
//!
//! Source: IAM User Guide, `reference_policies_variables` (variables, default values, special characters).

use smallvec::SmallVec;

use super::fact::{Fact, Facts};
use super::key::Key;
use super::text::Text;

/// A part of a pattern that has no variables left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// These characters.
    Text(Text<'a>),
    /// `?`: any one character.
    One,
    /// `*`: any characters, or none.
    Star,
    /// `?` in a part of an ARN that ends at the next colon.
    OneWithin,
    /// `*` in a part of an ARN that ends at the next colon.
    StarWithin,
}

/// A part of a pattern as it stands in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Part(Part<'static>),
    Variable(Variable),
}

/// `${key}` or `${key, 'default'}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) key: Key,
    pub(super) default: Option<Box<str>>,
}

/// What a pattern's text may contain besides characters that stand for themselves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Syntax {
    /// `*` and `?` are wildcards.
    pub(super) wildcards: bool,
    /// `${…}` is a variable or an escaped character: documents of version 2012-10-17.
    pub(super) variables: bool,
}

/// Takes a pattern apart. The error says what is wrong with a variable.
pub(super) fn parse(text: &str, syntax: Syntax) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    let special = |c| (syntax.wildcards && matches!(c, '*' | '?')) || (syntax.variables && c == '$');
    while let Some((plain, from)) = rest.find(special).and_then(|at| rest.split_at_checked(at)) {
        literal.push_str(plain);
        let (symbol, after) = from.split_at_checked(1).unwrap_or((from, ""));
        rest = after;
        match symbol {
            "$" => match after.strip_prefix('{') {
                None => literal.push('$'),
                Some(inside) => {
                    let (inside, after) =
                        variable_end(inside).ok_or_else(|| format!("a variable in `{text}` is not closed"))?;
                    match inside {
                        "*" | "?" | "$" => literal.push_str(inside),
                        _ => {
                            flush(&mut literal, &mut pieces);
                            let variable = variable(inside).ok_or_else(|| format!("`${{{inside}}}` is no variable"))?;
                            pieces.push(Piece::Variable(variable));
                        }
                    }
                    rest = after;
                }
            },
            "?" => {
                flush(&mut literal, &mut pieces);
                pieces.push(Piece::Part(Part::One));
            }
            _ => {
                flush(&mut literal, &mut pieces);
                // A second asterisk says nothing that the first does not.
                if pieces.last() != Some(&Piece::Part(Part::Star)) {
                    pieces.push(Piece::Part(Part::Star));
                }
            }
        }
    }
    literal.push_str(rest);
    flush(&mut literal, &mut pieces);
    Ok(pieces)
}

/// The parts of a pattern whose variables have their values. Hardly any pattern has more parts than fit in place.
pub(super) type Resolved<'a> = SmallVec<[Part<'a>; 12]>;

/// Puts the values of variables in their places. What a value contains stands for itself: an asterisk in a user's name is no
/// wildcard. `None` when a variable has neither a single value nor a default.
pub(super) fn resolve<'a>(pieces: &'a [Piece], facts: &'a dyn Facts) -> Option<Resolved<'a>> {
    pieces
        .iter()
        .map(|piece| {
            Some(match piece {
                Piece::Part(part) => part.borrow(),
                Piece::Variable(variable) => Part::Text(variable.value(facts)?),
            })
        })
        .collect()
}

/// Whether every variable has a value.
pub(super) fn resolvable(pieces: &[Piece], facts: &dyn Facts) -> bool {
    pieces.iter().all(|piece| match piece {
        Piece::Part(_) => true,
        Piece::Variable(variable) => variable.value(facts).is_some(),
    })
}

/// The keys that variables read.
pub(super) fn variables(pieces: &[Piece]) -> impl Iterator<Item = &Key> {
    pieces.iter().filter_map(|piece| match piece {
        Piece::Variable(variable) => Some(&variable.key),
        Piece::Part(_) => None,
    })
}

impl Part<'_> {
    pub(super) fn borrow(&self) -> Part<'_> {
        match self {
            Part::Text(text) => Part::Text(Text::Borrowed(text)),
            Part::One => Part::One,
            Part::Star => Part::Star,
            Part::OneWithin => Part::OneWithin,
            Part::StarWithin => Part::StarWithin,
        }
    }

    /// Puts ASCII letters into lower case.
    pub(super) fn make_lower_case(&mut self) {
        if let Part::Text(text) = self {
            *text = Text::Owned(text.to_ascii_lowercase().into());
        }
    }

    pub(super) fn into_owned(self) -> Part<'static> {
        match self {
            Part::Text(text) => Part::Text(text.into_owned()),
            Part::One => Part::One,
            Part::Star => Part::Star,
            Part::OneWithin => Part::OneWithin,
            Part::StarWithin => Part::StarWithin,
        }
    }
}

impl Variable {
    fn value<'a>(&'a self, facts: &'a dyn Facts) -> Option<Text<'a>> {
        let value = facts.fact(&self.key).filter(|value| value.is_single());
        value.map(Fact::text).or_else(|| self.default.as_deref().map(Text::Borrowed))
    }
}

fn flush(literal: &mut String, pieces: &mut Vec<Piece>) {
    if !literal.is_empty() {
        pieces.push(Piece::Part(Part::Text(Text::Owned(std::mem::take(literal).into()))));
    }
}

/// Splits what follows `${` into the variable and the rest. A default value may contain a closing brace, but no quote.
pub(super) fn variable_end(text: &str) -> Option<(&str, &str)> {
    let brace = text.find('}')?;
    let end = match text.get(..brace)?.find('\'') {
        Some(quote) => quote + 1 + text.get(quote + 1..)?.find("'}")? + 1,
        None => brace,
    };
    Some((text.get(..end)?, text.get(end + 1..)?))
}

pub(super) fn variable(inside: &str) -> Option<Variable> {
    let (key, default) = match inside.split_once(',') {
        None => (inside, None),
        Some((key, default)) => {
            let quoted = default.trim().strip_prefix('\'')?.strip_suffix('\'')?;
            (key, (!quoted.contains('\'')).then_some(quoted).map(Some)?)
        }
    };
    let key = key.trim();
    let well_formed = !key.is_empty() && !key.contains(['$', '{', '}', '\'', '*', '?']);
    well_formed.then(|| Variable { key: Key::new(key), default: default.map(Into::into) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Context;

    const ALL: Syntax = Syntax { wildcards: true, variables: true };

    fn text(text: &str) -> Piece {
        Piece::Part(Part::Text(Text::Owned(text.into())))
    }

    #[test]
    fn texts_are_taken_apart() {
        let variable = |key: &str, default: Option<&str>| {
            Piece::Variable(Variable { key: Key::new(key), default: default.map(Into::into) })
        };
        for (source, pieces) in [
            ("", vec![]),
            ("a**b?", vec![text("a"), Piece::Part(Part::Star), text("b"), Piece::Part(Part::One)]),
            ("${*}${?}${$}{", vec![text("*?${")]),
            ("x/${aws:UserName}/", vec![text("x/"), variable("aws:username", None), text("/")]),
            ("${aws:PrincipalTag/Team, 'all}{'}!", vec![variable("aws:principaltag/team", Some("all}{")), text("!")]),
            ("${aws:userid,''}", vec![variable("aws:userid", Some(""))]),
            ("$x {y}", vec![text("$x {y}")]),
        ] {
            assert_eq!(parse(source, ALL), Ok(pieces), "{source}");
        }
        assert_eq!(
            parse("${aws:username}*", Syntax { wildcards: false, variables: false }),
            Ok(vec![text("${aws:username}*")])
        );
    }

    #[test]
    fn broken_variables_are_refused() {
        for source in
            ["${", "a${b", "${}", "${ }", "${a, b}", "${a, 'b}", "${a, 'b'c'}", "${a${b}}", "${**}", "${a, 'b' }x"]
        {
            assert!(parse(source, ALL).is_err(), "{source}");
        }
    }

    #[test]
    fn values_stand_for_themselves_and_lists_do_not_resolve() {
        let mut context = Context::new();
        context.set("k:one", "a*");
        context.set("k:many", vec!["a".to_owned()]);
        let resolved = |source| resolve(&parse(source, ALL).unwrap(), &context).is_some();
        assert_eq!(
            resolve(&parse("${k:One}", ALL).unwrap(), &context).map(|parts| parts.to_vec()),
            Some(vec![Part::Text(Text::Borrowed("a*"))]),
            "the asterisk is a character"
        );
        assert!(!resolved("${k:many}") && !resolved("${k:none}"));
        assert!(resolved("${k:many, 'x'}") && resolved("${k:none, 'x'}"));
    }
}
