//! A small, bounded reader of the XML that the Query protocol answers with: elements that hold elements or text.
//! Attributes, comments and processing instructions are passed over; a document type is refused, and with it every
//! entity that a document could define for itself.
//!
//! Source: <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html> and the sample answers beside each
//! operation there.

use quick_xml::Reader;
use quick_xml::events::Event;

/// The deepest nesting that is read. STS nests five deep.
const MAX_DEPTH: usize = 16;
/// The most elements that are read. STS answers hold a dozen.
const MAX_ELEMENTS: usize = 1_000;

/// The leaves of a document, each with the local names that lead to it.
#[derive(Debug)]
pub(super) struct Answer {
    leaves: Vec<(String, String)>,
}

impl Answer {
    /// Reads a whole document. The error says what is wrong, and quotes nothing.
    pub(super) fn read(document: &str) -> Result<Self, &'static str> {
        let mut reader = Reader::from_str(document);
        let mut path: Vec<String> = Vec::new();
        let mut text = String::new();
        let mut elements = 0usize;
        let mut roots = 0usize;
        let mut leaves = Vec::new();
        // Whether the element just left was the last thing seen: then the parent is no leaf.
        let mut is_leaf = false;
        loop {
            match reader.read_event().map_err(|_| "it is not well-formed XML")? {
                Event::Start(start) => {
                    elements += 1;
                    roots += usize::from(path.is_empty());
                    if elements > MAX_ELEMENTS || path.len() >= MAX_DEPTH || roots > 1 {
                        return Err("it has too many or too deeply nested elements");
                    }
                    path.push(start.local_name().as_ref().to_owned());
                    text.clear();
                    is_leaf = true;
                }
                Event::Empty(_) => {
                    elements += 1;
                    roots += usize::from(path.is_empty());
                    if elements > MAX_ELEMENTS || roots > 1 {
                        return Err("it has too many or too deeply nested elements");
                    }
                    is_leaf = false;
                }
                Event::End(_) => {
                    if is_leaf {
                        leaves.push((path.join("/"), std::mem::take(&mut text)));
                    }
                    path.pop();
                    is_leaf = false;
                }
                Event::Text(part) => text.push_str(&part.xml10_content()),
                Event::CData(part) => text.push_str(&part.xml10_content()),
                Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                    Ok(Some(character)) => text.push(character),
                    Ok(None) => text.push_str(
                        quick_xml::escape::resolve_predefined_entity(&reference.into_inner())
                            .ok_or("it uses an undeclared entity")?,
                    ),
                    Err(_) => return Err("it has a bad character reference"),
                },
                Event::DocType(_) => return Err("it declares a document type"),
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                Event::Eof if path.is_empty() && roots == 1 => return Ok(Self { leaves }),
                Event::Eof => return Err("it ends too early"),
            }
        }
    }

    /// The text of the first leaf at `path` (local names from the root, joined by `/`).
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.leaves.iter().find(|(at, _)| at == path).map(|(_, text)| text.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_found_by_their_path() {
        let answer = Answer::read(
            "<?xml version=\"1.0\"?>\n<A xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><!-- c --><B>\n <C>x &lt;&#65;&amp; <![CDATA[<y>]]></C>\n<E/></B><D>1</D></A>",
        );
        let answer = answer.expect("well-formed");
        assert_eq!(answer.text("A/B/C"), Some("x <A& <y>"));
        assert_eq!(answer.text("A/D"), Some("1"));
        assert_eq!(answer.text("A/B"), None);
    }

    #[test]
    fn hostile_documents_are_refused() {
        let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
        let wide = format!("<a>{}</a>", "<b/>".repeat(2_000));
        for document in [
            "",
            "plain",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
            "<a>&x;</a>",
            "<a>&#0;</a>",
            deep.as_str(),
            wide.as_str(),
        ] {
            assert!(Answer::read(document).is_err(), "{}", document.chars().take(60).collect::<String>());
        }
    }
}
