//! What the daemon purges by itself, and that nothing of it is ever told again.

use fristvakt::daemon::purge_page;
use fristvakt::store::{AuditFilter, NoticeFilter, Order};

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

/// What is purged does not come back when the clock does.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_far_ahead_purges_only_once_another_has_followed_it() {
    let mut here = Installation::configured(FACTS, "retention.months = 3\n").await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    here.import(CLOSED).await;
    for (now, is_there) in [
        ("2026-03-13T08:00:00+01:00", true),
        // A wrong clock, for a day and a restart, and right again.
        ("2036-06-16T08:00:00+02:00", true),
        ("2036-06-16T12:00:00+02:00", true),
        ("2026-03-16T08:00:00+01:00", true),
        // Switched off for months, and nobody knows for how many.
        ("2026-06-16T08:00:00+02:00", true),
        ("2026-06-16T12:00:00+02:00", true),
        ("2026-06-17T08:00:00+02:00", false),
    ] {
        here = here.restarted_with("retention.months = 3\n").await;
        here.tick(now).await;
        assert_eq!(here.lines().await > 0, is_there, "{now}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_that_lies_ahead_is_as_good_as_none() {
    let here = Installation::configured(FACTS, "retention.months = 3\n").await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    here.import(CLOSED).await;
    here.daemon.store.note_purge("k", "2036-06-16".parse().unwrap()).await.unwrap();
    for now in ["2026-03-13T08:00:00+01:00", "2026-06-12T08:00:00+02:00", "2026-06-15T08:00:00+02:00"] {
        here.tick(now).await;
    }
    assert_eq!(here.lines().await, 0);
}

/// The process may end between a purge and the writing anew of the file, whoever purged.
#[tokio::test(flavor = "multi_thread")]
async fn a_scrub_that_is_owed_is_done_by_whoever_comes_next() {
    let here = Installation::configured(FACTS, "").await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    here.import(CLOSED).await;
    here.tick("2026-03-13T08:00:00+01:00").await;
    here.clock.set(instant("2026-09-14T08:00:00+02:00"));
    let (store, rules, now) = (&here.daemon.store, here.daemon.rules(), here.clock.now());
    let (organisations, _) = store.read_organisations(&rules.set, now).await.unwrap();
    let municipality = organisations[0].municipality(&rules.set).unwrap();
    let order = |dry| Order {
        tenant: "k",
        zone: municipality.zone(),
        before: "2026-06-01".parse().unwrap(),
        by: "kari",
        reason: "avtalt",
        dry,
    };
    for (dry, is_owed) in [(true, false), (false, true)] {
        purge_page(store, &organisations[0], &municipality, &order(dry), "", now).await.unwrap();
        assert_eq!(store.scrub_owed().await.unwrap().is_some(), is_owed);
    }
    let here = here.restarted().await;
    here.tick("2026-09-14T08:10:00+02:00").await;
    assert_eq!(here.daemon.store.scrub_owed().await.unwrap(), None);
    assert!(here.daemon.store.last_scrub().await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_in_one_municipality_keeps_no_other_from_its_purge() {
    let here = Installation::configured(FACTS, "retention.months = 3\n").await;
    let other = |text: &str| text.replace(r#""tenant":"k""#, r#""tenant":"a""#).replace(r#""id":"k""#, r#""id":"a""#);
    here.tick("2026-03-11T08:00:00+01:00").await;
    here.import(&other(FACTS)).await;
    here.import(&format!("{CLOSED}{}", other(CLOSED))).await;
    for now in ["2026-03-13T08:00:00+01:00", "2026-06-12T08:00:00+02:00"] {
        here.tick(now).await;
    }
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", here.folder.path().join("test.db").display())).await;
    let pool = pool.unwrap();
    let fault =
        "CREATE TRIGGER fault BEFORE DELETE ON cases WHEN OLD.tenant = 'a' BEGIN SELECT RAISE(ABORT, 'fault'); END";
    sqlx::query(fault).execute(&pool).await.unwrap();
    here.clock.set(instant("2026-06-15T08:00:00+02:00"));
    assert!(here.daemon.tick().await.is_err(), "it is not hidden");
    let purged = here.daemon.store.last_purge("k").await.unwrap();
    assert_eq!(purged, Some("2026-06-15".parse().unwrap()));
    assert_eq!(here.daemon.store.last_purge("a").await.unwrap(), None);
    assert_eq!(here.daemon.store.scrub_owed().await.unwrap(), None);
    assert!(here.daemon.store.last_scrub().await.unwrap().is_some());
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn daemons_that_share_a_server_purge_once() {
    let Some(database) = postgres::database() else { return };
    let county = County::at(&database.url()).await.with("[retention]\nmonths = 3\n");
    let (one, other) = (county.daemon("one").await, county.daemon("other").await);
    county.import(&one, FACTS).await;
    county.import(&one, CLOSED).await;
    for now in ["2026-03-13T08:00:00+01:00", "2026-06-12T08:00:00+02:00", "2026-06-15T08:00:00+02:00"] {
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
