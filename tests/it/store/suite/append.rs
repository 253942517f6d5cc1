use std::io::Write as _;
use std::path::PathBuf;

use fristvakt::engine::Occasion;
use fristvakt::store::{Applied, Counts, ImportError, Load};
use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};

use super::{BEGIN, Base, House, at, event, facts};
use crate::fixture::FACTS;

fn counts(new: usize, changed: usize, unchanged: usize, removed: usize) -> Counts {
    Counts { new, changed, unchanged, removed }
}

/// All facts as they are stored, by table and key.
async fn stored(house: &House) -> Vec<String> {
    let all = "SELECT type || id || version || fact AS line FROM records UNION ALL SELECT id || document FROM cases";
    let mut lines = house.base.texts(all).await;
    lines.sort();
    lines
}

#[tokio::test]
async fn appending_twice_changes_nothing_and_says_so() {
    let Some(house) = House::empty().await else { return };
    let first = house.append(FACTS).await;
    assert_eq!((first.units, first.persons, first.cases), (counts(2, 0, 0, 0), counts(2, 0, 0, 0), counts(2, 0, 0, 0)));
    assert_eq!(first.events, counts(3, 0, 0, 0), "two versions of one event are one record");
    let before = stored(&house).await;
    house.tick(BEGIN, Occasion::Between).await;
    let second = house.append(FACTS).await;
    assert_eq!((second.cases, second.events), (counts(0, 0, 2, 0), counts(0, 0, 3, 0)));
    assert_eq!(stored(&house).await, before);
    assert_eq!(house.tick(BEGIN, Occasion::Between).await, [], "nothing is planned again");
}

