//! Registers that look like nothing anybody planned, and a second, slow counting of them.

use std::path::Path;

use chrono::{DateTime, NaiveDate, TimeDelta};
use chrono_tz::Europe::Oslo;
use fristvakt::calendar::Instant;
use fristvakt::fact::Fact;
use fristvakt::facts::ndjson;
use fristvakt::report::Period;
use fristvakt::store::{Access, Load, Store};
use proptest::prelude::*;
use sqlx::{QueryBuilder, Sqlite, SqlitePool};

pub(super) const UNITS: [Option<&str>; 5] = [None, Some("oppvekst"), Some("skole-1"), Some("skole-2"), Some("nedlagt")];
/// Two rules of the shipped packs, one of which says *bør*, and one that exists no longer.
pub(super) const RULES: [&str; 3] = ["sokndal/decision-after-conversation", "sokndal/log-opened", "sokndal/avskaffet"];
const STATES: [&str; 3] = ["met_late", "explained", "withdrawn"];
const STATUSES: [&str; 8] = ["met", "met", "met", "met_late", "missed", "running", "void", "paused"];

const FACTS: &str = r#"
{"type":"tenant","id":"fjordvik","name":"Fjordvik kommune","packs":["sokndal"],"fallback":"post@fjordvik.example","mail_domains":["fjordvik.example"],"case_url":"https://sak.fjordvik.example/{ref}"}
{"type":"unit","tenant":"fjordvik","id":"oppvekst","name":"Oppvekst"}
{"type":"unit","tenant":"fjordvik","id":"skole-1","name":"Strandskolen","parent":"oppvekst"}
{"type":"unit","tenant":"fjordvik","id":"skole-2","name":"Åsen skole","parent":"oppvekst"}
"#;

/// A deviation as a register might hold it.
#[derive(Clone, Debug)]
pub(super) struct Deviation {
    pub(super) case: usize,
    pub(super) rule: usize,
    pub(super) unit: usize,
    pub(super) opened_at: Instant,
    pub(super) due_on: NaiveDate,
    pub(super) late_until: Option<NaiveDate>,
    pub(super) closed: Option<(Instant, usize)>,
}

/// An obligation; withdrawn: a person withdrew its lapse.
#[derive(Clone, Debug)]
pub(super) struct Obligation {
    pub(super) rule: usize,
    pub(super) unit: usize,
    pub(super) due_on: NaiveDate,
    pub(super) status: usize,
    pub(super) withdrawn: bool,
}

/// What is in a database.
#[derive(Clone, Debug)]
pub(super) struct Register {
    pub(super) deviations: Vec<Deviation>,
    pub(super) obligations: Vec<Obligation>,
}

pub(super) fn day(number: i64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 1).expect("a date") + TimeDelta::days(number)
}

/// The report's period: February and March, so that there is something before and after it.
pub(super) fn period() -> Period {
    Period::new(day(31), day(89)).expect("a period")
}

/// When it is made: a week after the period.
pub(super) fn now() -> Instant {
    DateTime::parse_from_rfc3339("2026-04-07T12:00:00+02:00").expect("an instant").to_utc()
}

/// Days in, before and after the period, and often the first and last of it and of the one before.
fn days() -> impl Strategy<Value = i64> {
    prop_oneof![2 => -40_i64..110, 1 => prop::sample::select(vec![-29_i64, -28, 30, 31, 89, 90])]
}

/// Moments, often the first one of a local day.
fn moments() -> impl Strategy<Value = Instant> {
    let hours = prop::sample::select(vec![0_u32, 12, 22, 23]);
    (days(), hours).prop_map(|(number, hour)| day(number).and_hms_opt(hour, 0, 0).expect("a time").and_utc())
}

/// Up to so many deviations and obligations.
pub(super) fn registers(most: usize) -> impl Strategy<Value = Register> {
    let deviation = (0..6_usize, 0..3_usize, 0..5_usize, moments(), 1_i64..30, moments(), 0..4_usize, 0..7_u8);
    let deviation = deviation.prop_map(|(case, rule, unit, opened_at, before, closed_at, state, stopped)| {
        let opened_on = opened_at.date_naive();
        let closed_at = closed_at.max(opened_at + TimeDelta::hours(1));
        Deviation {
            case,
            rule,
            unit,
            opened_at,
            due_on: opened_on - TimeDelta::days(before),
            late_until: (state == 0 || stopped == 0).then(|| closed_at.date_naive()),
            closed: (state < 3).then_some((closed_at, state)),
        }
    });
    let obligation = (0..3_usize, 0..5_usize, days(), 0..8_usize, 0..12_u8);
    let obligation = obligation.prop_map(|(rule, unit, due, status, withdrawn)| Obligation {
        rule,
        unit,
        due_on: day(due),
        status,
        withdrawn: withdrawn == 0 && STATUSES[status] != "met",
    });
    (prop::collection::vec(deviation, 0..most), prop::collection::vec(obligation, 0..most))
        .prop_map(|(deviations, obligations)| Register { deviations, obligations })
}

