//! The same cases as an IT department keeps them, in tables with numbers for keys and an index for each question; and the
//! query for the same six deadlines that somebody there would write.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{Days, NaiveDate};
use fristvakt::calendar::Calendar;

use crate::raw::Raw;
use crate::world::{Event, TODAY, World};

/// How many rows an `INSERT` carries.
const ROWS: usize = 500;

/// Makes the tables out of the same world.
pub(crate) async fn build(raw: &mut Raw, world: World, calendar: &Calendar) {
    let (date, key) = if raw.is_postgres() { ("DATE", "BIGINT") } else { ("TEXT", "INTEGER") };
    raw.run(format!(
        "DROP TABLE IF EXISTS plain_event; DROP TABLE IF EXISTS plain_case; DROP TABLE IF EXISTS plain_day;
         CREATE TABLE plain_case (id {key} PRIMARY KEY, tenant TEXT NOT NULL, school TEXT NOT NULL,
             holder TEXT NOT NULL, school_environment {key} NOT NULL);
         CREATE TABLE plain_event (id {key} PRIMARY KEY, case_id {key} NOT NULL REFERENCES plain_case, name TEXT NOT NULL,
             kind TEXT NOT NULL, on_date {date} NOT NULL, outcome TEXT, planned_for {date});
         CREATE TABLE plain_day (day {date} PRIMARY KEY, number {key} NOT NULL, works {key} NOT NULL,
             next {date} NOT NULL);"
    ))
    .await;
    let mut days = Insert::new("plain_day", days(calendar));
    days.flush_all(raw).await;
    raw.run("BEGIN".to_owned()).await;
    let (mut cases, mut events) = (Insert::new("plain_case", vec![]), Insert::new("plain_event", vec![]));
    let mut number = 0;
    for case in world.cases() {
        let tenant = world.tenant_of(case.number);
        let environment = i32::from(case.school_environment);
        cases
            .push(format!("({}, '{tenant}', 'skole-{}', 'p{}', {environment})", case.number, case.school, case.holder));
        for (place, event) in case.events.iter().enumerate() {
            events.push(row(number, case.number, place + 1, event));
            number += 1;
        }
        if events.is_full() {
            cases.flush_all(raw).await;
            events.flush_all(raw).await;
        }
    }
    cases.flush_all(raw).await;
    events.flush_all(raw).await;
    raw.run("COMMIT".to_owned()).await;
    raw.run(
        "CREATE INDEX plain_event_by_case ON plain_event (case_id, kind, on_date);
         CREATE INDEX plain_event_by_kind ON plain_event (kind, case_id, on_date);
         CREATE UNIQUE INDEX plain_day_by_number ON plain_day (number) WHERE works = 1;
         ANALYZE plain_case; ANALYZE plain_event; ANALYZE plain_day;"
            .to_owned(),
    )
    .await;
}

fn row(number: usize, case: u32, place: usize, event: &Event) -> String {
    let quoted = |text: Option<String>| text.map_or_else(|| "NULL".to_owned(), |text| format!("'{text}'"));
    let planned_for = quoted(event.planned_for.map(|day| day.to_string()));
    let outcome = quoted(event.outcome.map(str::to_owned));
    format!("({number}, {case}, 'e{place}', '{}', '{}', {outcome}, {planned_for})", event.kind, event.on)
}

/// Each day with how many working days there were up to it, and the next working day.
fn days(calendar: &Calendar) -> Vec<String> {
    let all = (0..1500).filter_map(|day| NaiveDate::from_ymd_opt(2025, 1, 1)?.checked_add_days(Days::new(day)));
    let works = |day: NaiveDate| calendar.is_working(day);
    let mut number = 0;
    let row = |day| {
        number += i32::from(works(day));
        format!("('{day}', {number}, {}, '{}')", i32::from(works(day)), calendar.on_or_after(day))
    };
    all.map(row).collect()
}

struct Insert {
    table: &'static str,
    rows: Vec<String>,
}

impl Insert {
    fn new(table: &'static str, rows: Vec<String>) -> Self {
        Self { table, rows }
    }

    fn push(&mut self, row: String) {
        self.rows.push(row);
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= 20 * ROWS
    }

    async fn flush_all(&mut self, raw: &mut Raw) {
        for rows in self.rows.chunks(ROWS) {
            raw.run(format!("INSERT INTO {} VALUES {}", self.table, rows.join(", "))).await;
        }
        self.rows.clear();
    }
}

