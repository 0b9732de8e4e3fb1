//! The repository's own files, for tests that compare what is written with what is.

use std::fs;
use std::path::{Path, PathBuf};

/// Built and downloaded folders: not ours to judge.
const FOREIGN: [&str; 6] = ["target", "node_modules", "dist", ".git", ".node", ".sqlx"];

/// The top folder of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The text of a file, named from the top folder.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file with an ending below a folder (both named from the top folder), in order.
pub fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    let top = root();
    let names = found.iter().map(|path| path.strip_prefix(&top).unwrap().to_str().unwrap().to_owned());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(ending)).collect();
    names.sort();
    names
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !FOREIGN.contains(&name) {
                collect(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}
