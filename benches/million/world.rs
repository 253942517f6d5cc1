//! Many cases, as facts: each follows from its number alone, so that nothing has to be kept.

use std::fmt::Write as _;
use std::io::{Result, Write};

use chrono::{NaiveDate, TimeDelta};

use crate::chance::Chance;

/// Today: a Wednesday, in which the round has been held and no other comes.
pub(crate) const TODAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 6, 10).expect("a date");
/// The moment at which everything is measured.
pub(crate) const NOW: &str = "2026-06-10T12:00:00+02:00";

/// Schools of one municipality, each with a leader and five teachers.
const SCHOOLS: u32 = 200;
/// How many days ago the oldest case began.
const OLDEST: u32 = 240;

/// How many cases, in how many municipalities.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    pub(crate) cases: u32,
    pub(crate) tenants: u32,
}

/// One case and what happened in it until today, each on a day of its own.
pub(crate) struct Case {
    pub(crate) number: u32,
    pub(crate) school_environment: bool,
    pub(crate) school: u32,
    pub(crate) holder: u32,
    pub(crate) starter: u32,
    pub(crate) events: Vec<Event>,
}

/// One event as it is known now. Its id is its place in the case, from 1.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) kind: &'static str,
    pub(crate) on: NaiveDate,
    pub(crate) recorded: NaiveDate,
    /// Where it was corrected: the day that was written first.
    pub(crate) first_on: Option<NaiveDate>,
    pub(crate) outcome: Option<&'static str>,
    pub(crate) planned_for: Option<NaiveDate>,
}

impl World {
    /// The id of the municipality that has a case.
    pub(crate) fn tenant_of(self, case: u32) -> String {
        format!("k{}", case % self.tenants)
    }

    /// All cases, one after the other.
    pub(crate) fn cases(self) -> impl Iterator<Item = Case> {
        (0..self.cases).map(Case::new)
    }

    /// Everything as NDJSON; how many records that are.
    pub(crate) fn write(self, out: &mut impl Write) -> Result<usize> {
        let mut records = 0;
        for tenant in 0..self.tenants {
            records += write_organisation(out, tenant)?;
        }
        let mut text = String::new();
        for case in self.cases() {
            text.clear();
            records += case.tell(&self.tenant_of(case.number), &mut text);
            out.write_all(text.as_bytes())?;
        }
        out.flush()?;
        Ok(records)
    }
}