/// Every deadline of every case: rule, case, start, due date, the day on which it was met, and how it stands.
///
/// Each line of `rules`: what starts the deadline, when it is due, and what meets it.
pub(crate) fn deadlines(is_postgres: bool) -> String {
    let after = |column: &str, days: u32| match is_postgres {
        true => format!("{column} + {days}"),
        false => format!("date({column}, '+{days} days')"),
    };
    let on = |day: String| format!("JOIN plain_day d ON d.day = {day}");
    let working = |days: u32| {
        format!(
            "JOIN plain_day b ON b.day = s.on_date JOIN plain_day d ON d.works = 1 AND d.number = b.number + {days}"
        )
    };
    let open = "AND coalesce(s.outcome, '') <> 'close'";
    let not_environment = "AND (SELECT school_environment FROM plain_case p WHERE p.id = s.case_id) = 0";
    let after_start = "AND m.on_date >= s.on_date";
    let rules = [
        ("decision", "= 'concern_raised'", "", on(after("s.on_date", 14)), "decision_made", after_start),
        (
            "conversation",
            "= 'concern_raised'",
            not_environment,
            on(after("s.on_date", 28)),
            "conversation_held",
            after_start,
        ),
        ("meeting", "= 'decision_made'", open, working(20), "cooperation_meeting_held", after_start),
        ("consent", "= 'decision_made'", "", on("s.on_date".to_owned()), "consent_given", ""),
        ("evaluation", "= 'evaluation_planned'", "", on("s.planned_for".to_owned()), "evaluation_held", after_start),
        (
            "next-evaluation",
            "IN ('decision_made', 'evaluation_held')",
            open,
            working(5),
            "evaluation_planned",
            after_start,
        ),
    ];
    let mut union = String::new();
    for (rule, starts, only, due, met_by, after) in rules {
        let _ = write!(
            union,
            "{} SELECT '{rule}' AS rule, s.case_id, s.name, s.on_date AS started_on, d.next AS due_on,
                 (SELECT min(m.on_date) FROM plain_event m WHERE m.case_id = s.case_id AND m.kind = '{met_by}' {after}) AS met_on,
                 (SELECT min(c.on_date) FROM plain_event c WHERE c.case_id = s.case_id AND c.kind = 'case_closed'
                      AND c.on_date >= s.on_date) AS closed_on
             FROM plain_event s {due} WHERE s.kind {starts} {only}",
            if union.is_empty() { "" } else { " UNION ALL" }
        );
    }
    format!(
        "SELECT rule, case_id, name, due_on, met_on,
             CASE WHEN met_on <= due_on THEN 'met' WHEN met_on IS NOT NULL THEN 'met_late'
                  WHEN closed_on <= due_on THEN 'void' WHEN closed_on IS NOT NULL THEN 'missed'
                  WHEN due_on < '{TODAY}' THEN 'overdue' ELSE 'running' END AS status
         FROM ({union}) deadlines"
    )
}

/// The cheapest use of all deadlines: how many there are of each kind, counted inside the database.
pub(crate) fn counted(is_postgres: bool) -> String {
    format!(
        "SELECT count(*) FROM (SELECT rule, status, count(*), min(due_on), max(met_on) FROM ({}) d GROUP BY rule, status) g",
        deadlines(is_postgres)
    )
}

/// Holds the product's obligations against the query's deadlines, for one case in `step`: how many there are, and how many
/// differ.
pub(crate) async fn compare(raw: &mut Raw, step: u32) -> (usize, usize) {
    let (due, met) = if raw.is_postgres() { ("due_on::text", "met_on::text") } else { ("due_on", "met_on") };
    let theirs = format!(
        "SELECT 'S-' || case_id, 'bench/' || rule, name, {due}, {met}, status FROM ({}) d WHERE case_id % {step} = 0",
        deadlines(raw.is_postgres())
    );
    let ours = format!(
        "SELECT case_id, rule, start, due_on, met_on, CASE WHEN status = 'running' AND due_on < '{TODAY}' THEN 'overdue'
             WHEN status = 'waiting' THEN 'running' ELSE status END
         FROM obligations WHERE coalesce(void, '') <> 'condition'
         AND CAST(substr(case_id, 3) AS INTEGER) % {step} = 0"
    );
    let rows = |rows: Vec<Vec<Option<String>>>| -> BTreeMap<_, _> {
        rows.into_iter().map(|mut row| (row[..3].to_vec(), row.split_off(3))).collect()
    };
    let (ours, theirs) = (rows(raw.texts(&ours).await), rows(raw.texts(&theirs).await));
    let keys: std::collections::BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let differ = keys.iter().filter(|key| ours.get(**key) != theirs.get(**key));
    let examples: Vec<_> = differ.clone().take(5).map(|key| (key, ours.get(*key), theirs.get(*key))).collect();
    for example in examples {
        eprintln!("{example:?}");
    }
    (keys.len(), differ.count())
}
