//! The rule loader: vocabulary, calendars, packs, and the tests beside them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::base::{Base, PACKS, WORLDS, live, loaded, noon};
use super::cases;
use super::edit::{Edit, edited, edits};
use fristvakt::facts::World;

const PATHS: [&str; 8] = [
    "vocabulary.toml",
    "calendars/norway.toml",
    "calendars/a/b.toml",
    "p.toml",
    "p.test.toml",
    "messages/nb/subject.txt",
    "messages/",
    "",
];

fn with_edits(base: &Base, file: &Index, edits: &[Edit]) -> Vec<(String, String)> {
    let mut files = base.files.clone();
    let place = file.index(files.len());
    files[place].1 = edited(&files[place].1, edits);
    files
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn any_text_is_a_folder_or_an_error(files in vec((select(&PATHS), any::<String>()), 0..4)) {
        loaded(&files.into_iter().map(|(path, text)| (path.to_owned(), text)).collect::<Vec<_>>());
    }

    /// What is no UTF-8 is refused when the file is read; what stands for it then is a text like any other.
    #[test]
    fn any_bytes_are_a_folder_or_an_error(files in vec((select(&PATHS), vec(any::<u8>(), 0..200)), 0..4)) {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        loaded(&files.into_iter().map(|(path, bytes)| (path.to_owned(), text(bytes))).collect::<Vec<_>>());
    }

    /// Half of the edits are to one pack of the language's tests; what still loads is lived with.
    #[test]
    fn an_edited_world_loads_or_says_why(base in any::<Index>(), file in any::<Index>(), edits in edits()) {
        let base = base.get(&WORLDS);
        let Some(rules) = loaded(&with_edits(base, &file, &edits)) else { return Ok(()) };
        if let Ok(world) = World::load(base.facts.as_bytes(), &rules) {
            live(&rules, &world, noon("2026-03-16"));
        }
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn an_edited_pack_loads_or_says_why(base in 0usize..2, file in any::<Index>(), edits in edits()) {
        let base = &PACKS[base];
        let Some(rules) = loaded(&with_edits(base, &file, &edits)) else { return Ok(()) };
        let _ = World::load(base.facts.as_bytes(), &rules);
    }
}
