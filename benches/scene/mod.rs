//! What all benches look at: a pack of six rules that apply, one municipality, and cases.

use std::io::BufReader;

use fristvakt::facts::World;
use fristvakt::rules::diagnostics::RuleFiles;
use fristvakt::rules::{RuleSet, load};

/// Six rules: a decision, a conversation, a meeting, a consent that may be earlier, an agreed evaluation, the next one.
const PACK: &str = r#"
[pack]
id = "bench"
calendar = "norway"
roll = "forward"
stops_on = ["case_closed"]
reopens_on = ["case_reopened"]
pauses = { from = "case_paused", until = "case_resumed" }
escalation_grace = "1wd"
[ladder]
standard = [
  { at = "-3wd", to = "responsible" },
  { at = "0d", to = "responsible" },
  { at = "+1wd", to = "leader", as = "escalation" },
  { at = "+1w", to = ["leader", "coordinator"], as = "escalation", every = "1w", times = 4 },
]
[[rule]]
id = "decision"
from = "concern_raised"
within = "14d"
met_by = "decision_made"
[[rule]]
id = "conversation"
from = "concern_raised"
unless = { case.school_environment = true }
within = "4w"
met_by = "conversation_held"
[[rule]]
id = "meeting"
from = "decision_made"
unless = { start.outcome = "close" }
within = "20wd"
met_by = "cooperation_meeting_held"
[[rule]]
id = "consent"
from = "decision_made"
within = "0d"
met_by = { event = "consent_given", earlier = true, undone_by = "consent_withdrawn" }
[[rule]]
id = "evaluation"
from = { event = "evaluation_planned", date = "planned_for" }
within = "0d"
met_by = "evaluation_held"
[[rule]]
id = "next-evaluation"
from = ["decision_made", "evaluation_held"]
unless = { start.outcome = "close" }
within = "5wd"
met_by = "evaluation_planned"
"#;

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
