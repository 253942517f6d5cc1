//! What all benches look at: a pack of six rules that apply, one municipality, and cases.

mod pack;

use std::io::BufReader;

use fristvakt::facts::World;
use fristvakt::rules::diagnostics::RuleFiles;
use fristvakt::rules::{RuleSet, load};

use pack::PACK;

/// Rules and facts.
pub(crate) struct Scene {
    pub(crate) rules: RuleSet,
    pub(crate) world: World,
}

impl Scene {
    /// The six rules, with the shipped words and calendars, over facts as NDJSON.
    pub(crate) fn new(facts: &str) -> Self {
        let is_word = |path: &str| path == "vocabulary.toml" || path.starts_with("calendars/");
        let words = fristvakt::rules::embedded().files.into_iter().filter(|(path, _)| is_word(path));
        let files = words.chain([("bench.toml".into(), PACK.to_owned())]).collect();
        let (rules, _) = load(RuleFiles::new(files), str::to_owned).unwrap_or_else(|report| panic!("{report}"));
        let world = World::load(BufReader::new(facts.trim().as_bytes()), &rules);
        let world = world.unwrap_or_else(|errors| panic!("{errors:?}"));
        Self { rules, world }
    }
}
