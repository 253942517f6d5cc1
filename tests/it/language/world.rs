//! From a case file to rules and facts: what the file leaves out is the same in all of them.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use fristvakt::calendar::{Instant, at_local};
use fristvakt::rules::diagnostics::{Report, RuleFiles};
use fristvakt::rules::{RuleSet, load};
use fristvakt::silence::{Covered, Silence, SilenceId};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use toml::Table;

/// A case file. Lists of lines stand in texts, so that they can be read as tables.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Description {
    /// The sentence, as it stands in the text.
    pub(super) says: String,
    /// How the answer was worked out, where it is not plain to see.
    #[serde(default)]
    #[expect(dead_code, reason = "for readers")]
    why: String,
    /// Why the program does not do what the text says.
    pub(super) differs: Option<String>,

    /// Rules; what they leave out is filled in by [`complete`].
    #[serde(default)]
    rule: Vec<Table>,
    /// Rules as text, for errors that name a line.
    rules: Option<String>,
    /// Keys of the pack that differ from the usual ones; an empty text takes one away.
    #[serde(default)]
    pack: Table,
    #[serde(default)]
    ladder: Table,
    /// Files of the rules folder beside the usual ones, or instead of them.
    #[serde(default)]
    files: BTreeMap<String, String>,

    /// Fields of the tenant, of units, persons and the case that differ from the usual ones, or further versions.
    #[serde(default)]
    tenant: Table,
    #[serde(default)]
    unit: Vec<Table>,
    #[serde(default)]
    person: Vec<Table>,
    #[serde(default)]
    case: Vec<Table>,
    /// Lines `id kind when [@recorded] [attribute=value …]`, or `id revoked [@recorded]`.
    #[serde(default)]
    events: String,
    /// Records as they are, after the others.
    #[serde(default)]
    facts: String,
    /// Nothing but `facts`.
    #[serde(default)]
    facts_only: bool,

    /// Lines `case|unit|rule|person name until`, numbered from 1. They stand from the beginning.
    #[serde(default)]
    silences: String,

    /// From when (from the beginning unless said), and until when: the end of a day, or an instant.
    pub(super) from: Option<toml::value::Datetime>,
    pub(super) until: Option<toml::value::Datetime>,

    /// What must follow: all of it, where the list is there at all. See [`super::outcome`].
    pub(super) obligations: Option<String>,
    pub(super) notices: Option<String>,
    pub(super) deviations: Option<String>,
    pub(super) unsent: Option<String>,
    pub(super) problems: Option<String>,
    pub(super) proof: Option<String>,
    pub(super) pending: Option<String>,
    /// `file:line: message`, or a part of it; all errors of the folder.
    pub(super) errors: Option<String>,
    pub(super) warnings: Option<String>,
    /// `line N: message`, or a part of it; all errors of the facts.
    pub(super) fact_errors: Option<String>,
}

const VOCABULARY: &str = r#"
[events]
started = { attributes = { service = "text", size = "number", urgent = "bool", by = "date" } }
restarted = { attributes = { service = "text" } }
done = { attributes = { service = "text", outcome = "text", size = "number", valid_until = "date" } }
other = {}
undone = { attributes = { service = "text" } }
planned = { attributes = { planned_for = "date", service = "text" } }
held = {}
paused = {}
resumed = {}
closed = { attributes = { reason = "text" } }
reopened = {}
[case]
flag = { type = "bool" }
word = { type = "text" }
score = { type = "number" }
born_on = { type = "date" }
[unit]
service = { type = "text" }
staffed = { type = "bool" }
"#;

const CALENDAR: &str = r#"
id = "norway"
weekend = ["sat", "sun"]
holidays = [
  { name = "Skjærtorsdag", easter = -3 },
  { name = "Langfredag", easter = -2 },
  { name = "2. påskedag", easter = 1 },
  { name = "Arbeidernes dag", on = "05-01" },
]
"#;

/// A calendar without any closed day, and one that is closed for a week in March.
const EVERY_DAY: &str = "id = \"every-day\"\n";
const SCHOOL: &str = r#"
id = "school"
extends = "norway"
closed = [{ name = "Vinterferie", from = 2026-03-09, to = 2026-03-13 }]
"#;

impl Description {
    /// A case file's text, for tests that make their own.
    pub(crate) fn parse(text: &str) -> Self {
        toml::from_str(text).expect("a case file")
    }

    /// The same with other lines of events.
    pub(super) fn with_events(mut self, events: String) -> Self {
        self.events = events;
        self
    }

    /// The rules folder, loaded.
    pub(crate) fn load_rules(&self) -> Result<(RuleSet, Report), Report> {
        let files = self.files().into_iter().map(|(path, text)| (path.into(), text));
        load(RuleFiles::new(files.collect()), str::to_owned)
    }

