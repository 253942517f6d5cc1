//! Rules and facts that tests share, as data.

use fristvakt::rules::diagnostics::RuleFiles;
use fristvakt::rules::{RuleSet, load};

const VOCABULARY: &str = r#"
[events.concern_raised]
title = "Bekymring"
attributes = { hours = "number" }
[events.decision_made]
title = "Beslutning"
[events.evaluation_planned]
title = "Evaluering avtalt"
attributes = { planned_for = "date" }
[events.alarm]
title = "Alarm"
[events.case_closed]
title = "Avsluttet"
[case.school_environment]
type = "bool"
title = "Skolemiljø"
[case.born_on]
type = "date"
title = "Født"
[unit.service]
type = "text"
title = "Tjeneste"
"#;

const CALENDAR: &str = "weekend = [\"sat\", \"sun\"]\nholidays = [{ name = \"1. juledag\", on = \"12-25\" }]\n";

const PACK: &str = r#"
[pack]
id = "sokndal"
title = "Rutine"
calendar = "norway"
stops_on = ["case_closed"]
[ladder]
standard = [
  { at = "-3wd", to = "responsible" },
  { at = "0d", to = "responsible" },
  { at = "+1wd", to = "leader", as = "escalation" },
]
[[rule]]
id = "decision"
title = "Ta beslutning"
kind = "decision"
cite = "trinn 4"
from = "concern_raised"
within = "14d"
met_by = "decision_made"
[[rule]]
id = "alarm"
title = "Svare på alarm"
from = "alarm"
within = "0d"
met_by = "decision_made"
ladder = [{ at = "0d", to = "leader", urgent = true }]
"#;

/// One pack of two rules: a decision within 14 days of a concern, and an urgent one on an alarm.
pub(crate) fn rules() -> RuleSet {
    rules_of(VOCABULARY, PACK)
}

/// The same pack with a word less: what carries `school_environment` no longer parses.
pub(crate) fn rules_without_school_environment() -> RuleSet {
    rules_of(&VOCABULARY.replace("[case.school_environment]", "[case.renamed]"), PACK)
}

/// The same pack with another word for an alarm: events of the kind `alarm` are unknown.
pub(crate) fn rules_with_another_alarm() -> RuleSet {
    rules_of(
        &VOCABULARY.replace("[events.alarm]", "[events.warning]"),
        &PACK.replace("from = \"alarm\"", "from = \"warning\""),
    )
}

fn rules_of(vocabulary: &str, pack: &str) -> RuleSet {
    let files = [
        ("vocabulary.toml", vocabulary.to_owned()),
        ("calendars/norway.toml", format!("id = \"norway\"\n{CALENDAR}")),
        ("calendars/school.toml", format!("id = \"sokndal-school\"\n{CALENDAR}")),
        ("sokndal.toml", pack.to_owned()),
    ];
    let files = files.into_iter().map(|(path, text)| (path.into(), text)).collect();
    match load(RuleFiles::new(files), str::to_owned) {
        Ok((rules, _)) => rules,
        Err(report) => panic!("{}", report.render(false)),
    }
}

/// A tenant, two units, two persons, two cases and four events (one revoked).
pub(crate) const FACTS: &str = r#"
{"type":"tenant","id":"sokndal","packs":["sokndal"],"coordinator":"p9","fallback":"postmottak@sokndal.example","mail_domains":["sokndal.example"],"delivery":{"calendar":"norway"}}
{"type":"unit","tenant":"sokndal","id":"oppvekst","leader":"p2"}
{"type":"unit","tenant":"sokndal","id":"skole-1","unit_type":"school","parent":"oppvekst","leader":"p2","calendar":"sokndal-school","attributes":{"service":"school"}}
{"type":"person","tenant":"sokndal","id":"p1","email":"p1@sokndal.example","unit":"skole-1","absent":[{"from":"2026-07-01","to":"2026-07-31","deputy":"p2"}]}
{"type":"person","tenant":"sokndal","id":"p2","email":"p2@sokndal.example"}
{"type":"case","tenant":"sokndal","id":"S-17","ref":"7F3K","level":"0","unit":"skole-1","stafettholder":"p1","attributes":{"school_environment":true}}
{"type":"case","tenant":"sokndal","id":"S-18","unit":"oppvekst","stafettholder":"nobody"}
{"type":"event","tenant":"sokndal","case":"S-17","id":"e1","kind":"concern_raised","on":"2026-03-02","recorded_at":"2026-03-03T09:10:00+01:00"}
{"type":"event","tenant":"sokndal","case":"S-17","id":"e2","kind":"evaluation_planned","at":"2026-03-04T10:00:00+01:00","attributes":{"planned_for":"2026-04-01"}}
{"type":"event","tenant":"sokndal","case":"S-18","id":"e1","kind":"concern_raised","on":"2026-02-01"}
{"type":"event","tenant":"sokndal","case":"S-18","id":"e1","revoked":true}
"#;
