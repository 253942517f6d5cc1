//! The shipped rules, as they stood when the binary was built.

use include_dir::{Dir, DirEntry, include_dir};

use super::diagnostics::RuleFiles;

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/rules");

/// The files of the shipped rules folder, by their paths below it.
#[must_use]
pub fn embedded() -> RuleFiles {
    let mut files = Vec::new();
    collect(&SHIPPED, &mut files);
    RuleFiles::new(files)
}

fn collect(folder: &Dir<'_>, files: &mut Vec<(std::sync::Arc<str>, String)>) {
    for entry in folder.entries() {
        match entry {
            DirEntry::Dir(below) => collect(below, files),
            DirEntry::File(file) => {
                if let (Some(path), Some(text)) = (file.path().to_str(), file.contents_utf8()) {
                    files.push((path.into(), text.to_owned()));
                }
            }
        }
    }
}