/// A register with so many times a few hundred of each, always the same.
pub(super) fn large(times: usize) -> Register {
    use proptest::strategy::ValueTree as _;
    let mut register = Register { deviations: vec![], obligations: vec![] };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..times {
        let more = registers(300).new_tree(&mut runner).expect("a register").current();
        register.deviations.extend(more.deviations);
        register.obligations.extend(more.obligations);
    }
    register
}

impl Deviation {
    pub(super) fn reference(&self, number: usize) -> String {
        format!("REF{}-{number}", self.case)
    }

    pub(super) fn closed_as(&self) -> Option<&'static str> {
        self.closed.map(|(_, state)| STATES[state])
    }
}

impl Obligation {
    pub(super) fn status(&self) -> &'static str {
        STATUSES[self.status]
    }

    /// Due for good, and by now.
    pub(super) fn counts(&self) -> bool {
        let due_at = fristvakt::calendar::end_of_day(Oslo, self.due_on);
        due_at <= now() && !["void", "paused"].contains(&self.status()) && !self.withdrawn
    }
}

impl Register {
    /// A database that holds it, written behind the store's back.
    pub(super) async fn stored(&self, folder: &Path) -> Store {
        let path = folder.join("f.db");
        let store = Store::open(&path, Access::Daemon).await.expect("a store");
        let facts: Vec<Fact> = ndjson::read(FACTS.trim().as_bytes()).map(|line| line.expect("a record").fact).collect();
        store.append_facts(&facts, Load::Append, now()).await.expect("appended");
        let pool = SqlitePool::connect(&format!("sqlite://{}", path.display())).await.expect("open");
        let cases = (0..6).map(|case| format!("S-{case}")).chain(["O-1".to_owned()]);
        let mut agenda: QueryBuilder<Sqlite> =
            QueryBuilder::new("INSERT INTO agenda (tenant, case_id, generation, digest, protected) ");
        agenda.push_values(cases, |mut row, case| {
            row.push_bind("fjordvik").push_bind(case).push_bind(1).push_bind(1).push_bind(0);
        });
        agenda.build().execute(&pool).await.expect("written");
        self.write_deviations(&pool).await;
        self.write_obligations(&pool).await;
        pool.close().await;
        store
    }

    async fn write_deviations(&self, pool: &SqlitePool) {
        if self.deviations.is_empty() {
            return;
        }
        let mut insert: QueryBuilder<Sqlite> = QueryBuilder::new(
            "INSERT INTO deviations (tenant, case_id, rule, start, number, id, ref, code, unit, responsible, opened_at, \
             due_on, late_until, closed_at, closed_as) ",
        );
        insert.push_values(self.deviations.iter().enumerate(), |mut row, (number, one)| {
            row.push_bind("fjordvik").push_bind(format!("S-{}", one.case)).push_bind(RULES[one.rule]);
            row.push_bind(format!("e{number}")).push_bind(0).push_bind(format!("id{number}"));
            row.push_bind(one.reference(number)).push_bind("X").push_bind(UNITS[one.unit]).push_bind("stafettholder");
            row.push_bind(one.opened_at.timestamp_millis()).push_bind(one.due_on.to_string());
            row.push_bind(one.late_until.map(|day| day.to_string()));
            row.push_bind(one.closed.map(|(at, _)| at.timestamp_millis())).push_bind(one.closed_as());
        });
        insert.build().execute(pool).await.expect("written");
    }

    async fn write_obligations(&self, pool: &SqlitePool) {
        if self.obligations.is_empty() {
            return;
        }
        let due_at = |one: &Obligation| fristvakt::calendar::end_of_day(Oslo, one.due_on).timestamp_millis();
        let mut insert: QueryBuilder<Sqlite> = QueryBuilder::new(
            "INSERT INTO obligations (tenant, case_id, rule, start, ref, code, unit, responsible, starts_on, due_on, \
             due_at, status) ",
        );
        insert.push_values(self.obligations.iter().enumerate(), |mut row, (number, one)| {
            row.push_bind("fjordvik").push_bind("O-1").push_bind(RULES[one.rule]).push_bind(format!("o{number}"));
            row.push_bind("REF").push_bind("X").push_bind(UNITS[one.unit]).push_bind("stafettholder");
            row.push_bind("2025-01-01").push_bind(one.due_on.to_string()).push_bind(due_at(one));
            row.push_bind(one.status());
        });
        insert.build().execute(pool).await.expect("written");
        // What a person withdrew long ago, in a place where no period looks for it.
        let withdrawn = self.obligations.iter().enumerate().filter(|(_, one)| one.withdrawn);
        for (number, one) in withdrawn {
            let insert = "INSERT INTO deviations (tenant, case_id, rule, start, number, id, ref, code, unit, responsible, \
                          opened_at, due_on, closed_at, closed_as, withdrawn_at, withdrawn_by, withdrawn_reason) \
                          VALUES ('fjordvik', 'O-1', $1, $2, 0, '', 'REF', 'X', NULL, 'leader', 0, '1970-01-01', 1, \
                          'withdrawn', 1, 'kari', 'feil')";
            let query = sqlx::query(insert).bind(RULES[one.rule]).bind(format!("o{number}"));
            query.execute(pool).await.expect("written");
        }
    }
}

