//! The demonstration, and the promise that the daemon and `simulate` can never differ.

use std::collections::BTreeSet;
use std::io::BufReader;

use fristvakt::calendar::BEGINNING;
use fristvakt::demo;
use fristvakt::engine::Municipality;
use fristvakt::facts::World;
use fristvakt::folder::RulesFolder;
use fristvakt::simulate::{Stretch, run_case};
use fristvakt::store::{Access, DeviationFilter, NoticeFilter, Store};

use super::instant;

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_sends_exactly_what_simulate_says() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let (places, summary) = demo::run(&folder.path().join("demo"), |_| {}).await.unwrap();
    let store = Store::open(&places.folder.join("demo.db"), Access::Read).await.unwrap();
    let sent: BTreeSet<String> = store
        .list_notices(&NoticeFilter::default())
        .await
        .unwrap()
        .into_iter()
        .filter(|notice| notice.outcome == "sent")
        .map(|notice| {
            assert_eq!(notice.state, "sent");
            let to = notice.recipient.unwrap_or_default();
            format!(
                "{} {} {} {} {} {} {} {to}",
                notice.tenant,
                notice.case,
                notice.rule,
                notice.start,
                notice.step,
                notice.repetition,
                notice.handled_on.0
            )
        })
        .collect();
    let opened: BTreeSet<String> = store
        .list_deviations(&DeviationFilter::default())
        .await
        .unwrap()
        .into_iter()
        .map(|row| format!("{} {} {} {} {:?}", row.case, row.rule, row.start, row.opened_at.instant(), row.closed_as))
        .collect();
    let (expected_notices, expected_deviations) = simulated();
    assert_eq!(sent, expected_notices);
    assert_eq!(opened, expected_deviations);
    assert_eq!(summary.reminders + summary.escalations, sent.len());
    assert_eq!(summary.unsent, 0);
    assert_eq!(summary.differences, 0, "the daily reconciliation finds nothing");
    assert_eq!(std::fs::read_dir(&places.mails).unwrap().count(), summary.mails);
    // Each kind that ten weeks bring was mailed, and is where the summary says.
    let kinds: Vec<&str> = places.scheduled.iter().map(|(scheduled, _)| scheduled.word()).collect();
    assert_eq!(kinds, ["weekly", "monthly", "quarterly", "lists"]);
    let addressed = |place: usize| {
        let mail = std::fs::read_to_string(&places.scheduled[place].1).unwrap();
        mail.lines().find(|line| line.starts_with("To: ")).unwrap().to_owned()
    };
    assert!(!addressed(0).contains("koordinator"), "the week is a leader's: {}", addressed(0));
    assert!([1, 2, 3].into_iter().all(|place| addressed(place).contains("koordinator")));
    assert!(summary.reports > 50 && summary.reports < summary.mails);
}

fn simulated() -> (BTreeSet<String>, BTreeSet<String>) {
    let (rules, _) = RulesFolder::open(None).unwrap().load().unwrap();
    let world = World::load(BufReader::new(demo::SAMPLE.as_bytes()), &rules).unwrap();
    let stretch = Stretch { begins: BEGINNING, ends: instant("2026-05-11T00:00:00+02:00") };
    let (mut notices, mut deviations) = (BTreeSet::new(), BTreeSet::new());
    for facts in &world.municipalities {
        let municipality = Municipality::new(&rules, &facts.organisation).unwrap();
        for case in &facts.cases {
            let run = run_case(&municipality, case, facts.first_recorded_at, stretch);
            for (at, notice) in &run.notices {
                let rule = &municipality.rules.rule(notice.rule).name;
                let on = municipality.date(*at);
                notices.insert(format!(
                    "{} {} {rule} {} {} {} {on} {}",
                    case.tenant, case.id, notice.start, notice.step, notice.repetition, notice.recipient
                ));
            }
            for deviation in &run.deviations {
                let rule = &municipality.rules.rule(deviation.rule).name;
                let closed = deviation.closed.map(|(_, how)| how.word().to_owned());
                deviations.insert(format!("{} {rule} {} {} {closed:?}", case.id, deviation.start, deviation.opened_at));
            }
        }
    }
    (notices, deviations)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_holds_an_earlier_demo_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("fristvakt.toml"), "mine").unwrap();
    let error = demo::run(folder.path(), |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("earlier demonstration"), "{error}");
    assert_eq!(std::fs::read_to_string(folder.path().join("fristvakt.toml")).unwrap(), "mine");
}
