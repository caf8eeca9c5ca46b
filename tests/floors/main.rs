//! The floors of the house: every path of every file goes to its own floor or a lower one, and a few names are spoken in one
//! place only. What is wrong is named with file and line, and why.

mod checker;
mod source;

use std::path::{Path, PathBuf};

use checker::check;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("src is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_edge_goes_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    sources(&root.join("src"), &mut paths);
    assert!(paths.len() > 150, "only {} files were found", paths.len());
    let mut wrong = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("readable");
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        wrong.extend(check(&name, &text));
    }
    assert!(wrong.is_empty(), "{}\n", wrong.join("\n"));
}
