//! The text of a pattern taken apart: literal text, wildcards and policy variables.
//!
//! Source: IAM User Guide, `reference_policies_variables` (variables, default values, special characters).

use std::borrow::Cow;

use super::context::Context;

/// A part of a pattern that has no variables left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// These characters.
    Text(Cow<'a, str>),
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
    /// In lower case.
    pub(super) key: Box<str>,
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
    while let Some(next) = rest.chars().next() {
        if syntax.variables && rest.starts_with("${") {
            let (inside, after) = variable_end(rest.get(2..).unwrap_or_default())
                .ok_or_else(|| format!("a variable in `{text}` is not closed"))?;
            match inside {
                "*" | "?" | "$" => literal.push_str(inside),
                _ => {
                    flush(&mut literal, &mut pieces);
                    pieces.push(Piece::Variable(
                        variable(inside).ok_or_else(|| format!("`${{{inside}}}` is no variable"))?,
                    ));
                }
            }
            rest = after;
            continue;
        }
        match next {
            '*' if syntax.wildcards => {
                flush(&mut literal, &mut pieces);
                // A second asterisk says nothing that the first does not.
                if pieces.last() != Some(&Piece::Part(Part::Star)) {
                    pieces.push(Piece::Part(Part::Star));
                }
            }
            '?' if syntax.wildcards => {
                flush(&mut literal, &mut pieces);
                pieces.push(Piece::Part(Part::One));
            }
            other => literal.push(other),
        }
        rest = rest.get(next.len_utf8()..).unwrap_or_default();
    }
    flush(&mut literal, &mut pieces);
    Ok(pieces)
}

/// Puts the values of variables in their places. What a value contains stands for itself: an asterisk in a user's name is no
/// wildcard. `None` when a variable has neither a single value nor a default.
pub(super) fn resolve<'a>(pieces: &'a [Piece], context: &'a Context) -> Option<Vec<Part<'a>>> {
    pieces
        .iter()
        .map(|piece| {
            Some(match piece {
                Piece::Part(Part::Text(text)) => Part::Text(Cow::Borrowed(&**text)),
                Piece::Part(part) => part.clone(),
                Piece::Variable(variable) => Part::Text(variable.value(context)?),
            })
        })
        .collect()
}

/// Whether every variable has a value.
pub(super) fn resolvable(pieces: &[Piece], context: &Context) -> bool {
    pieces.iter().all(|piece| match piece {
        Piece::Part(_) => true,
        Piece::Variable(variable) => variable.value(context).is_some(),
    })
}

impl Variable {
    fn value<'a>(&'a self, context: &'a Context) -> Option<Cow<'a, str>> {
        let value = context.get(&self.key).and_then(|value| value.scalar());
        value.map(|v| v.text()).or_else(|| self.default.as_deref().map(Cow::Borrowed))
    }
}

fn flush(literal: &mut String, pieces: &mut Vec<Piece>) {
    if !literal.is_empty() {
        pieces.push(Piece::Part(Part::Text(Cow::Owned(std::mem::take(literal)))));
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
    well_formed.then(|| Variable { key: key.to_ascii_lowercase().into(), default: default.map(Into::into) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Syntax = Syntax { wildcards: true, variables: true };

    fn text(text: &str) -> Piece {
        Piece::Part(Part::Text(Cow::Owned(text.to_owned())))
    }

    #[test]
    fn texts_are_taken_apart() {
        let variable = |key: &str, default: Option<&str>| {
            Piece::Variable(Variable { key: key.into(), default: default.map(Into::into) })
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
            resolve(&parse("${k:One}", ALL).unwrap(), &context),
            Some(vec![Part::Text(Cow::Borrowed("a*"))]),
            "the asterisk is a character"
        );
        assert!(!resolved("${k:many}") && !resolved("${k:none}"));
        assert!(resolved("${k:many, 'x'}") && resolved("${k:none, 'x'}"));
    }
}
