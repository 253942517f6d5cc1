//! What is purged, what stays, and that nothing comes back.

use chrono::NaiveDate;
use chrono_tz::Europe::Oslo;
use fristvakt::daemon::purge_page;
use fristvakt::engine::Occasion;
use fristvakt::register::{Causes, Decision, DeviationName, Written};
use fristvakt::report::{Period, Report, Request};
use fristvakt::silence::Covered;
use fristvakt::store::{
    AuditEntry, CaseName, Channels, CommitVerdict, Decided, DeviationFilter, ExportPlace, Load, NewSilence, Order,
    Purged, Ready,
};

use super::{BEGIN, House, at, event, facts};
use crate::fixture::FACTS;

/// Long after the case was closed on 25 March.
const LATER: &str = "2026-12-01T12:00:00+01:00";

/// Whatever is a case's own: id, reference, and what a person wrote.
const TRACES: [&str; 4] = ["S-17", "7F3K", "sykdom", "vikar"];

pub(in crate::store) fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, day).expect("a date")
}

fn order(before: NaiveDate, dry: bool) -> Order<'static> {
    Order { tenant: "sokndal", zone: Oslo, before, by: "kari", reason: "avtalt", dry }
}

/// What happened in S-17 besides the concern.
fn history() -> String {
    [
        event("S-17", "e9", r#""kind":"decision_made","on":"2026-03-18""#),
        event("S-17", "e10", r#""kind":"case_closed","on":"2026-03-25""#),
    ]
    .join("\n")
}

impl House {
    /// With S-17 told of three times, met late, explained by a person, silenced once, held once, looked at, and closed.
    pub(in crate::store) async fn closed() -> Option<Self> {
        let house = Self::furnished().await?;
        for round in ["2026-03-11T08:00:00+01:00", "2026-03-16T08:00:00+01:00", "2026-03-17T08:00:00+01:00"] {
            house.round(round).await;
            house.send_all(round).await;
        }
        let name = DeviationName { tenant: "sokndal", case: "S-17", rule: "sokndal/decision", start: "e1", number: 0 };
        let written = Written { cause: "absence", reason: "sykdom", action: Some("vikar"), action_due: None };
        let explained = Decision::explain(&Causes::default(), "kari", written).expect("an explanation");
        let decided = house.store.decide(name, &explained, "", at("2026-03-17T12:00:00+01:00")).await;
        assert_eq!(decided.expect("decided"), Decided::Done);
        let case = CaseName { tenant: "sokndal".to_owned(), case: "S-17".to_owned() };
        let hold = house.store.add_hold(&case, ("kari", "sykdom"), at(LATER)).await.expect("held");
        assert!(house.store.end_hold(hold, ("kari", "vikar"), at(LATER)).await.expect("ended"));
        let look = AuditEntry {
            tenant: "sokndal",
            actor: "per",
            action: "explain",
            subject: "case S-17",
            ..AuditEntry::default()
        };
        house.store.note_access(&[look], at(LATER)).await.expect("noted");
        house.append(&history()).await;
        house.tick("2026-03-26T12:00:00+01:00", Occasion::Between).await;
        let of = house.organisation().await;
        let told = house.store.announce(&of.organisation.tenant, Channels::Send(&[]), at("2026-03-26T12:00:00+01:00"));
        assert_eq!(told.await.expect("told"), 0);
        let covers = Covered::parse("case", "S-17").expect("a kind");
        let silence =
            NewSilence { tenant: "sokndal", covers: &covers, until: day(12, 31), by: "kari", reason: "sykdom" };
        house.store.add_silence(&silence, at("2026-03-26T13:00:00+01:00")).await.expect("silent");
        house.tick("2026-03-26T14:00:00+01:00", Occasion::Between).await;
        Some(house)
    }

    async fn send_all(&self, now: &str) {
        for message in self.claim(now, "me").await {
            let (attempt, carried) = (message.attempt, message.notices.len());
            let ready = Ready { attempt, tenant: "sokndal".to_owned(), carried, seen: vec![], generation: None };
            assert_eq!(self.store.begin_commit(&ready, at(now)).await.expect("asked"), CommitVerdict::Go);
            assert!(self.store.accept(attempt, "email", "250", at(now)).await.expect("settled"));
        }
    }

    /// A full load that does not hold S-17.
    async fn load_without_case(&self, now: &str) {
        let without: String =
            FACTS.lines().filter(|line| !line.contains("S-17")).map(|line| format!("{line}\n")).collect();
        self.store.append_facts(&facts(&without), Load::Replace, at(now)).await.expect("loaded");
    }

    pub(in crate::store) async fn purge(&self, before: NaiveDate, dry: bool) -> Purged {
        self.purge_at(before, LATER, dry).await
    }

    async fn purge_at(&self, before: NaiveDate, now: &str, dry: bool) -> Purged {
        let of = self.organisation().await;
        let municipality = of.municipality(&self.rules).expect("a municipality");
        let order = order(before, dry);
        let page = purge_page(&self.store, &of, &municipality, &order, "", at(now)).await.expect("purged");
        assert!(page.next.is_none_or(|next| &*next >= "S-18"));
        let mut purged = page.purged;
        purged.add(&self.store.purge_gone(&order, at(now)).await.expect("purged"));
        purged
    }

    /// Everything that there is, a record a line.
    pub(in crate::store) async fn everything(&self) -> String {
        let mut snapshot = self.store.snapshot().await.expect("a snapshot");
        let (mut lines, mut place) = (String::new(), Some(ExportPlace::default()));
        while let Some(from) = place {
            let (records, next) = snapshot.export(None, &from).await.expect("records");
            records.iter().for_each(|record| lines.push_str(&format!("{record}\n")));
            place = next;
        }
        lines
    }

    /// The figures of March, as a report shows them.
    async fn figures(&self) -> String {
        let request = Request::of(Period::new(day(3, 1), day(3, 31)).expect("a period"));
        let report = Report::read(&self.store, &self.rules, &request, at(LATER), |_| {}).await.expect("a report");
        format!("{:#?}", report.figures())
    }
}

#[tokio::test]
async fn a_case_that_was_closed_long_ago_goes_and_what_is_counted_of_it_stays() {
    let Some(house) = House::closed().await else { return };
    let (before, figures) = (house.everything().await, house.figures().await);
    assert!(TRACES.iter().all(|trace| before.contains(trace)), "{before}");
    let purged = house.purge(day(6, 1), false).await;
    let Purged { cases, facts, obligations, notices, messages, attempts, deviations, redacted, kept } = purged;
    assert_eq!((cases, facts, obligations, deviations), (1, 5, 1, 1));
    assert_eq!((notices, messages, attempts), (3, 3, 3));
    assert_eq!((redacted, kept.len()), (5, 0), "the explanation, the hold and its end, the silence, and the look");
    let after = house.everything().await;
    for trace in TRACES {
        let line = after.lines().find(|line| line.contains(trace));
        assert_eq!(line, None, "{trace}");
    }
    assert!(after.contains("S-18"), "other cases stay");
    assert_eq!(house.figures().await, figures);
    let counted: Vec<&str> = after.lines().filter(|line| line.contains(r#""type":"purged_deviation""#)).collect();
    assert!(counted.len() == 1 && counted[0].contains(r#""closed_as":"explained""#), "{counted:?}");
    assert!(counted[0].contains(r#""closed_at":"2026-03-16T23:00:00Z""#), "by day: {counted:?}");
    let trail = house.store.verify_audit(None, &[]).await.expect("verified");
    assert_eq!((trail.wrong, trail.redacted), (vec![], 4));
    let log = house.store.verify_access(None).await.expect("verified");
    assert_eq!((log.wrong, log.redacted), (vec![], 1));
    let entries = house.store.audit_trail("sokndal").await.expect("read");
    let last = entries.last().expect("an entry");
    assert_eq!(
        (last.actor.as_str(), last.action.as_str(), last.reason.as_str()),
        ("kari", "retention.purge", "avtalt")
    );
    assert_eq!(house.purge(day(6, 1), false).await, Purged::default(), "there is nothing more");
}

#[tokio::test]
async fn what_is_only_tried_says_the_same_and_changes_nothing() {
    let Some(house) = House::closed().await else { return };
    let before = house.everything().await;
    let tried = house.purge(day(6, 1), true).await;
    assert!(house.everything().await == before);
    assert_eq!(house.purge(day(6, 1), false).await, tried);
    assert!(house.everything().await != before);
}

#[tokio::test]
async fn what_is_brought_again_is_left_out_and_only_what_is_later_makes_the_case_live_again() {
    let Some(house) = House::closed().await else { return };
    house.purge(day(6, 1), false).await;
    for load in [Load::Append, Load::Replace] {
        let lines = format!("{FACTS}{}", history());
        let appended = house.store.append_facts(&facts(&lines), load, at(LATER)).await.expect("appended");
        assert_eq!((appended.cases.new, appended.events.new, appended.events.changed), (0, 0, 0), "{load:?}");
        assert!(!house.everything().await.contains("S-17"), "{load:?}");
    }
    house.round(LATER).await;
    assert_eq!((house.notices().await, house.messages().await), (vec![], vec![]), "nothing is told again");
    // Reopened: its record comes with everything that it ever knew.
    let later = event("S-17", "e11", r#""kind":"concern_raised","on":"2026-11-02""#);
    let appended = house.append(&format!("{FACTS}{}\n{later}", history())).await;
    assert_eq!((appended.cases.new, appended.events.new), (1, 1));
    house.tick(LATER, Occasion::Between).await;
    let deviations = house.store.list_deviations(&DeviationFilter::default()).await.expect("listed");
    let starts: Vec<&str> = deviations.iter().map(|row| row.start.as_str()).collect();
    assert_eq!(starts, ["e11"], "what was counted is not counted again");
    let again = house.append(&event("S-17", "e1", r#""kind":"concern_raised","on":"2026-03-02""#)).await;
    assert!(!again.any_change());
    // Closed and purged once more, it knows its new last day.
    house.append(&event("S-17", "e12", r#""kind":"decision_made","on":"2026-11-20""#)).await;
    house.append(&event("S-17", "e13", r#""kind":"case_closed","on":"2026-11-21""#)).await;
    house.tick(LATER, Occasion::Between).await;
    assert_eq!(house.purge_at(day(12, 1), "2027-03-01T12:00:00+01:00", false).await.cases, 1);
    assert!(!house.append(&format!("{FACTS}{later}")).await.any_change());
    let counted = house.base.texts("SELECT due_on FROM purged_deviations ORDER BY due_on").await;
    assert_eq!(counted, ["2026-03-16", "2026-11-16"], "each lapse once");
}

/// An event alone may come of a purged case, without its record.
#[tokio::test]
async fn events_of_a_purged_case_are_no_errors_and_sources_bring_its_record() {
    let Some(house) = House::closed().await else { return };
    house.purge(day(6, 1), false).await;
    let later = event("S-17", "e11", r#""kind":"concern_raised","on":"2026-11-02""#);
    let known = house.store.known_with(facts(&later).iter(), Load::Append).await.expect("known");
    let of = known.tenants.get("sokndal").expect("known");
    assert!(of.cases.contains("S-17") && !of.cases.contains("S-99"));
    house.base.run("INSERT INTO sources (name, reread_at) VALUES ('fagsystem', 7)").await;
    house.append(&event("S-17", "e1", r#""kind":"concern_raised","on":"2026-03-02""#)).await;
    assert_eq!(house.base.texts("SELECT name FROM sources WHERE reread_at IS NULL").await, Vec::<String>::new());
    house.append(&later).await;
    assert_eq!(house.base.texts("SELECT name FROM sources WHERE reread_at IS NULL").await, ["fagsystem"]);
    house.tick(LATER, Occasion::Between).await;
    assert_eq!(house.notices().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_case_stays_that_is_held_open_unsent_or_not_old_enough() {
    let Some(house) = House::closed().await else { return };
    let stays = async |before, why: &'static str| {
        let purged = house.purge(before, false).await;
        let kept: Vec<_> = purged.kept.into_iter().collect();
        assert_eq!((purged.cases, kept), (0, vec![(why, 1)]), "{why}");
    };
    assert_eq!(house.purge(day(3, 25), false).await, Purged::default(), "closed on that day, not before");
    let case = CaseName { tenant: "sokndal".to_owned(), case: "S-17".to_owned() };
    let hold = house.store.add_hold(&case, ("kari", "klage"), at(LATER)).await.expect("held");
    stays(day(6, 1), "held").await;
    assert!(house.store.end_hold(hold, ("kari", "avgjort"), at(LATER)).await.expect("ended"));
    assert!(!house.store.end_hold(hold, ("kari", "avgjort"), at(LATER)).await.expect("ended"), "once");
    for (change, back, why) in [
        ("UPDATE deviations SET closed_at = NULL", "UPDATE deviations SET closed_at = opened_at", "open_deviation"),
        (
            "UPDATE obligations SET status = 'running' WHERE case_id = 'S-17'",
            "UPDATE obligations SET status = 'met_late' WHERE case_id = 'S-17'",
            "open_obligation",
        ),
        (
            "UPDATE notices SET state = 'pending' WHERE step = '-3wd'",
            "UPDATE notices SET state = 'sent' WHERE step = '-3wd'",
            "unsent",
        ),
        ("UPDATE messages SET state = 'held'", "UPDATE messages SET state = 'sent'", "unsent"),
        ("UPDATE deviation_events SET told = 0", "UPDATE deviation_events SET told = 1", "unsent"),
        (
            "UPDATE agenda SET generation = -1 WHERE case_id = 'S-17'",
            "UPDATE agenda SET generation = 9 WHERE case_id = 'S-17'",
            "unplanned",
        ),
    ] {
        house.base.run(change).await;
        stays(day(6, 1), why).await;
        house.base.run(back).await;
    }
    assert_eq!(house.purge(day(6, 1), false).await.cases, 1);
}

/// A closing that somebody records today may be dated years back.
#[tokio::test]
async fn what_was_recorded_told_or_tried_lately_keeps_its_case() {
    for (change, why) in [
        ("UPDATE notices SET handled_on = '2026-08-31' WHERE step = '+1wd'", "recent"),
        ("UPDATE notices SET handled_on = '2026-06-01'", "recent"),
        ("UPDATE attempts SET started_at = 1790000000000, ended_at = NULL", "recent"),
        ("UPDATE attempts SET ended_at = 1790000000000", "recent"),
    ] {
        let Some(house) = House::closed().await else { return };
        house.base.run(change).await;
        let purged = house.purge(day(6, 1), false).await;
        assert_eq!((purged.cases, purged.kept.get(why)), (0, Some(&1)), "{change}");
    }
    let Some(house) = House::closed().await else { return };
    let lately = r#""kind":"case_closed","on":"2026-03-25","recorded_at":"2026-06-01T09:00:00+02:00""#;
    house.append(&event("S-17", "e11", lately)).await;
    house.tick("2026-06-02T12:00:00+02:00", Occasion::Between).await;
    assert_eq!(house.purge(day(6, 1), false).await, Purged::default());
    assert_eq!(house.purge(day(6, 2), false).await.cases, 1);
    // What happened after its last day is news, although it was recorded before the case was purged.
    assert!(house.append(&event("S-17", "e12", r#""kind":"concern_raised","on":"2026-03-26""#)).await.any_change());
}

/// Whatever is asked: the acceptance journal may still name it.
#[tokio::test]
async fn nothing_is_purged_that_the_journal_may_name() {
    let Some(house) = House::closed().await else { return };
    let now = "2026-06-20T12:00:00+02:00";
    assert_eq!(
        house.purge_at(day(6, 20), now, false).await,
        Purged::default(),
        "88 days before it is the 24th of March"
    );
    house.load_without_case("2026-03-27T12:00:00+01:00").await;
    assert_eq!(house.purge_at(day(6, 20), "2026-06-22T12:00:00+02:00", false).await, Purged::default());
    assert_eq!(house.purge_at(day(6, 20), "2026-06-24T12:00:00+02:00", false).await.cases, 1);
}

/// A person's explanation of a deviation keeps it long after the case was closed.
#[tokio::test]
async fn a_deviation_that_was_decided_lately_keeps_its_case() {
    let Some(house) = House::closed().await else { return };
    house.base.run("UPDATE deviations SET closed_at = 1790000000000").await;
    assert_eq!(house.purge(day(6, 1), false).await.kept.get("open_deviation"), Some(&1));
}

#[tokio::test]
async fn what_is_left_of_a_case_whose_facts_are_gone_goes_too() {
    let Some(house) = House::closed().await else { return };
    house.load_without_case("2026-03-27T12:00:00+01:00").await;
    assert!(house.everything().await.contains("S-17"), "what was sent is remembered");
    let figures = house.figures().await;
    let purged = house.purge(day(6, 1), false).await;
    assert_eq!((purged.cases, purged.facts, purged.notices, purged.deviations), (1, 0, 3, 1));
    assert!(!house.everything().await.contains("S-17"));
    assert_eq!(house.figures().await, figures);
    assert!(!house.append(&format!("{FACTS}{}", history())).await.any_change(), "it was closed when it went");
}

/// What counts is how long it has been gone: the load that left it out may have been wrong.
#[tokio::test]
async fn an_open_case_that_one_load_left_out_is_not_purged_and_comes_back_whole() {
    let Some(house) = House::furnished().await else { return };
    house.round("2026-03-11T08:00:00+01:00").await;
    house.send_all("2026-03-11T08:00:00+01:00").await;
    house.load_without_case("2026-11-30T12:00:00+01:00").await;
    assert_eq!(house.purge(day(6, 1), false).await, Purged::default(), "gone since yesterday");
    assert!(house.append(FACTS).await.any_change());
    house.tick(LATER, Occasion::Between).await;
    assert_eq!(house.base.texts("SELECT case_id FROM gone_cases").await, Vec::<String>::new());
    let open = house.base.texts("SELECT start FROM deviations WHERE closed_at IS NULL").await;
    assert_eq!((open, house.everything().await.contains("S-17")), (vec!["e1".to_owned()], true));
}

/// It was never closed, so nothing says that what comes back is over.
#[tokio::test]
async fn a_case_that_went_open_and_was_purged_comes_back_with_its_history() {
    let Some(house) = House::furnished().await else { return };
    house.round("2026-03-11T08:00:00+01:00").await;
    house.send_all("2026-03-11T08:00:00+01:00").await;
    house.load_without_case("2026-03-12T12:00:00+01:00").await;
    assert_eq!(house.purge(day(6, 1), false).await.cases, 1);
    assert!(!house.everything().await.contains("S-17"));
    let appended = house.append(FACTS).await;
    assert_eq!((appended.cases.new, appended.events.new), (1, 2));
    house.tick(LATER, Occasion::Between).await;
    assert_eq!(house.base.texts("SELECT start FROM obligations WHERE case_id = 'S-17'").await, ["e1"]);
}

/// Nothing was ever told of it, and it has no deviation.
#[tokio::test]
async fn of_a_case_that_is_gone_the_words_go_even_if_there_is_nothing_else() {
    let Some(house) = House::furnished().await else { return };
    house.tick("2026-03-05T08:00:00+01:00", Occasion::Between).await;
    let look = AuditEntry {
        tenant: "sokndal",
        actor: "per",
        action: "explain",
        subject: "case S-17",
        ..AuditEntry::default()
    };
    house.store.note_access(&[look], at("2026-03-05T09:00:00+01:00")).await.expect("noted");
    house.load_without_case("2026-03-06T12:00:00+01:00").await;
    assert_eq!(house.purge(day(3, 6), false).await, Purged::default());
    let purged = house.purge(day(6, 1), false).await;
    assert_eq!((purged.cases, purged.redacted), (1, 1));
    assert!(!house.everything().await.contains("S-17"));
    assert_eq!(house.purge(day(6, 1), false).await, Purged::default());
}

/// An older program did not write down when a case went.
#[tokio::test]
async fn a_case_that_went_unseen_is_gone_from_the_first_purge_on() {
    let Some(house) = House::closed().await else { return };
    house.load_without_case("2026-03-27T12:00:00+01:00").await;
    house.base.run("DELETE FROM gone_cases").await;
    assert_eq!(house.purge(day(6, 1), false).await, Purged::default());
    assert_eq!(house.base.texts("SELECT case_id FROM gone_cases").await, ["S-17"]);
    assert_eq!(house.purge_at(day(12, 2), "2027-06-01T12:00:00+02:00", false).await.cases, 1);
    assert!(!house.everything().await.contains("S-17"));
}

/// An id may be any text, also the beginning of another one.
#[tokio::test]
async fn words_of_other_cases_stay_whatever_their_ids_are() {
    let Some(house) = House::closed().await else { return };
    let others = ["case S-17: 2", "case S-1", "case S-170", "case S-17x"];
    for subject in others {
        let look = AuditEntry { tenant: "sokndal", actor: "per", action: "explain", subject, ..AuditEntry::default() };
        house.store.note_access(&[look], at(LATER)).await.expect("noted");
        house.store.audit(look, at(LATER)).await.expect("noted");
    }
    assert_eq!(house.purge(day(6, 1), false).await.redacted, 5);
    for table in ["SELECT subject FROM audit ORDER BY number", "SELECT subject FROM access_log ORDER BY number"] {
        let subjects = house.base.texts(table).await;
        assert!(others.iter().all(|other| subjects.iter().any(|subject| subject == other)), "{subjects:?}");
    }
    assert_eq!(house.store.verify_audit(None, &[]).await.expect("verified").wrong, []);
}

#[tokio::test]
async fn of_many_cases_that_are_gone_all_words_go() {
    let Some(house) = House::furnished().await else { return };
    let ids: Vec<String> = (0..250).map(|number| format!("G-{number}")).collect();
    let lines: Vec<String> =
        ids.iter().map(|id| format!(r#"{{"type":"case","tenant":"sokndal","id":"{id}","unit":"oppvekst"}}"#)).collect();
    house.append(&lines.join("\n")).await;
    for id in &ids {
        let subject = format!("case {id}");
        let look = AuditEntry { tenant: "sokndal", action: "explain", subject: &subject, ..AuditEntry::default() };
        house.store.note_access(&[look], at(BEGIN)).await.expect("noted");
    }
    house.store.append_facts(&facts(FACTS), Load::Replace, at("2026-03-06T12:00:00+01:00")).await.expect("loaded");
    let purged = house.purge(day(6, 1), false).await;
    assert_eq!((purged.cases, purged.redacted), (250, 250));
    assert_eq!(house.store.verify_access(None).await.expect("verified").redacted, 250);
    assert!(!house.everything().await.contains("G-"));
}

#[tokio::test]
async fn words_that_no_purge_took_out_are_missed() {
    const EMPTIED: &str = "the words of the entry were taken out, and no purge says so";
    const CHANGED: &str = "the entry was changed, or one before it was put in or taken out";
    for (attack, table, what) in [
        (
            "UPDATE audit SET subject = '', reason = '', details = '', salt = '', redacted = 1 WHERE number = 1",
            "audit",
            EMPTIED,
        ),
        ("UPDATE audit SET reason = '', redacted = 1 WHERE number = 1", "audit", CHANGED),
        ("UPDATE audit SET salt = '' WHERE number = 1", "audit", CHANGED),
        ("UPDATE audit SET digest = '' WHERE number = 1", "audit", CHANGED),
        (
            "UPDATE access_log SET subject = '', reason = '', details = '', salt = '', redacted = 1 WHERE number = 1",
            "access",
            EMPTIED,
        ),
        ("UPDATE access_log SET actor = 'ola' WHERE number = 1", "access", CHANGED),
        ("DELETE FROM access_log WHERE number = 1", "access", "the entry that belongs here is missing"),
    ] {
        let Some(house) = House::closed().await else { return };
        let look = AuditEntry {
            tenant: "sokndal",
            actor: "per",
            action: "explain",
            subject: "case S-18",
            ..AuditEntry::default()
        };
        house.store.note_access(&[look, look], at(LATER)).await.expect("noted");
        house.base.run(attack).await;
        let verified = match table {
            "audit" => house.store.verify_audit(None, &[]).await,
            _ => house.store.verify_access(None).await,
        };
        let wrong = verified.expect("verified").wrong;
        assert_eq!(wrong.iter().map(|wrong| (wrong.number, wrong.what)).collect::<Vec<_>>(), [(1, what)], "{attack}");
    }
}

#[tokio::test]
async fn everything_about_a_case_and_a_person_is_exported_and_nothing_of_others() {
    let Some(house) = House::closed().await else { return };
    let named = house.store.cases_named(None, "7F3K").await.expect("found");
    let case = CaseName { tenant: "sokndal".to_owned(), case: "S-17".to_owned() };
    assert_eq!(named, std::slice::from_ref(&case));
    let mut snapshot = house.store.snapshot().await.expect("a snapshot");
    let records = snapshot.about_case(&case).await.expect("records");
    let count = |kind: &str| records.iter().filter(|record| record["type"] == kind).count();
    let counts = [
        "case",
        "event",
        "obligation",
        "notice",
        "deviation",
        "deviation_event",
        "message",
        "attempt",
        "hold",
        "silence",
        "audit",
        "access",
    ]
    .map(|kind| (kind, count(kind)));
    let expected = [1, 4, 1, 3, 1, 3, 3, 3, 1, 1, 4, 1];
    assert_eq!(counts.map(|(_, count)| count), expected, "{counts:?}");
    assert!(records.iter().all(|record| !record.to_string().contains("S-18")));
    let of_p1 = snapshot.about_person("sokndal", "p1").await.expect("records");
    let kinds: Vec<&str> = of_p1.iter().filter_map(|record| record["type"].as_str()).collect();
    assert_eq!(kinds, ["person", "notice", "notice", "message", "message", "attempt", "attempt"]);
    let of_p2 = snapshot.about_person("sokndal", "p2").await.expect("records");
    assert_eq!(of_p2.iter().filter(|record| record["type"] == "unit").count(), 2, "units that p2 leads");
    let (roles, last) = snapshot.roles_of("sokndal", "p1", "").await.expect("roles");
    let roles: Vec<_> = roles.iter().map(|role| (role.case.as_str(), role.role.as_str())).collect();
    assert_eq!((roles, last.as_deref()), (vec![("S-17", "stafettholder")], Some("S-18")));
    assert_eq!(snapshot.roles_of("sokndal", "p1", "S-18").await.expect("roles").0, []);
}

/// An export of everything holds all facts as they were brought.
#[tokio::test]
async fn what_was_exported_can_be_imported() {
    let Some(house) = House::closed().await else { return };
    let exported = house.everything().await;
    let is_fact = |line: &&str| {
        ["tenant", "unit", "person", "case", "event"].iter().any(|kind| line.contains(&format!(r#""type":"{kind}""#)))
    };
    let lines: String = exported.lines().filter(is_fact).map(|line| format!("{line}\n")).collect();
    let Some(other) = House::empty().await else { return };
    other.append(&lines).await;
    let of_facts = |everything: String| everything.lines().filter(is_fact).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(of_facts(other.everything().await), of_facts(exported));
}
