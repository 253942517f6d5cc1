//! The rule language, sentence by sentence: every file below `tests/data/language/` quotes a sentence of the normative
//! text and gives a small world with what follows from it, worked out by hand.
//!
//! Adding a case is adding a file; `world.rs` says what it may hold, `outcome.rs` what it may expect. A file with
//! `differs = "why"` is one where program and text disagree: it is listed, and fails as soon as they agree.
//! `CASE=part-of-a-name cargo test --test it language` runs the files whose name holds that part, and shows what each
//! of them gives.

mod arithmetic;
mod laws;
mod order;
mod outcome;
mod register;
mod world;

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) use self::world::Description;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/language")
}

/// The files of a section, by name.
fn files(section: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder().join(section)).expect("a section's folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// The part of names that somebody asked for.
#[expect(clippy::disallowed_methods, reason = "a wish of whoever runs the tests, not a setting of the program")]
fn wish() -> Option<String> {
    std::env::var("CASE").ok()
}

/// Every case file there is, whatever it holds.
pub(crate) fn all() -> Vec<Description> {
    let sections = fs::read_dir(folder()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut sections: Vec<String> = sections.map(|name| name.to_string_lossy().into_owned()).collect();
    sections.sort();
    let paths = sections.iter().flat_map(|section| files(section));
    paths.map(|path| Description::parse(&fs::read_to_string(path).expect("a case file"))).collect()
}

#[expect(clippy::print_stderr, reason = "shown when somebody asks for one case, and beside a failure")]
fn check(section: &str) {
    let wish = wish();
    let mut failures = Vec::new();
    for path in files(section) {
        let name = format!("{section}/{}", path.file_stem().expect("a name").to_string_lossy());
        if wish.as_ref().is_some_and(|part| !name.contains(part.as_str())) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a case file");
        let description = match toml::from_str::<Description>(&text) {
            Ok(description) => description,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        let found = outcome::of(&description);
        if wish.is_some() {
            eprintln!("{name}\n{}", found.describe());
        }
        let differences = found.against(&description);
        match (&description.differs, differences.is_empty()) {
            (Some(why), false) => eprintln!("{name}: program and text differ: {why}"),
            (Some(_), true) => failures.push(format!("{name}: passes now; remove `differs`")),
            (None, true) => {}
            (None, false) => failures.push(format!("{name}\n  «{}»\n{}", description.says, differences.join("\n"))),
        }
    }
    assert!(failures.is_empty(), "{} of this section's files fail:\n\n{}\n", failures.len(), failures.join("\n\n"));
}

/// One test for each section of the text.
macro_rules! sections {
    ($($name:ident: $section:literal,)*) => {
        $(#[test]
        fn $name() {
            check($section);
        })*

        #[test]
        fn every_folder_is_a_section() {
            let mut found: Vec<String> = fs::read_dir(folder())
                .expect("a folder")
                .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
                .collect();
            found.sort();
            let mut known = vec![$($section.to_owned()),*];
            known.sort();
            assert_eq!(found, known);
        }
    };
}

sections! {
    s1_files: "s1_files",
    s2_spans: "s2_spans",
    s3_calendars: "s3_calendars",
    s4_facts: "s4_facts",
    s5_pack: "s5_pack",
    s6_from: "s6_from",
    s6_periods: "s6_periods",
    s6_conditions: "s6_conditions",
    s6_met: "s6_met",
    s7_deadlines: "s7_deadlines",
    s8_obligations: "s8_obligations",
    s9_ladder: "s9_ladder",
    s9_roles: "s9_roles",
    s9_silences: "s9_silences",
    s10_deviations: "s10_deviations",
    s12_simulate: "s12_simulate",
}
