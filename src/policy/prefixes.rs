//! Which of many texts does a text begin with?

/// Texts with something kept under each, found by any text that begins with them.
///
/// The texts are sorted. All that a subject begins with stand at or before the subject in that order, and the nearest entry
/// before it begins with the longest of them. So one binary search finds an entry from which each step leads to the longest
/// shorter text that the entry begins with; where the subject begins with an entry, it does with all that follow on its way.
///
/// What all texts begin with is compared once, and the search looks at the eight bytes behind it as a number: texts are read
/// only where these are the same.
#[derive(Debug, Clone)]
pub(super) struct Prefixes<T> {
    /// All texts, one behind the other.
    texts: Box<str>,
    /// How many bytes all texts begin with alike.
    common: usize,
    /// For each entry, the bytes behind those.
    heads: Box<[u64]>,
    entries: Box<[Entry]>,
    kept: Box<[T]>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Where the text begins and ends in `texts`.
    from: u32,
    to: u32,
    /// The longest other text that this one begins with, counted from 1; 0 for none.
    shorter: u32,
    /// Where what it keeps ends in `kept`; it begins where that of the entry before ends.
    kept_to: u32,
}

impl<T> Default for Prefixes<T> {
    fn default() -> Self {
        Prefixes { texts: "".into(), common: 0, heads: Box::default(), entries: Box::default(), kept: Box::default() }
    }
}

impl<T: Copy + Ord> Prefixes<T> {
    /// Keeps each value under its text. More than 4 GiB of texts are more than any set of policies has.
    pub(super) fn new(mut pairs: Vec<(&str, T)>) -> Prefixes<T> {
        pairs.sort_unstable();
        pairs.dedup();
        let mut texts = String::new();
        let mut entries: Vec<Entry> = Vec::new();
        let mut kept = Vec::with_capacity(pairs.len());
        // The entries, counted from 1, that the last entry begins with, itself included.
        let mut path: Vec<u32> = Vec::new();
        for group in pairs.chunk_by(|a, b| a.0 == b.0) {
            let Some((text, _)) = group.first() else { continue };
            while path.last().is_some_and(|last| !text.starts_with(entry_text(&texts, &entries, *last))) {
                path.pop();
            }
            let from = count(texts.len());
            texts.push_str(text);
            kept.extend(group.iter().map(|(_, value)| *value));
            let shorter = path.last().copied().unwrap_or(0);
            entries.push(Entry { from, to: count(texts.len()), shorter, kept_to: count(kept.len()) });
            path.push(count(entries.len()));
        }
        // In order, so what the first and the last have in common all have.
        let common = match (pairs.first(), pairs.last()) {
            (Some((first, _)), Some((last, _))) => first.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count(),
            _ => 0,
        };
        let text = |entry: &Entry| texts.as_bytes().get(entry.from as usize..entry.to as usize).unwrap_or_default();
        let heads = entries.iter().map(|entry| head(text(entry), common)).collect();
        Prefixes { common, heads, texts: texts.into(), entries: entries.into(), kept: kept.into() }
    }

    /// How much memory it takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.texts.len() + self.entries.len() * (size_of::<u64>() + size_of::<Entry>()) + size_of_val(&*self.kept)
    }

    /// Visits what is kept under each text that `subject` begins with; `whole` says that the text is all of it.
    #[inline]
    pub(super) fn visit(&self, subject: &str, mut visit: impl FnMut(T, bool)) {
        if self.entries.is_empty() {
            return;
        }
        let bytes = subject.as_bytes();
        let mut at = self.not_after(bytes);
        let mut found = false;
        while let Some(before) = at.checked_sub(1) {
            let Some(entry) = self.entries.get(before) else { return };
            let text = self.text(entry);
            found = found || bytes.starts_with(text);
            if found {
                let from =
                    before.checked_sub(1).and_then(|previous| self.entries.get(previous)).map_or(0, |e| e.kept_to);
                let kept = self.kept.get(from as usize..entry.kept_to as usize).unwrap_or_default();
                let whole = text.len() == bytes.len();
                kept.iter().for_each(|value| visit(*value, whole));
            }
            at = entry.shorter as usize;
        }
    }

    /// How many entries stand at or before `subject`; 0 as well when it begins with none of them.
    #[inline]
    fn not_after(&self, subject: &[u8]) -> usize {
        let begins = |entry: &Entry| subject.starts_with(self.text(entry).get(..self.common).unwrap_or_default());
        if !self.entries.first().is_some_and(begins) {
            return 0;
        }
        let wanted = head(subject, self.common);
        let to = self.heads.partition_point(|head| *head <= wanted);
        let same = self.heads.get(..to).unwrap_or_default().iter().rev().take_while(|head| **head == wanted);
        match same.count() {
            0 => to,
            same => {
                let from = to - same;
                let entries = self.entries.get(from..to).unwrap_or_default();
                from + entries.partition_point(|entry| self.text(entry) <= subject)
            }
        }
    }

    fn text(&self, entry: &Entry) -> &[u8] {
        self.texts.as_bytes().get(entry.from as usize..entry.to as usize).unwrap_or_default()
    }
}

fn entry_text<'t>(texts: &'t str, entries: &[Entry], number: u32) -> &'t str {
    let entry = (number as usize).checked_sub(1).and_then(|at| entries.get(at));
    entry.and_then(|entry| texts.get(entry.from as usize..entry.to as usize)).unwrap_or_default()
}

/// Up to eight bytes of a text from a place on, in an order that is the texts': what is shorter is filled up with zeros.
#[inline]
fn head(text: &[u8], from: usize) -> u64 {
    let rest = text.get(from..).unwrap_or_default();
    match rest.first_chunk::<8>() {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => {
            let mut bytes = [0; 8];
            bytes.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            u64::from_be_bytes(bytes)
        }
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_that_a_text_begins_with_is_found_and_nothing_else(
            texts in prop::collection::vec("x{0,9}[ab\\x00]{1,12}", 0..40),
            subject in "x{0,9}[abc\\x00]{0,14}",
        ) {
            let pairs: Vec<(&str, usize)> = texts.iter().enumerate().map(|(at, text)| (text.as_str(), at)).collect();
            let prefixes = Prefixes::new(pairs);
            let mut found = Vec::new();
            prefixes.visit(&subject, |at, whole| found.push((at, whole)));
            found.sort_unstable();
            let begins = |(_, text): &(usize, &String)| subject.starts_with(text.as_str());
            let expected: Vec<(usize, bool)> =
                texts.iter().enumerate().filter(begins).map(|(at, text)| (at, *text == subject)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
