//! A reader of just the XML that an answer may be: elements, text and references. It refuses everything else, and
//! characters that XML 1.0 forbids, so that a test sees what a strict parser would.

/// An element with its text (references resolved) and its children.
#[derive(Debug, Default)]
pub struct Element {
    pub name: String,
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|e| e.name == name)
    }
}

/// Reads a document that is one element.
pub fn read(document: &str) -> Result<Element, String> {
    let mut open = vec![Element::default()];
    let mut rest = document;
    while !rest.is_empty() {
        let (text, more) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
        let here = open.last_mut().ok_or("an end too many")?;
        here.text.push_str(&resolve(text)?);
        let Some(tag) = more.strip_prefix('<') else { break };
        let (tag, after) = tag.split_once('>').ok_or("a tag without end")?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            let done = open.pop().ok_or("an end too many")?;
            if done.name != name || (!done.children.is_empty() && !done.text.is_empty()) {
                return Err(format!("<{}> ended by </{name}>, or mixed with text", done.name));
            }
            open.last_mut().ok_or("an end too many")?.children.push(done);
            continue;
        }
        let name = tag.split(' ').next().unwrap_or_default().trim_end_matches('/').to_owned();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(format!("a tag {tag:?}"));
        }
        let element = Element { name, ..Element::default() };
        if tag.ends_with('/') && !tag.ends_with("//") && !tag.contains(' ') {
            open.last_mut().ok_or("no parent")?.children.push(element);
        } else {
            open.push(element);
        }
    }
    let mut document = open.pop().filter(|_| open.is_empty()).ok_or("an element without end")?;
    let root = document.children.pop().filter(|_| document.children.is_empty() && document.text.is_empty());
    root.ok_or_else(|| "not one element".into())
}

fn resolve(text: &str) -> Result<String, String> {
    let bad = |c: char| (c < ' ' && c != '\t' && c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}' | '>');
    if text.contains(bad) {
        return Err(format!("characters that may not stand in a document: {text:?}"));
    }
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (reference, after) = part.split_once(';').ok_or("a bare &")?;
        out.push_str(match reference {
            "amp" => "&",
            "lt" => "<",
            "gt" => ">",
            "#13" => "\r",
            other => return Err(format!("the reference &{other};")),
        });
        out.push_str(after);
    }
    Ok(out)
}