#[tokio::test]
async fn a_change_has_its_case_planned_again_and_one_of_the_municipality_all() {
    let Some(house) = House::furnished().await else { return };
    let planned = |outcomes: Vec<(String, Applied)>| outcomes.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    let now = BEGIN;
    assert_eq!(planned(house.tick(now, Occasion::Between).await), ["S-17", "S-18"]);
    house.append(&event("S-17", "e9", r#""kind":"alarm","on":"2026-03-03""#)).await;
    assert_eq!(planned(house.tick(now, Occasion::Between).await), ["S-17"]);
    house.append(r#"{"type":"person","tenant":"sokndal","id":"p1","email":"new@sokndal.example"}"#).await;
    assert_eq!(planned(house.tick(now, Occasion::Between).await), ["S-17", "S-18"]);
    assert!(house.store.note_rules("a").await.expect("noted"));
    assert_eq!(planned(house.tick(now, Occasion::Between).await), ["S-17", "S-18"]);
    assert!(!house.store.note_rules("a").await.expect("noted"));
    assert_eq!(house.tick(now, Occasion::Between).await, []);
}

#[tokio::test]
async fn a_full_load_removes_what_it_does_not_hold() {
    let Some(house) = House::furnished().await else { return };
    house.tick(BEGIN, Occasion::Between).await;
    assert_eq!(house.round("2026-03-11T08:00:00+01:00").await, 1);
    let rest: Vec<&str> = FACTS.lines().filter(|line| !line.contains("S-17") && !line.contains("\"p1\"")).collect();
    let appended = house.store.append_facts(&facts(&rest.join("\n")), Load::Replace, at(BEGIN)).await.expect("loaded");
    assert_eq!((appended.cases.removed, appended.persons.removed, appended.units.removed), (1, 1, 0));
    assert_eq!(house.notices().await, ["S-17 -3wd withdrawn gone"]);
    assert_eq!(house.messages().await, ["withdrawn"]);
    let obligations = house.store.list_obligations(&Default::default(), at(BEGIN)).await.expect("listed");
    assert_eq!(obligations, []);
}

fn file(house: &House, name: &str, text: &str) -> PathBuf {
    let path = house.base.folder().join(name);
    std::fs::File::create(&path).and_then(|mut file| file.write_all(text.as_bytes())).expect("written");
    path
}

#[tokio::test]
async fn importing_checks_a_file_against_itself_and_the_store_and_takes_all_of_it_or_nothing() {
    let Some(house) = House::empty().await else { return };
    let good = file(&house, "facts.ndjson", FACTS);
    let cases = file(&house, "cases.csv", "tenant;id;unit\nsokndal;S-20;skole-1\n");
    let events = file(&house, "more.ndjson", &event("S-20", "e1", r#""kind":"concern_raised","on":"2026-03-02""#));
    let mut seen = vec![];
    let progress = |progress: fristvakt::store::Progress<'_>| seen.push(format!("{progress:?}"));
    let all = [good, cases, events];
    house.store.import(&all, &house.rules, Load::Append, at(BEGIN), progress).await.expect("imported");
    assert_eq!(seen.len(), 3);
    let text = format!(
        "{}\n{}\n{{",
        event("S-20", "e2", r#""kind":"decision_made","on":"2026-03-03""#),
        event("S-21", "e1", r#""kind":"decision_made","on":"2026-03-03""#),
    );
    let bad = file(&house, "bad.ndjson", &text);
    let before = stored(&house).await;
    let failed = house.store.import(&[bad], &house.rules, Load::Append, at(BEGIN), |_| {}).await;
    let ImportError::Facts(errors) = &failed.expect_err("an error")[0].error else { panic!("wrong facts") };
    let texts: Vec<_> = errors.iter().map(|error| error.to_string()).collect();
    assert!(texts[0].starts_with("line 2: `case`: unknown case `S-21`; did you mean `S-20`?"), "{texts:?}");
    assert!(texts[1].starts_with("line 3: no JSON"), "{texts:?}");
    assert_eq!(stored(&house).await, before);
}

/// The shared facts, and more than fits in memory at once: the lines of each case lie far apart.
fn large() -> String {
    const CASES: usize = 10_000;
    // As long as an id may be, so that few lines are many bytes.
    let id = |case: usize| format!("{:0>190}", case * 7919 % CASES);
    let mut text = FACTS.to_owned();
    for round in 0..3 {
        for case in 0..CASES {
            let line = match round {
                0 => event(&id(case), "e1", r#""kind":"concern_raised","on":"2026-03-02""#),
                1 => format!(r#"{{"type":"case","tenant":"sokndal","id":"{}","unit":"skole-1"}}"#, id(case)),
                _ => event(&id(case), "e1", r#""kind":"concern_raised","on":"2026-03-03""#),
            };
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    assert!(text.len() > 4 << 20, "it takes several parts");
    text
}

#[tokio::test]
async fn a_file_of_any_size_is_taken_as_a_whole_or_not_at_all() {
    let (Some(house), Some(other)) = (House::empty().await, House::empty().await) else { return };
    let text = large();
    let bad =
        file(&house, "bad.ndjson", &format!("{text}{}\n", event("S-99", "e1", r#""kind":"alarm","on":"2026-03-03""#)));
    let failed = house.store.import(&[bad], &house.rules, Load::Append, at(BEGIN), |_| {}).await;
    let ImportError::Facts(errors) = &failed.expect_err("an error")[0].error else { panic!("wrong facts") };
    let lines: Vec<usize> = errors.iter().map(|error| error.line).collect();
    assert_eq!((lines, stored(&house).await.len()), (vec![text.lines().count() + 1], 0));
    let good = file(&house, "good.ndjson", &text);
    let imported = house.store.import(&[good], &house.rules, Load::Append, at(BEGIN), |_| {}).await.expect("imported");
    let at_once = other.append(&text).await;
    assert_eq!(imported[0].appended, at_once);
    assert_eq!((at_once.cases.new, at_once.events.new), (10_002, 10_003));
    assert!(stored(&house).await == stored(&other).await, "the versions of each event in the order of the file");
}

#[tokio::test]
async fn a_full_load_of_several_files_is_one_and_cannot_name_what_it_removes() {
    let Some(house) = House::furnished().await else { return };
    let (people, others): (Vec<&str>, Vec<&str>) = FACTS.lines().partition(|line| line.contains(r#""type":"person""#));
    let files = [file(&house, "a.ndjson", &others.join("\n")), file(&house, "b.ndjson", &people.join("\n"))];
    let imported = house.store.import(&files, &house.rules, Load::Replace, at(BEGIN), |_| {}).await.expect("imported");
    assert_eq!(imported.len(), 1);
    assert_eq!(imported[0].appended.persons, counts(0, 0, 2, 0));
    let alone = &files[1..];
    let failed = house.store.import(alone, &house.rules, Load::Replace, at(BEGIN), |_| {}).await;
    assert!(failed.is_err(), "p1 works in a unit that would be gone");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: Base::CASES, ..ProptestConfig::default() })]

    /// Lines with versions that differ, cut anywhere into files that are imported in turn, each of them twice.
    #[test]
    fn however_lines_are_cut_into_files_the_same_is_stored(
        versions in proptest::collection::vec((0..3_u8, 0..4_u8), 1..30),
        cuts in proptest::collection::vec(0..40_usize, 0..5),
    ) {
        let mut lines: Vec<String> = FACTS.trim().lines().map(str::to_owned).collect();
        for (number, (kind, id)) in versions.iter().enumerate() {
            let recorded = format!(r#""recorded_at":"2026-04-01T00:00:{number:02}Z""#);
            lines.push(match kind {
                0 => format!(r#"{{"type":"person","tenant":"sokndal","id":"p{id}","name":"{number}"}}"#),
                1 => format!(r#"{{"type":"case","tenant":"sokndal","id":"S-1{id}","level":"{number}",{recorded}}}"#),
                _ => event("S-17", &format!("x{id}"), &format!(r#""kind":"alarm","on":"2026-03-02",{recorded}"#)),
            });
        }
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(lines.len())).chain([0, lines.len()]).collect();
        cuts.sort_unstable();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (whole, pieces) = runtime.block_on(async {
            let (Some(whole), Some(pieces)) = (House::empty().await, House::empty().await) else { return (vec![], vec![]) };
            whole.append(&lines.join("\n")).await;
            for cut in cuts.windows(2) {
                let piece = lines[cut[0]..cut[1]].join("\n");
                pieces.append(&piece).await;
                pieces.append(&piece).await;
            }
            (stored(&whole).await, stored(&pieces).await)
        });
        prop_assert_eq!(whole, pieces);
    }
}