    /// The files of the rules folder, by path.
    pub(crate) fn files(&self) -> Vec<(String, String)> {
        let mut files: BTreeMap<String, String> = [
            ("vocabulary.toml", VOCABULARY.to_owned()),
            ("calendars/norway.toml", CALENDAR.to_owned()),
            ("calendars/every-day.toml", EVERY_DAY.to_owned()),
            ("calendars/school.toml", SCHOOL.to_owned()),
            ("p.toml", self.pack_text()),
        ]
        .map(|(path, text)| (path.to_owned(), text))
        .into();
        files.extend(self.files.clone());
        files.into_iter().filter(|(_, text)| !text.is_empty()).collect()
    }

    /// The rules first, so that the lines of an error are those of the case file's text.
    fn pack_text(&self) -> String {
        let text = self.rules.clone().unwrap_or_default();
        let has_ladder = !self.ladder.is_empty();
        if text.contains("[pack]") {
            return text;
        }
        let mut pack: Table = toml::from_str(
            r#"
            id = "p"
            calendar = "norway"
            stops_on = ["closed"]
            reopens_on = ["reopened"]
            pauses = { from = "paused", until = "resumed" }
            "#,
        )
        .expect("the usual pack");
        merge(&mut pack, &self.pack);
        let mut rest = Table::new();
        rest.insert("pack".to_owned(), pack.into());
        if has_ladder {
            rest.insert("ladder".to_owned(), self.ladder.clone().into());
        }
        if !self.rule.is_empty() {
            let rules: Vec<Table> = self.rule.iter().map(|rule| complete(rule, has_ladder)).collect();
            rest.insert("rule".to_owned(), rules.into());
        }
        format!("{text}\n{rest}")
    }

    /// The facts, as NDJSON.
    pub(crate) fn facts(&self) -> String {
        if self.facts_only {
            return self.facts.clone();
        }
        let zone = self.zone();
        let mut lines = vec![self.tenant()];
        lines.extend(records("unit", &units(), &self.unit, zone));
        lines.extend(records("person", &persons(), &self.person, zone));
        lines.extend(records("case", &[usual_case()], &self.case, zone));
        lines.extend(self.events.lines().filter(|line| !line.trim().is_empty()).map(|line| event(line, zone)));
        let text: Vec<String> = lines.iter().map(Json::to_string).collect();
        format!("{}\n{}", text.join("\n"), self.facts)
    }

    /// What the tenant has asked not to be told of.
    pub(super) fn silences(&self) -> Vec<Silence> {
        let lines = self.silences.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let silence = |(line, number): (Vec<&str>, i64)| {
            let [kind, name, until] = line[..] else { panic!("`{line:?}` is no silence") };
            let covers = Covered::parse(kind, name).expect("case, unit, rule or person");
            Silence { id: SilenceId(number), covers, until: until.parse().expect("a date") }
        };
        lines.filter(|line| !line.is_empty()).zip(1..).map(silence).collect()
    }

    fn tenant(&self) -> Json {
        let mut tenant = json!({
            "type": "tenant", "id": "t", "packs": ["p"], "coordinator": "coordinator",
            "fallback": "post@t.example", "mail_domains": ["t.example"],
        });
        extend(&mut tenant, &self.tenant, self.zone());
        tenant
    }

    /// The tenant's time zone.
    pub(super) fn zone(&self) -> Tz {
        let name = self.tenant.get("time_zone").and_then(toml::Value::as_str);
        name.map_or(Tz::Europe__Oslo, |name| name.parse().expect("a time zone"))
    }
}

/// A rule with what it leaves out: ten days from `started`, met by `done`, telling nobody.
fn complete(rule: &Table, has_ladder: bool) -> Table {
    let mut full: Table = toml::from_str(
        r#"
        id = "r"
        from = "started"
        within = "10d"
        "#,
    )
    .expect("the usual rule");
    if !rule.contains_key("met_when") {
        full.insert("met_by".to_owned(), "done".into());
    }
    if !has_ladder {
        full.insert("ladder".to_owned(), "none".into());
    }
    merge(&mut full, rule);
    full
}

/// Takes over keys; an empty text takes a key away.
fn merge(into: &mut Table, from: &Table) {
    into.extend(from.iter().map(|(key, value)| (key.clone(), value.clone())));
    into.retain(|_, value| value.as_str() != Some(""));
}

