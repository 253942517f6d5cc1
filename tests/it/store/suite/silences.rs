use chrono::NaiveDate;
use fristvakt::engine::{Occasion, plan};
use fristvakt::silence::{Covered, SilenceId};
use fristvakt::store::{Application, Applied, Channels, CommitVerdict, Named, NewSilence, Ready, SilenceRow};

use super::{BEGIN, House, at};

impl House {
    async fn silence(&self, kind: &str, name: &str, until: &str, now: &str) -> SilenceId {
        let covers = Covered::parse(kind, name).expect("a kind");
        let until: NaiveDate = until.parse().expect("a date");
        let silence = NewSilence { tenant: "sokndal", covers: &covers, until, by: "kari", reason: "agreed" };
        self.store.add_silence(&silence, at(now)).await.expect("added")
    }

    async fn silences(&self, all: bool, now: &str) -> Vec<String> {
        let rows = self.store.list_silences(None, all, at(now)).await.expect("listed");
        let text = |row: &SilenceRow| format!("{} {} {} {} {}", row.number, row.covers, row.name, row.until, row.state);
        rows.iter().map(text).collect()
    }

    async fn named(&self, kind: &str, name: &str) -> Named {
        let wanted = Covered::parse(kind, name).expect("a kind");
        self.store.named(&self.organisation().await, &self.rules, &wanted).await.expect("read")
    }
}

#[tokio::test]
async fn a_silence_is_listed_until_its_last_day_is_over_and_with_all_for_ever() {
    let Some(house) = House::furnished().await else { return };
    house.silence("case", "S-17", "2026-03-11", BEGIN).await;
    house.silence("person", "p1", "2026-03-12", BEGIN).await;
    let (first, second) = ("1 case S-17 2026-03-11", "2 person p1 2026-03-12");
    let active = |silence: &str| format!("{silence} active");
    assert_eq!(house.silences(false, "2026-03-11T23:59:59+01:00").await, [active(first), active(second)]);
    assert_eq!(house.silences(false, "2026-03-12T00:00:00+01:00").await, [active(second)]);
    assert_eq!(house.silences(true, "2026-03-12T00:00:00+01:00").await, [format!("{first} expired"), active(second)]);
}

#[tokio::test]
async fn a_silence_is_ended_once_and_every_change_has_its_author_and_reason() {
    let Some(house) = House::furnished().await else { return };
    let id = house.silence("rule", "sokndal/decision", "2026-03-31", BEGIN).await;
    let end = async |id, now| house.store.end_silence(id, "per", "answered", at(now)).await.expect("asked");
    assert!(!end(SilenceId(9), BEGIN).await, "there is none such");
    assert!(!end(id, "2026-04-01T00:00:00+02:00").await, "it has expired");
    assert!(end(id, "2026-03-05T12:00:00+01:00").await);
    assert!(!end(id, "2026-03-05T12:00:01+01:00").await, "it was ended");
    assert_eq!(house.silences(false, BEGIN).await, Vec::<String>::new());
    let row = house.store.silence(id, at(BEGIN)).await.expect("read").expect("a silence");
    assert_eq!((row.by.as_str(), row.reason.as_str()), ("kari", "agreed"));
    assert_eq!((row.ended_by.as_deref(), row.end_reason.as_deref()), (Some("per"), Some("answered")));
    let trail = house.store.audit_trail("sokndal").await.expect("read");
    let trail: Vec<String> =
        trail.iter().map(|one| format!("{} {} {} ({})", one.actor, one.action, one.subject, one.reason)).collect();
    let added = "kari silence.add silence 1: rule sokndal/decision until 2026-03-31 (agreed)";
    assert_eq!(trail, [added, "per silence.end silence 1: rule sokndal/decision (answered)"]);
    assert_eq!(house.silence("case", "S-17", "2026-03-31", BEGIN).await, SilenceId(2), "no number is given twice");
}

