use fristvakt::oversight::{Entry, Thresholds};
use fristvakt::silence::Covered;
use fristvakt::store::NewSilence;

use super::{House, at, event};

const TOWN: &str = r#"
{"type":"tenant","id":"sokndal","packs":["tromso"],"coordinator":"p9","fallback":"post@k.example","mail_domains":["k.example"],"go_live":"2025-01-01"}
{"type":"unit","tenant":"sokndal","id":"skole","leader":"p2"}
{"type":"person","tenant":"sokndal","id":"p1","email":"p1@k.example","unit":"skole"}
{"type":"person","tenant":"sokndal","id":"p2","email":"p2@k.example","unit":"skole"}
{"type":"person","tenant":"sokndal","id":"p9","email":"p9@k.example"}
"#;

/// What a case holds, and in which lists it stands for that on 1 June 2026.
const CASES: [(&str, &[&str], &[&str]); 17] = [
    ("holder", &[r#""kind":"cooperation_agreed","on":"2026-05-04""#], &[]),
    ("-holder", &[r#""kind":"cooperation_agreed","on":"2026-05-04""#], &["without_holder T11 - 2026-05-04 2026-05-11"]),
    ("-alone", &[r#""kind":"concern_raised","on":"2026-05-25""#], &[]),
    (
        "-closed",
        &[r#""kind":"cooperation_agreed","on":"2026-05-04""#, r#""kind":"case_closed","on":"2026-05-20""#],
        &[],
    ),
    (
        "-reopened",
        &[
            r#""kind":"cooperation_agreed","on":"2026-03-02""#,
            r#""kind":"case_closed","on":"2026-03-03""#,
            r#""kind":"case_reopened","on":"2026-03-09""#,
        ],
        // What was stopped in time stays so: the reopened case is asked for a holder by what happens in it next.
        &[],
    ),
    ("undated", &[r#""kind":"plan_made","on":"2026-05-27""#], &["without_date T3 - 2026-05-27 2026-06-03"]),
    (
        "dated",
        &[
            r#""kind":"plan_made","on":"2026-05-27""#,
            r#""kind":"evaluation_planned","on":"2026-05-27","attributes":{"planned_for":"2026-06-01"}"#,
        ],
        &[],
    ),
    (
        "passed",
        &[
            r#""kind":"plan_made","on":"2026-05-04""#,
            r#""kind":"evaluation_planned","on":"2026-05-04","attributes":{"planned_for":"2026-05-31"}"#,
        ],
        &["without_date T3 - 2026-05-31 -"],
    ),
    (
        "evaluated",
        &[
            r#""kind":"plan_made","on":"2026-05-04""#,
            r#""kind":"evaluation_planned","on":"2026-05-04","attributes":{"planned_for":"2026-06-30"}"#,
            r#""kind":"evaluation_held","on":"2026-05-29""#,
        ],
        &["without_date T3 - 2026-05-29 -"],
    ),
    (
        "ended",
        &[
            r#""kind":"plan_made","on":"2026-05-04""#,
            r#""kind":"evaluation_planned","on":"2026-05-04","attributes":{"planned_for":"2026-05-20"}"#,
            r#""kind":"evaluation_held","on":"2026-05-20""#,
            r#""kind":"decision_made","on":"2026-05-21","attributes":{"outcome":"close"}"#,
        ],
        &[],
    ),
    ("consented", &[r#""kind":"consent_given","on":"2026-05-04""#, r#""kind":"log_opened","on":"2026-05-04""#], &[]),
    (
        "expired",
        &[
            r#""kind":"consent_given","on":"2026-03-02","attributes":{"expires_on":"2026-05-31"}"#,
            r#""kind":"log_opened","on":"2026-03-02""#,
        ],
        &["consent_over T8 expired 2026-05-31 -"],
    ),
    (
        "withdrawn",
        &[
            r#""kind":"consent_given","on":"2026-03-02""#,
            r#""kind":"log_opened","on":"2026-03-02""#,
            r#""kind":"consent_withdrawn","on":"2026-05-11""#,
        ],
        &["consent_over T8 withdrawn 2026-05-11 -"],
    ),
    (
        "renewed",
        &[
            r#""kind":"consent_given","on":"2026-03-02","attributes":{"expires_on":"2026-05-31"}"#,
            r#""kind":"log_opened","on":"2026-03-02""#,
            r#""kind":"consent_given","on":"2026-05-29","attributes":{"expires_on":"2027-05-31"}"#,
        ],
        &[],
    ),
    (
        "asked",
        &[r#""kind":"handover_requested","on":"2026-05-25","attributes":{"service":"ppt"}"#],
        &["handover_pending T14 - 2026-05-25 2026-06-08"],
    ),
    (
        "answered",
        &[
            r#""kind":"handover_requested","on":"2026-05-25","attributes":{"service":"ppt"}"#,
            r#""kind":"handover_declined","on":"2026-05-27","attributes":{"service":"ppt"}"#,
        ],
        &[],
    ),
    (
        "paused",
        &[
            r#""kind":"concern_raised","on":"2026-04-20""#,
            r#""kind":"case_paused","on":"2026-04-22""#,
            r#""kind":"case_resumed","on":"2026-04-23""#,
            r#""kind":"case_paused","on":"2026-05-02""#,
            r#""kind":"case_paused","on":"2026-05-20""#,
        ],
        &["paused_long T1 - 2026-05-02 -"],
    ),
];

fn line(entry: &Entry) -> String {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let day = |day: Option<chrono::NaiveDate>| or_none(day.map(|day| day.to_string()));
    let (code, why) = (or_none(entry.code.clone()), or_none(entry.why.clone()));
    format!("{} {code} {why} {} {}", entry.list.word(), day(entry.since), day(entry.until))
}

impl House {
    async fn town() -> Option<Self> {
        let mut house = Self::empty().await?;
        house.rules = fristvakt::folder::RulesFolder::open(None).expect("rules").load().expect("rules").0;
        house.append(TOWN).await;
        Some(house)
    }

    async fn lists(&self, now: &str) -> Vec<Entry> {
        let mut entries = vec![];
        let of = self.organisation().await;
        let each = |entry| entries.push(entry);
        self.store.oversee(&of, &self.rules, &Thresholds::default(), at(now), each).await.expect("read");
        entries
    }
}

#[tokio::test]
async fn each_case_stands_in_the_lists_that_its_facts_and_the_rules_put_it_in() {
    let Some(house) = House::town().await else { return };
    let mut facts = String::new();
    for (id, events, _) in CASES {
        let holder = if id.starts_with('-') { "" } else { r#","stafettholder":"p1""# };
        facts += &format!(
            "{}\n",
            format_args!(r#"{{"type":"case","tenant":"sokndal","id":"{id}","ref":"R{id}","unit":"skole"{holder}}}"#)
        );
        for (number, rest) in events.iter().enumerate() {
            facts += &format!("{}\n", event(id, &format!("e{number}"), rest));
        }
    }
    house.append(&facts).await;
    let entries = house.lists("2026-06-01T08:00:00+02:00").await;
    for (id, _, expected) in CASES {
        let of_case = entries.iter().filter(|entry| entry.case.as_deref() == Some(id));
        assert_eq!(of_case.map(line).collect::<Vec<_>>(), expected, "{id}");
    }
    let first = entries.iter().find(|entry| entry.case.as_deref() == Some("asked")).expect("an entry");
    assert_eq!((first.reference.as_deref(), first.unit.as_deref()), (Some("Rasked"), Some("skole")));
    assert_eq!(first.about.as_deref(), Some("tromso/handover-accepted"));
}

#[tokio::test]
async fn where_no_rule_asks_for_a_holder_every_open_case_without_one_is_listed() {
    let Some(house) = House::furnished().await else { return };
    let lines = [
        r#"{"type":"case","tenant":"sokndal","id":"S-20","ref":"R20"}"#.to_owned(),
        event("S-20", "e1", r#""kind":"concern_raised","on":"2026-03-02""#),
        r#"{"type":"case","tenant":"sokndal","id":"S-21","ref":"R21"}"#.to_owned(),
    ];
    house.append(&lines.join("\n")).await;
    let entries = house.lists("2026-03-05T08:00:00+01:00").await;
    let without = entries.iter().filter(|entry| entry.list.word() == "without_holder");
    assert_eq!(without.map(|entry| entry.reference.as_deref()).collect::<Vec<_>>(), [Some("R20")]);
}

#[tokio::test]
async fn what_the_store_knows_is_listed_beside_the_cases() {
    let Some(house) = House::furnished().await else { return };
    let begin = "2026-03-03T12:00:00+01:00";
    // S-18's holder is in no facts.
    let lines = [
        event("S-18", "e2", r#""kind":"concern_raised","on":"2026-03-02""#),
        r#"{"type":"case","tenant":"sokndal","id":"S-19","ref":"R19","unit":"oppvekst","stafettholder":"nobody","protected":true}"#.to_owned(),
        event("S-19", "e1", r#""kind":"concern_raised","on":"2026-03-02""#),
    ];
    house.append(&lines.join("\n")).await;
    house.round("2026-03-11T08:00:00+01:00").await;
    house.store.note_data_quality("sokndal", "p1", "address_refused", "550", at(begin)).await.expect("noted");
    house.store.note_data_quality("sokndal", "p2", "undelivered", "451", at(begin)).await.expect("noted");
    for (until, covers) in [("2026-03-18", "skole-1"), ("2026-03-19", "oppvekst")] {
        let covers = Covered::parse("unit", covers).expect("a kind");
        let until = until.parse().expect("a date");
        let silence = NewSilence { tenant: "sokndal", covers: &covers, until, by: "kari", reason: "agreed" };
        house.store.add_silence(&silence, at(begin)).await.expect("added");
    }
    let entries = house.lists("2026-03-11T09:00:00+01:00").await;
    let shown: Vec<String> = entries
        .iter()
        .map(|entry| format!("{} {:?} {:?}", line(entry), entry.case.as_deref(), entry.about.as_deref()))
        .collect();
    assert_eq!(
        shown,
        [
            r#"unresolved - responsible unknown - - Some("S-18") Some("nobody")"#,
            r#"address_refused - 550 2026-03-03 - None Some("p1")"#,
            r#"silence_ends - unit - 2026-03-18 None Some("1")"#,
        ]
    );
}

#[tokio::test]
async fn a_rule_that_started_nowhere_for_long_is_listed_and_a_young_municipality_has_none() {
    let Some(house) = House::furnished().await else { return };
    let unmatched = async |now| {
        let entries = house.lists(now).await;
        let rules = entries.into_iter().filter(|entry| entry.list.word() == "rule_unmatched");
        rules.map(|entry| format!("{} {:?}", entry.about.expect("a rule"), entry.since)).collect::<Vec<_>>()
    };
    house.tick("2026-03-11T08:00:00+01:00", fristvakt::engine::Occasion::Between).await;
    // 180 days after the first fact was recorded. What is open matches, however old it is.
    assert_eq!(unmatched("2026-07-31T12:00:00+02:00").await, Vec::<String>::new());
    assert_eq!(unmatched("2026-08-01T12:00:00+02:00").await, ["sokndal/alarm Some(2026-02-01)"]);
    house.append(&event("S-17", "e9", r#""kind":"decision_made","on":"2026-03-12""#)).await;
    house.tick("2026-03-13T08:00:00+01:00", fristvakt::engine::Occasion::Between).await;
    assert_eq!(
        unmatched("2026-09-01T12:00:00+02:00").await,
        ["sokndal/alarm Some(2026-02-01)", "sokndal/decision Some(2026-03-02)"]
    );
}

#[tokio::test]
async fn a_routine_is_listed_when_its_revision_is_near_and_afterwards() {
    let Some(house) = House::town().await else { return };
    house.append(&TOWN.replace(r#"["tromso"]"#, r#"["tromso","sokndal"]"#)).await;
    let revised = async |now| {
        let entries = house.lists(now).await;
        let lists = entries.into_iter().filter(|entry| entry.list.word() == "revision_due");
        lists.map(|entry| (entry.about.expect("a pack"), entry.until.map(|day| day.to_string()))).collect::<Vec<_>>()
    };
    assert_eq!(revised("2022-10-01T12:00:00+02:00").await, []);
    let sokndal = [("sokndal".to_owned(), Some("2022-12-01".to_owned()))];
    assert_eq!(revised("2022-10-02T12:00:00+02:00").await, sokndal);
    assert_eq!(revised("2026-10-02T12:00:00+02:00").await, sokndal);
}

#[tokio::test]
async fn lists_go_through_all_cases_some_at_a_time() {
    let Some(house) = House::town().await else { return };
    let mut facts = String::new();
    for number in 0..1203 {
        facts += &format!(
            "{}\n",
            format_args!(
                r#"{{"type":"case","tenant":"sokndal","id":"C{number:04}","ref":"R{number}","unit":"skole"}}"#
            )
        );
        let id = format!("C{number:04}");
        facts += &format!("{}\n", event(&id, "e1", r#""kind":"cooperation_agreed","on":"2026-05-04""#));
    }
    house.append(&facts).await;
    let entries = house.lists("2026-06-01T08:00:00+02:00").await;
    let cases: Vec<_> = entries.iter().filter_map(|entry| entry.case.clone()).collect();
    assert_eq!(cases, (0..1203).map(|number| format!("C{number:04}")).collect::<Vec<_>>());
}
