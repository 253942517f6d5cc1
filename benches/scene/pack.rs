//! Six rules that apply.

/// Six rules: a decision, a conversation, a meeting, a consent that may be earlier, an agreed evaluation, the next one.
pub(crate) const PACK: &str = r#"
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