#[tokio::test]
async fn a_change_has_the_cases_that_it_concerns_planned_again() {
    let Some(house) = House::furnished().await else { return };
    let planned = async |now| {
        let outcomes = house.tick(now, Occasion::Between).await;
        outcomes.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(planned(BEGIN).await, ["S-17", "S-18"]);
    let id = house.silence("case", "S-17", "2026-03-31", BEGIN).await;
    assert_eq!(planned(BEGIN).await, ["S-17"]);
    assert_eq!(planned(BEGIN).await, Vec::<String>::new());
    house.store.end_silence(id, "kari", "x", at(BEGIN)).await.expect("ended");
    assert_eq!(planned(BEGIN).await, ["S-17"]);
    for (kind, name) in [("unit", "oppvekst"), ("rule", "sokndal/decision"), ("person", "p1")] {
        let id = house.silence(kind, name, "2026-03-31", BEGIN).await;
        assert_eq!(planned(BEGIN).await, ["S-17", "S-18"], "{kind}");
        house.store.end_silence(id, "kari", "x", at(BEGIN)).await.expect("ended");
        assert_eq!(planned(BEGIN).await, ["S-17", "S-18"], "{kind}");
    }
}

#[tokio::test]
async fn a_silent_case_is_asleep_until_the_silence_is_over_and_then_tells_the_last_step() {
    let Some(house) = House::furnished().await else { return };
    house.silence("case", "S-17", "2026-03-16", BEGIN).await;
    house.tick("2026-03-10T12:00:00+01:00", Occasion::Between).await;
    for round in ["2026-03-11T08:00:00+01:00", "2026-03-16T08:00:00+01:00"] {
        assert_eq!(house.round(round).await, 0);
    }
    assert_eq!(house.notices().await, Vec::<String>::new());
    assert_eq!(house.store.next_at(at(BEGIN)).await.expect("read"), Some(at("2026-03-17T00:00:00+01:00")));
    assert_eq!(house.round("2026-03-17T08:00:00+01:00").await, 2, "holder and leader");
    let mut notices = house.notices().await;
    notices.sort();
    assert_eq!(notices, ["S-17 +1wd pending", "S-17 -3wd done", "S-17 0d pending"]);
}

#[tokio::test]
async fn the_register_knows_nothing_of_silences() {
    let Some(house) = House::furnished().await else { return };
    house.silence("unit", "oppvekst", "2026-12-31", BEGIN).await;
    house.tick("2026-03-17T00:00:00+01:00", Occasion::Between).await;
    let open = house.store.list_deviations(&fristvakt::store::DeviationFilter::default()).await.expect("listed");
    assert_eq!(open.iter().map(|row| (row.case.as_str(), row.closed_at)).collect::<Vec<_>>(), [("S-17", None)]);
}

#[tokio::test]
async fn what_was_planned_or_composed_before_a_silence_is_neither_written_nor_handed_over() {
    let Some(house) = House::furnished().await else { return };
    house.tick("2026-03-10T12:00:00+01:00", Occasion::Between).await;
    let round = "2026-03-11T08:00:00+01:00";
    let (of, case) = (house.organisation().await, house.case("S-17").await);
    let municipality = of.municipality(&house.rules).expect("a municipality");
    let planned = plan(&municipality, &case.file, &case.ledger, at(round), Occasion::Round);
    assert_eq!(planned.notices.len(), 1);
    house.silence("case", "S-17", "2026-03-31", round).await;
    let application = Application { case: &case.file, stamp: case.stamp, plan: &planned };
    let tenant = &of.organisation.tenant;
    let applied =
        house.store.apply(tenant, &house.rules, application, Channels::Shadow, at(round), Some(at(round))).await;
    assert_eq!(applied.expect("asked"), Applied::Stale);

    for (kind, name) in [("case", "S-18"), ("person", "p2")] {
        let Some(house) = House::furnished().await else { return };
        house.round(round).await;
        let message = house.claim(round, "me").await.remove(0);
        let (version, generation) = (house.case("S-18").await.stamp.version, house.organisation().await.generation);
        let seen = vec![("S-18".to_owned(), version)];
        let ready = Ready {
            attempt: message.attempt,
            tenant: "sokndal".to_owned(),
            carried: 1,
            seen,
            generation: Some(generation),
        };
        house.silence(kind, name, "2026-03-31", round).await;
        let verdict = house.store.begin_commit(&ready, at(round)).await.expect("asked");
        assert_eq!(verdict, CommitVerdict::Changed, "{kind}");
    }
}

#[tokio::test]
async fn silences_are_known_as_they_stood_at_a_moment() {
    let Some(house) = House::furnished().await else { return };
    let id = house.silence("case", "S-17", "2026-03-31", "2026-03-10T12:00:00+01:00").await;
    house.store.end_silence(id, "kari", "x", at("2026-03-12T12:00:00+01:00")).await.expect("ended");
    let stood = async |now| house.store.silences_at("sokndal", at(now)).await.expect("read").len();
    assert_eq!(stood("2026-03-10T11:59:59+01:00").await, 0);
    assert_eq!(stood("2026-03-11T12:00:00+01:00").await, 1);
    assert_eq!(stood("2026-03-12T12:00:00+01:00").await, 0);
}

#[tokio::test]
async fn what_is_to_be_silent_must_exist_and_a_near_word_is_suggested() {
    let Some(house) = House::furnished().await else { return };
    let covered = |kind, name| Named::Covered(Covered::parse(kind, name).expect("a kind"));
    for (kind, name, found) in [
        ("case", "S-17", "S-17"),
        ("case", "7F3K", "S-17"),
        ("unit", "skole-1", "skole-1"),
        ("rule", "sokndal/alarm", "sokndal/alarm"),
        ("rule", "alarm", "sokndal/alarm"),
        ("person", "p1", "p1"),
    ] {
        assert_eq!(house.named(kind, name).await, covered(kind, found), "{kind} {name}");
    }
    for (kind, name, near) in [
        ("case", "7F3X", Some("7F3K")),
        ("case", "zzzzzz", None),
        ("unit", "skole1", Some("skole-1")),
        ("rule", "decisio", Some("sokndal/decision")),
        ("rule", "sokndal/decisions", Some("sokndal/decision")),
        ("person", "skole-1", None),
    ] {
        assert_eq!(house.named(kind, name).await, Named::Unknown(near.map(str::to_owned)), "{kind} {name}");
    }
}

#[tokio::test]
async fn a_rules_id_that_two_packs_share_needs_its_pack() {
    let Some(mut house) = House::empty().await else { return };
    house.rules = fristvakt::folder::RulesFolder::open(None).expect("rules").load().expect("rules").0;
    house
        .append(
            r#"{"type":"tenant","id":"sokndal","packs":["tromso","sokndal"],"fallback":"a@b.example","mail_domains":[]}"#,
        )
        .await;
    let both = ["sokndal/PLACE", "tromso/PLACE"].map(|name| name.replace("PLACE", "child-heard"));
    assert_eq!(house.named("rule", "child-heard").await, Named::Ambiguous(both.to_vec()));
    let one = Named::Covered(Covered::Rule("tromso/child-heard".into()));
    assert_eq!(house.named("rule", "tromso/child-heard").await, one);
}