/// What is counted of a group, by going over everything once for each figure.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Slow {
    pub(super) opened: u64,
    pub(super) closed: [u64; 3],
    pub(super) open: u64,
    pub(super) due: u64,
    pub(super) in_time: u64,
    pub(super) median: Option<f64>,
    pub(super) worst: Option<i64>,
    pub(super) oldest: Option<NaiveDate>,
    pub(super) before: [u64; 5],
}

fn starts(day: NaiveDate) -> Instant {
    fristvakt::calendar::first_instant(Oslo, day)
}

fn is_open(one: &Deviation, at: Instant) -> bool {
    one.opened_at < at && one.closed.is_none_or(|(closed, _)| closed >= at)
}

/// How a deviation stood when the period ended; none where it was not open in it.
pub(super) fn state(one: &Deviation) -> Option<&'static str> {
    let (begins, ends) = (starts(period().from), starts(period().to.succ_opt().expect("a day")));
    match one.closed {
        _ if one.opened_at >= ends => None,
        Some((closed, _)) if closed < begins => None,
        Some((closed, state)) if closed < ends => Some(STATES[state]),
        _ => Some("open"),
    }
}

pub(super) fn days_late(one: &Deviation) -> i64 {
    if state(one) == Some("withdrawn") {
        return 0;
    }
    let until = one.late_until.map_or(period().to, |day| day.min(period().to));
    (until - one.due_on).num_days().max(0)
}

impl Slow {
    pub(super) fn count(register: &Register, is_in: impl Fn(usize, usize) -> bool) -> Self {
        let now = period();
        let before = now.previous();
        let deviations: Vec<&Deviation> = register.deviations.iter().filter(|one| is_in(one.unit, one.rule)).collect();
        let obligations: Vec<&Obligation> =
            register.obligations.iter().filter(|one| one.counts() && is_in(one.unit, one.rule)).collect();
        let within = |at: Instant, period: Period| {
            starts(period.from) <= at && at < starts(period.to.succ_opt().expect("a day"))
        };
        let opened = |period| count(&deviations, |one| within(one.opened_at, period));
        let closed = |period, state| {
            count(&deviations, |one| one.closed.is_some_and(|(at, how)| within(at, period) && how == state))
        };
        let due = |period: Period| count(&obligations, |one| period.contains(one.due_on));
        let met = |period: Period| count(&obligations, |one| period.contains(one.due_on) && one.status() == "met");
        let mut late: Vec<i64> = deviations
            .iter()
            .filter(|one| state(one).is_some_and(|state| state != "withdrawn"))
            .map(|one| days_late(one))
            .collect();
        late.sort_unstable();
        let open = deviations.iter().filter(|one| state(one) == Some("open"));
        Self {
            opened: opened(now),
            closed: [0, 1, 2].map(|state| closed(now, state)),
            open: count(&deviations, |one| is_open(one, starts(now.to.succ_opt().expect("a day")))),
            due: due(now),
            in_time: met(now),
            median: median(&late),
            worst: late.last().copied(),
            oldest: open.map(|one| one.due_on).min(),
            before: [
                opened(before),
                (0..3).map(|state| closed(before, state)).sum(),
                count(&deviations, |one| is_open(one, starts(now.from))),
                due(before),
                met(before),
            ],
        }
    }
}

fn count<T>(all: &[&T], is_counted: impl Fn(&T) -> bool) -> u64 {
    u64::try_from(all.iter().filter(|one| is_counted(one)).count()).expect("few")
}

fn median(sorted: &[i64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let high = *sorted.get(middle)?;
    #[expect(clippy::cast_precision_loss, reason = "few days")]
    Some(if sorted.len().is_multiple_of(2) { (sorted[middle - 1] + high) as f64 / 2.0 } else { high as f64 })
}
