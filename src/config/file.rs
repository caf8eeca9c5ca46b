//! Settings from a TOML file. <https://toml.io/en/v1.0.0>

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::settle::Settling;
use super::value::Value;
use super::{KEYS, Key, Place, Problem, suggest};

/// Reads `text`, the contents of the file `name`.
pub(super) fn read(name: &Path, text: &str, settling: &mut Settling) {
    let source = Source { name: name.display().to_string(), text };
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            // The parser's own rendering shows the line, which may be the one with the database's password.
            let line = source.line(error.span().unwrap_or_default());
            settling.problem(Problem::Syntax { file: source.name, line, message: error.message().to_owned() });
            return;
        }
    };
    for (section, value) in in_order(table) {
        let place = source.place(section.span());
        let section = section.into_inner();
        let known = KEYS.iter().find(|key| key.section() == section).map(Key::section);
        match (known, value.into_inner()) {
            (Some(section), DeValue::Table(keys)) => read_section(section, keys, &source, settling),
            (Some(section), _) => settling.problem(Problem::NotASection { section, place }),
            (None, DeValue::Table(_)) => {
                let suggestion = suggest::section(&section);
                settling.problem(Problem::UnknownSection { section: section.into_owned(), place, suggestion });
            }
            (None, _) => {
                let suggestion = suggest::key("", &section);
                settling.problem(Problem::UnknownKey { key: section.into_owned(), place, suggestion });
            }
        }
    }
}

fn read_section(section: &'static str, keys: DeTable<'_>, source: &Source<'_>, settling: &mut Settling) {
    for (name, value) in in_order(keys) {
        let place = source.place(name.span());
        let name = name.into_inner();
        match KEYS.iter().find(|key| key.section() == section && key.name() == name) {
            Some(key) => settling.give(key, &read_value(value.into_inner()), place),
            None => {
                let suggestion = suggest::key(section, &name);
                settling.problem(Problem::UnknownKey { key: format!("{section}.{name}"), place, suggestion });
            }
        }
    }
}

fn read_value(value: DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(digits) => i128::from_str_radix(digits.as_str(), digits.radix())
            .map_or(Value::Other("a number of this size"), Value::Number),
        DeValue::Boolean(on) => Value::Switch(on),
        DeValue::Array(items) => Value::List(items.into_iter().map(|item| read_item(item.into_inner())).collect()),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a date or time"),
        DeValue::Table(_) => Value::Other("a table"),
    }
}

/// No setting is a list of lists, so what is nested is not descended into.
fn read_item(value: DeValue<'_>) -> Value {
    match value {
        DeValue::Array(_) => Value::Other("a list"),
        value => read_value(value),
    }
}

/// What a table holds, in the order of the file: problems are then told from top to bottom.
fn in_order<K, V>(table: impl IntoIterator<Item = (Spanned<K>, V)>) -> Vec<(Spanned<K>, V)> {
    let mut entries: Vec<(Spanned<K>, V)> = table.into_iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

struct Source<'a> {
    name: String,
    text: &'a str,
}

impl Source<'_> {
    fn place(&self, span: Range<usize>) -> Place {
        Place::File(self.name.clone(), self.line(span))
    }

    /// The line, from 1, in which `span` begins.
    fn line(&self, span: Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..span.start).unwrap_or(self.text.as_bytes());
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }
}