fn write_organisation(out: &mut impl Write, tenant: u32) -> Result<usize> {
    let domain = format!("k{tenant}.example");
    writeln!(
        out,
        r#"{{"type":"tenant","id":"k{tenant}","packs":["bench"],"coordinator":"koord","fallback":"post@{domain}","mail_domains":["{domain}"],"go_live":"2025-08-01"}}"#
    )?;
    writeln!(out, r#"{{"type":"person","tenant":"k{tenant}","id":"koord","email":"koord@{domain}"}}"#)?;
    for school in 0..SCHOOLS {
        writeln!(out, r#"{{"type":"unit","tenant":"k{tenant}","id":"skole-{school}","leader":"p{school}-0"}}"#)?;
        for person in 0..6 {
            writeln!(
                out,
                r#"{{"type":"person","tenant":"k{tenant}","id":"p{school}-{person}","email":"p{school}-{person}@{domain}","unit":"skole-{school}"}}"#
            )?;
        }
    }
    Ok(2 + SCHOOLS as usize * 7)
}

impl Case {
    fn new(number: u32) -> Self {
        let mut chance = Chance(u64::from(number) + 1);
        // The first numbers of neighbouring seeds are alike.
        let _ = (chance.below(2), chance.below(2));
        let mut this = Self {
            number,
            school_environment: chance.percent(20),
            school: chance.below(SCHOOLS),
            holder: 1 + chance.below(5),
            starter: 1 + chance.below(5),
            events: vec![],
        };
        this.unfold(TODAY - days(chance.below(OLDEST)), &mut chance);
        // What is not typed in yet hides what follows from it; and nothing happens after the end.
        let unknown = this.events.iter().filter(|event| event.recorded >= TODAY).map(|event| event.on).min();
        let closed = this.events.iter().find(|event| event.kind == "case_closed").map(|event| event.on + days(1));
        let end = [unknown, closed, Some(TODAY)].into_iter().flatten().min();
        this.events.retain(|event| Some(event.on) < end);
        this
    }

    /// A concern, and what comes of it: in time, late, or never; evaluations, mostly one ahead; seldom an end.
    fn unfold(&mut self, opened: NaiveDate, chance: &mut Chance) {
        self.happens("concern_raised", opened, chance);
        if chance.percent(3) {
            return;
        }
        if chance.percent(93) {
            let talked = opened + days(1 + chance.below(20));
            self.happens("conversation_held", talked, chance);
            self.happens("consent_given", talked, chance);
        }
        let decided = opened + days(2) + TimeDelta::days(chance.done_within(11));
        let closes = chance.percent(10);
        self.happens("decision_made", decided, chance).outcome = Some(if closes { "close" } else { "measures" });
        if closes {
            self.happens("case_closed", decided + days(1 + chance.below(10)), chance);
            return;
        }
        if chance.percent(92) {
            self.happens(
                "cooperation_meeting_held",
                decided + days(5) + TimeDelta::days(chance.done_within(22)),
                chance,
            );
        }
        let mut agreed = decided + days(1 + chance.below(6));
        while agreed < TODAY {
            let planned_for = agreed + days(90 + chance.below(90));
            self.happens("evaluation_planned", agreed, chance).planned_for = Some(planned_for);
            if chance.percent(7) {
                return;
            }
            let held = planned_for - days(3) + days(chance.below(7));
            self.happens("evaluation_held", held, chance);
            agreed = held + days(1 + chance.below(6));
        }
        if chance.percent(3) {
            self.happens("case_closed", agreed + days(10), chance);
        }
    }

    /// An event that was typed in on its day, or some days later; now and then with the wrong day at first.
    fn happens(&mut self, kind: &'static str, on: NaiveDate, chance: &mut Chance) -> &mut Event {
        let delay = if chance.percent(20) { chance.below(6) } else { 0 };
        let first_on = chance.percent(2).then(|| on - days(1));
        self.events.push(Event { kind, on, recorded: on + days(delay), first_on, outcome: None, planned_for: None });
        let last = self.events.len() - 1;
        &mut self.events[last]
    }

    /// As records; how many.
    fn tell(&self, tenant: &str, text: &mut String) -> usize {
        let Self { number, school_environment, school, holder, starter, .. } = self;
        let _ = writeln!(
            text,
            r#"{{"type":"case","tenant":"{tenant}","id":"S-{number}","unit":"skole-{school}","stafettholder":"p{school}-{holder}","initiator":"p{school}-{starter}","attributes":{{"school_environment":{school_environment}}}}}"#
        );
        let mut records = 1;
        for (place, event) in self.events.iter().enumerate() {
            if let Some(first) = event.first_on {
                event.tell(tenant, *number, place + 1, first, event.recorded, text);
                records += 1;
            }
            let known = event.recorded + days(u32::from(event.first_on.is_some()));
            event.tell(tenant, *number, place + 1, event.on, known, text);
            records += 1;
        }
        records
    }
}

impl Event {
    fn tell(&self, tenant: &str, case: u32, id: usize, on: NaiveDate, recorded: NaiveDate, text: &mut String) {
        let kind = self.kind;
        let _ = write!(
            text,
            r#"{{"type":"event","tenant":"{tenant}","case":"S-{case}","id":"e{id}","kind":"{kind}","on":"{on}","recorded_at":"{recorded}T09:{id:02}:00+01:00""#
        );
        if let Some(outcome) = self.outcome {
            let _ = write!(text, r#","attributes":{{"outcome":"{outcome}"}}"#);
        }
        if let Some(day) = self.planned_for {
            let _ = write!(text, r#","attributes":{{"planned_for":"{day}"}}"#);
        }
        text.push_str("}\n");
    }
}

fn days(count: u32) -> TimeDelta {
    TimeDelta::days(count.into())
}
