//! Facts from a file, for commands that need no database.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::{FAILED, Failed};
use crate::facts::{World, wrong_lines};
use crate::rules::RuleSet;

/// Reads a file of facts. `undone` is what was not done where a line is wrong.
pub(super) fn load_world(path: &Path, rules: &RuleSet, undone: &str) -> Result<World, Failed> {
    let name = path.display();
    let file = File::open(path)
        .map_err(|error| Failed::with(FAILED, format!("cannot read the facts in {name}: {error}; check the path")))?;
    World::load(BufReader::with_capacity(1 << 16, file), rules).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(|error| format!("{name}: {error}")).collect();
        let wrong = wrong_lines(errors.len());
        Failed::with(FAILED, format!("{name}: {wrong}; {undone}\n{}", lines.join("\n")))
    })
}