/// The school and the department above it.
fn units() -> Vec<Json> {
    vec![
        json!({ "type": "unit", "tenant": "t", "id": "dept", "unit_type": "department", "leader": "boss" }),
        json!({
            "type": "unit", "tenant": "t", "id": "unit", "unit_type": "school", "parent": "dept", "leader": "leader",
            "email": "unit@t.example",
        }),
    ]
}

fn persons() -> Vec<Json> {
    let ids = ["holder", "starter", "leader", "boss", "coordinator", "deputy", "stand-in"];
    ids.map(|id| json!({ "type": "person", "tenant": "t", "id": id, "email": format!("{id}@t.example") })).into()
}

fn usual_case() -> Json {
    json!({ "type": "case", "tenant": "t", "id": "S", "unit": "unit", "stafettholder": "holder", "initiator": "starter" })
}

/// The usual records with what the file says of them. A record without `recorded_at` changes the usual one of its id;
/// one with it comes after it.
fn records(kind: &str, usual: &[Json], own: &[Table], zone: Tz) -> Vec<Json> {
    let mut all: Vec<Json> = usual.to_vec();
    // A file's own first case version takes the place of the usual one, whenever it was recorded.
    let mut first_case = kind == "case";
    for table in own {
        let id = table.get("id").and_then(toml::Value::as_str).unwrap_or("S").to_owned();
        let known = all.iter().rposition(|record| record["id"] == id.as_str());
        let base = known.map_or_else(|| json!({ "type": kind, "tenant": "t", "id": id }), |index| all[index].clone());
        let mut record = base;
        extend(&mut record, table, zone);
        match known {
            Some(index) if first_case || !table.contains_key("recorded_at") => all[index] = record,
            _ => all.push(record),
        }
        first_case = false;
    }
    all
}

fn extend(record: &mut Json, fields: &Table, zone: Tz) {
    let record = record.as_object_mut().expect("a record");
    record.extend(fields.iter().map(|(key, value)| (key.clone(), json_of(value, zone))));
    record.retain(|_, value| value != "");
}

fn json_of(value: &toml::Value, zone: Tz) -> Json {
    match value {
        toml::Value::String(text) => Json::from(text.as_str()),
        toml::Value::Integer(number) => Json::from(*number),
        toml::Value::Float(number) => Json::from(*number),
        toml::Value::Boolean(value) => Json::from(*value),
        toml::Value::Datetime(datetime) if datetime.time.is_none() => Json::from(datetime.to_string()),
        toml::Value::Datetime(datetime) => Json::from(instant(&datetime.to_string(), zone).to_rfc3339()),
        toml::Value::Array(list) => Json::Array(list.iter().map(|value| json_of(value, zone)).collect()),
        toml::Value::Table(table) => {
            Json::Object(table.iter().map(|(key, value)| (key.clone(), json_of(value, zone))).collect())
        }
    }
}

/// `2026-03-02T10:00` local, `2026-03-02` (its first instant), or a time with an offset.
pub(super) fn instant(text: &str, zone: Tz) -> Instant {
    if let Ok(instant) = text.parse::<Instant>() {
        return instant;
    }
    let (date, time) = match text.split_once('T') {
        None => (text.parse::<NaiveDate>().expect("a date"), NaiveTime::MIN),
        Some(_) => {
            let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
            let local = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
            let local = local.unwrap_or_else(|| panic!("`{text}` is no local time"));
            (local.date(), local.time())
        }
    };
    at_local(zone, date, time)
}

fn event(line: &str, zone: Tz) -> Json {
    let mut words = line.split_whitespace();
    let (id, kind) = (words.next().expect("an id"), words.next().expect("a kind"));
    let mut record = json!({ "type": "event", "tenant": "t", "case": "S", "id": id });
    if kind == "revoked" {
        record["revoked"] = true.into();
    } else {
        record["kind"] = kind.into();
        let when = words.next().expect("when it happened");
        if when.contains('T') {
            record["at"] = instant(when, zone).to_rfc3339().into();
        } else {
            record["on"] = when.into();
        }
    }
    let mut attributes = Map::new();
    for word in words {
        match (word.strip_prefix('@'), word.split_once('=')) {
            (Some(recorded), _) => record["recorded_at"] = instant(recorded, zone).to_rfc3339().into(),
            (None, Some((name, value))) => drop(attributes.insert(name.to_owned(), attribute(value))),
            (None, None) => panic!("`{word}` is neither @recorded nor attribute=value"),
        }
    }
    if !attributes.is_empty() {
        record["attributes"] = attributes.into();
    }
    record
}

fn attribute(text: &str) -> Json {
    match text {
        "true" | "false" => Json::from(text == "true"),
        "null" => Json::Null,
        _ => text.parse::<f64>().map_or_else(|_| Json::from(text), Json::from),
    }
}
