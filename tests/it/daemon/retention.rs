//! What the daemon purges by itself, and that nothing of it is ever told again.

use fristvakt::store::{AuditFilter, NoticeFilter};

use super::server::County;
use super::{FACTS, Installation, instant};
use crate::servers::postgres;

/// The first case is decided and closed the day after its reminder.
pub(super) const CLOSED: &str = r#"
{"type":"event","tenant":"k","case":"S-1","id":"e2","kind":"decision_made","on":"2026-03-12"}
{"type":"event","tenant":"k","case":"S-1","id":"e3","kind":"case_closed","on":"2026-03-12"}
"#;

impl Installation {
    /// How many mails speak of the first case.
    fn told(&self) -> usize {
        self.mails().iter().filter(|(_, text)| text.contains("7F3K")).count()
    }

    /// How many lines of the ledger are of the first case.
    async fn lines(&self) -> usize {
        let filter = NoticeFilter { case: Some("S-1".to_owned()), ..NoticeFilter::default() };
        self.daemon.store.list_notices(&filter).await.unwrap().len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_closed_long_ago_is_purged_and_never_told_again() {
    let here = Installation::configured(FACTS, "retention.months = 3\n").await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    assert_eq!(here.told(), 1);
    here.import(CLOSED).await;
    for (now, is_there) in
        [("2026-03-13T08:00:00+01:00", true), ("2026-06-12T08:00:00+02:00", true), ("2026-06-15T08:00:00+02:00", false)]
    {
        let tick = here.tick(now).await;
        assert_eq!((here.lines().await > 0, tick.differences), (is_there, 0), "{now}");
    }
    let told = here.told();
    here.import(&format!("{FACTS}{CLOSED}")).await;
    let told_in_all = here.mails().len();
    for now in ["2026-06-16T08:00:00+02:00", "2026-06-17T08:00:00+02:00", "2026-06-22T08:00:00+02:00"] {
        let tick = here.tick(now).await;
        assert_eq!((here.lines().await, here.told(), tick.differences), (0, told, 0), "{now}");
    }
    assert!(here.mails().len() >= told_in_all, "the other case goes on");
    let verified = here.daemon.store.verify_audit(None, &[]).await.unwrap();
    assert_eq!(verified.wrong, []);
    let here = here.restarted_with("retention.months = 3\n").await;
    here.tick("2026-06-22T08:10:00+02:00").await;
    assert_eq!((here.lines().await, here.told()), (0, told));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_purged_unless_the_configuration_says_so() {
    for extra in ["", "retention.months = 3\nretention.tenants.k = 0\n", "retention.tenants.other = 3\n"] {
        let here = Installation::configured(FACTS, extra).await;
        here.tick("2026-03-11T08:00:00+01:00").await;
        here.import(CLOSED).await;
        here.tick("2026-03-13T08:00:00+01:00").await;
        here.tick("2029-06-15T08:00:00+02:00").await;
        assert!(here.lines().await > 0, "{extra}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn daemons_that_share_a_server_purge_once() {
    let Some(database) = postgres::database() else { return };
    let county = County::at(&database.url()).await.with("[retention]\nmonths = 3\n");
    let (one, other) = (county.daemon("one").await, county.daemon("other").await);
    county.import(&one, FACTS).await;
    county.import(&one, CLOSED).await;
    for now in ["2026-03-13T08:00:00+01:00", "2026-06-15T08:00:00+02:00"] {
        county.set(instant(now));
        let (first, second) = tokio::join!(one.tick(), other.tick());
        first.unwrap();
        second.unwrap();
    }
    let entries = one.store.list_audit(&AuditFilter::default()).await.unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.action == "retention.purge").count(), 1);
    let filter = NoticeFilter { case: Some("S-1".to_owned()), ..NoticeFilter::default() };
    assert_eq!(other.store.list_notices(&filter).await.unwrap(), []);
}
