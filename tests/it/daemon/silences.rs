//! What somebody has asked not to be told of is not sent, and comes once when that is over.

use fristvakt::silence::{Covered, SilenceId};
use fristvakt::store::{NewSilence, NoticeFilter};

use super::{FACTS, Installation};

impl Installation {
    /// Begins a silence beside the running daemon.
    async fn silence(&self, kind: &str, name: &str, until: &str) -> SilenceId {
        let covers = Covered::parse(kind, name).unwrap();
        let until = until.parse().unwrap();
        let silence = NewSilence { tenant: "k", covers: &covers, until, by: "koord", reason: "agreed with Kari" };
        self.daemon.store.add_silence(&silence, self.clock.now()).await.unwrap()
    }

    /// Which of the two cases each mail so far speaks of.
    fn spoken_of(&self) -> Vec<(String, Vec<&'static str>)> {
        let cases = |text: &str| ["7F3K", "9QX2"].into_iter().filter(|case| text.contains(case)).collect();
        self.mails().iter().map(|(to, text)| (to.clone(), cases(text))).collect()
    }

    /// State and reason of a case's notices.
    async fn states(&self, case: &str) -> Vec<(String, Option<String>)> {
        let filter = NoticeFilter { case: Some(case.to_owned()), ..NoticeFilter::default() };
        let rows = self.daemon.store.list_notices(&filter).await.unwrap();
        rows.into_iter().map(|row| (row.state, row.reason)).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silenced_case_sends_nothing_and_one_mail_when_that_is_over() {
    let here = Installation::with(FACTS).await;
    here.tick("2026-03-10T12:00:00+01:00").await;
    here.silence("case", "S-1", "2026-03-16").await;
    for round in ["2026-03-11", "2026-03-12", "2026-03-13"] {
        here.tick(&format!("{round}T08:00:00+01:00")).await;
    }
    let larer = || "larer@k.example".to_owned();
    assert_eq!(here.spoken_of(), [(larer(), vec!["9QX2"])]);
    // The reminder of the due date itself: of S-2 alone.
    here.tick("2026-03-16T08:00:00+01:00").await;
    assert_eq!(here.spoken_of().split_off(1), [(larer(), vec!["9QX2"])]);
    assert_eq!(here.states("S-1").await, []);
    here.tick("2026-03-17T08:00:00+01:00").await;
    let mut after = here.spoken_of().split_off(2);
    after.retain(|(_, cases)| cases.contains(&"7F3K"));
    assert_eq!(after.iter().filter(|(to, _)| *to == larer()).count(), 1, "{after:?}");
    let mails = here.mails().len();
    here.tick("2026-03-17T12:00:00+01:00").await;
    assert_eq!(here.mails().len(), mails);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_silenced_before_sending_is_taken_out_and_comes_again() {
    for (kind, name, first) in
        [("case", "S-1", vec![vec!["9QX2"]]), ("person", "larer", vec![]), ("rule", "tromso/concern-decision", vec![])]
    {
        let here = Installation::with(FACTS).await;
        here.clock.set(super::instant("2026-03-11T08:00:00+01:00"));
        // Planned and put into a message; the silence comes in between.
        here.daemon.sweep(here.clock.now()).await.unwrap();
        here.silence(kind, name, "2026-03-12").await;
        here.tick("2026-03-11T08:00:01+01:00").await;
        let sent: Vec<_> = here.spoken_of().into_iter().map(|(_, cases)| cases).collect();
        assert_eq!(sent, first, "{kind}");
        let silenced = here.states("S-1").await;
        assert!(!silenced.is_empty());
        assert!(silenced.iter().all(|(state, reason)| state == "withdrawn" && reason.as_deref() == Some("silenced")));
        here.tick("2026-03-12T08:00:00+01:00").await;
        assert_eq!(here.mails().len(), first.len(), "{kind}");
        here.tick("2026-03-13T08:00:00+01:00").await;
        let mails = here.spoken_of();
        assert_eq!(mails.len(), first.len() + 1, "{kind}");
        assert!(mails.last().unwrap().1.contains(&"7F3K"), "{kind}: {mails:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_that_is_ended_lets_the_next_round_go() {
    let here = Installation::with(FACTS).await;
    here.tick("2026-03-10T12:00:00+01:00").await;
    let id = here.silence("person", "larer", "2026-12-31").await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    assert_eq!(here.recipients(), Vec::<String>::new());
    here.daemon.store.end_silence(id, "koord", "back", here.clock.now()).await.unwrap();
    here.tick("2026-03-11T12:00:00+01:00").await;
    assert_eq!(here.recipients(), Vec::<String>::new(), "not between rounds");
    here.tick("2026-03-12T08:00:00+01:00").await;
    assert_eq!(here.recipients(), ["larer@k.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_holder_does_not_keep_the_leader_from_hearing() {
    let here = Installation::with(FACTS).await;
    here.tick("2026-03-10T12:00:00+01:00").await;
    here.silence("person", "larer", "2026-12-31").await;
    for round in ["2026-03-11", "2026-03-16", "2026-03-17", "2026-03-18"] {
        here.tick(&format!("{round}T08:00:00+01:00")).await;
    }
    let mut recipients = here.recipients();
    recipients.dedup();
    assert_eq!(recipients, ["rektor@k.example"]);
    // The mail does not claim that anybody was told.
    let (_, text) = &here.mails()[0];
    assert!(!text.contains("ble varslet") && !text.contains("Kari"), "{text}");
}
