//! The chain of the audit trail.

use fristvakt::store::{Access, AuditEntry, AuditFilter, ChainEnd, Store, Verified};

use super::{BEGIN, House, at};

/// Writes some entries: of one municipality, of another, and of what concerns all.
async fn written(house: &House) {
    for (number, tenant) in ["sokndal", "", "sokndal", "tysver", "sokndal"].into_iter().enumerate() {
        let subject = format!("subject {number}");
        let entry = AuditEntry {
            tenant,
            actor: "kari",
            via: "token:kvalitet",
            action: "x",
            subject: &subject,
            reason: "derfor",
            details: "{}",
        };
        house.store.audit(entry, at(BEGIN)).await.expect("written");
    }
}

async fn verified(house: &House, kept: &[ChainEnd]) -> Verified {
    house.store.verify_audit(None, kept).await.expect("verified")
}

/// Chains that fit, by municipality and length; and entries that do not, by municipality, place and what is wrong.
type Shown<'v> = (Vec<(&'v str, i64)>, Vec<(&'v str, i64, &'v str)>);

fn shown(verified: &Verified) -> Shown<'_> {
    let fits = verified.ends.iter().map(|end| (end.tenant.as_str(), end.number)).collect();
    (fits, verified.wrong.iter().map(|wrong| (wrong.tenant.as_str(), wrong.number, wrong.what)).collect())
}

#[tokio::test]
async fn every_municipality_has_a_chain_of_its_own_that_fits_together() {
    let Some(house) = House::furnished().await else { return };
    written(&house).await;
    let verified = verified(&house, &[]).await;
    assert_eq!(shown(&verified), (vec![("", 1), ("sokndal", 3), ("tysver", 1)], vec![]));
    let rows = house.store.list_audit(&AuditFilter::default()).await.expect("listed");
    let listed: Vec<_> = rows.iter().map(|row| (row.tenant.as_str(), row.number, row.subject.as_str())).collect();
    let expected = [
        ("", 1, "subject 1"),
        ("sokndal", 1, "subject 0"),
        ("sokndal", 2, "subject 2"),
        ("sokndal", 3, "subject 4"),
        ("tysver", 1, "subject 3"),
    ];
    assert_eq!(listed, expected);
    assert_eq!(rows[3].hash, verified.ends[1].hash);
    let newest = AuditFilter { tenant: Some("sokndal".to_owned()), limit: Some(2), ..AuditFilter::default() };
    let newest = house.store.list_audit(&newest).await.expect("listed");
    assert_eq!(newest.iter().map(|row| row.number).collect::<Vec<_>>(), [2, 3]);
    let of = house.store.audit_entries("sokndal", &[3, 9]).await.expect("read");
    assert_eq!((of.len(), &of[0]), (1, &rows[3]));
    let day = |text| Some(at(text));
    let none =
        AuditFilter { from: day("2026-03-04T00:00:00Z"), until: day("2026-03-05T00:00:00Z"), ..AuditFilter::default() };
    assert_eq!(house.store.list_audit(&none).await.expect("listed"), []);
}

const CHANGED: &str = "the entry was changed, or one before it was put in or taken out";

#[tokio::test]
async fn whatever_is_changed_taken_out_or_put_in_is_found_at_its_place() {
    let attacks: [(&str, i64, &str); 13] = [
        ("UPDATE audit SET reason = 'fordi' WHERE tenant = 'sokndal' AND number = 2", 2, CHANGED),
        ("UPDATE audit SET actor = 'ola' WHERE tenant = 'sokndal' AND number = 1", 1, CHANGED),
        ("UPDATE audit SET via = '' WHERE tenant = 'sokndal' AND number = 3", 3, CHANGED),
        ("UPDATE audit SET action = 'y' WHERE tenant = 'sokndal' AND number = 3", 3, CHANGED),
        ("UPDATE audit SET subject = 'y' WHERE tenant = 'sokndal' AND number = 3", 3, CHANGED),
        ("UPDATE audit SET details = '' WHERE tenant = 'sokndal' AND number = 3", 3, CHANGED),
        ("UPDATE audit SET id = 'y' WHERE tenant = 'sokndal' AND number = 3", 3, CHANGED),
        ("UPDATE audit SET at = at + 1 WHERE tenant = 'sokndal' AND number = 2", 2, CHANGED),
        // From one field into the next.
        ("UPDATE audit SET action = 'xsubject 2', subject = '' WHERE tenant = 'sokndal' AND number = 2", 2, CHANGED),
        ("DELETE FROM audit WHERE tenant = 'sokndal' AND number = 2", 2, "the entry that belongs here is missing"),
        (
            "UPDATE audit SET number = number - 1 WHERE tenant = 'sokndal' AND number = 1",
            1,
            "the entry that belongs here is missing",
        ),
        ("UPDATE audit SET tenant = 'sokndal', number = 4 WHERE tenant = 'tysver'", 4, CHANGED),
        (
            "UPDATE audit SET tenant = 'sokndal', number = 0 WHERE tenant = 'tysver'",
            0,
            "the entry has no place: something that is not this program wrote it",
        ),
    ];
    for (attack, place, what) in attacks {
        let Some(house) = House::furnished().await else { return };
        written(&house).await;
        house.base.run(attack).await;
        let verified = verified(&house, &[]).await;
        assert_eq!(shown(&verified).1, [("sokndal", place, what)], "{attack}");
        assert!(verified.ends.iter().any(|end| end.tenant.is_empty()), "the others still fit");
    }
}

#[tokio::test]
async fn what_somebody_kept_finds_what_a_chain_alone_does_not() {
    let Some(house) = House::furnished().await else { return };
    written(&house).await;
    let kept = verified(&house, &[]).await.ends;
    assert_eq!(shown(&verified(&house, &kept).await).1, []);
    house.base.run("DELETE FROM audit WHERE tenant = 'sokndal' AND number = 3").await;
    assert_eq!(shown(&verified(&house, &[]).await).1, [], "the chain alone says nothing");
    let gone = "the trail ends before this entry, which was there when its hash was kept";
    assert_eq!(shown(&verified(&house, &kept).await).1, [("sokndal", 3, gone)]);
    // Somebody writes the third entry anew.
    let entry = AuditEntry { tenant: "sokndal", actor: "ola", action: "x", ..AuditEntry::default() };
    house.store.audit(entry, at(BEGIN)).await.expect("written");
    let rewritten = "the entry has another hash than the one that was kept: the trail was rewritten";
    assert_eq!(shown(&verified(&house, &kept).await).1, [("sokndal", 3, rewritten)]);
    let unknown = ChainEnd { tenant: "bindal".to_owned(), number: 1, hash: "a".repeat(64) };
    assert_eq!(shown(&verified(&house, &[unknown]).await).1, [("bindal", 1, gone)]);
}

/// However many write at once, each entry has a place of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_chain_never_forks_however_many_write_at_once() {
    let Some(house) = House::furnished().await else { return };
    let mut writing = tokio::task::JoinSet::new();
    for writer in 0..4 {
        let location = fristvakt::store::Location::from(house.base.location());
        writing.spawn(async move {
            let store = Store::open(location, Access::Write).await.expect("open");
            for number in 0..10 {
                let subject = format!("{writer} {number}");
                let tenant = if number % 3 == 0 { "" } else { "sokndal" };
                let entry =
                    AuditEntry { tenant, actor: "kari", action: "x", subject: &subject, ..AuditEntry::default() };
                store.audit(entry, at(BEGIN)).await.expect("written");
            }
            store.close().await;
        });
    }
    while let Some(ended) = writing.join_next().await {
        ended.expect("no panic");
    }
    assert_eq!(shown(&verified(&house, &[]).await), (vec![("", 16), ("sokndal", 24)], vec![]));
}

/// What an older program wrote has neither place nor hash, and its deviations no ids.
#[tokio::test]
async fn what_an_older_program_wrote_is_chained_once() {
    let Some(house) = House::furnished().await else { return };
    house.tick("2026-03-17T12:00:00+01:00", fristvakt::engine::Occasion::Between).await;
    let id = || async {
        let rows = house.store.list_deviations(&fristvakt::store::DeviationFilter::default()).await.expect("listed");
        rows[0].id.clone()
    };
    let first = id().await;
    written(&house).await;
    for statement in [
        "UPDATE audit SET number = 0, hash = ''",
        "UPDATE deviations SET id = ''",
        "DELETE FROM settings WHERE name = 'register_completed'",
    ] {
        house.base.run(statement).await;
    }
    assert_eq!(verified(&house, &[]).await.wrong.len(), 3);
    for _ in 0..2 {
        Store::open(house.base.location(), Access::Write).await.expect("open").close().await;
        assert_eq!(shown(&verified(&house, &[]).await), (vec![("", 1), ("sokndal", 3), ("tysver", 1)], vec![]));
        assert_eq!((id().await, first.len()), (first.clone(), 12));
    }
}

/// An older daemon that still runs on a server knows neither place nor hash.
#[tokio::test]
async fn an_entry_that_an_older_program_would_write_is_refused() {
    let Some(house) = House::furnished().await else { return };
    written(&house).await;
    let older = "INSERT INTO audit (id, at, tenant, actor, action, subject, reason) \
                 VALUES ('z', 0, 'sokndal', 'a', 'b', 'c', 'd')";
    let refused = house.base.try_run(older).await.expect_err("refused").to_string();
    assert!(refused.contains("the audit trail takes no entry without a place"), "{refused}");
    assert_eq!(shown(&verified(&house, &[]).await).1, []);
}

#[tokio::test]
async fn ends_that_are_kept_move_forward_and_find_what_is_cut_off() {
    let Some(house) = House::furnished().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let kept = || ChainEnd::kept(folder.path()).expect("read");
    let numbers = || kept().iter().map(|end| (end.tenant.clone(), end.number)).collect::<Vec<_>>();
    assert_eq!(kept(), [], "nobody kept any");
    written(&house).await;
    assert_eq!(house.store.keep_chains(folder.path()).await.expect("kept").wrong, []);
    let first = kept();
    assert_eq!(numbers(), [(String::new(), 1), ("sokndal".to_owned(), 3), ("tysver".to_owned(), 1)]);
    written(&house).await;
    assert_eq!(house.store.keep_chains(folder.path()).await.expect("kept").wrong, []);
    assert_eq!(numbers(), [(String::new(), 2), ("sokndal".to_owned(), 6), ("tysver".to_owned(), 2)]);
    // The last entries are cut off: found, and the place stays where it was; the others go on.
    house.base.run("DELETE FROM audit WHERE tenant = 'sokndal' AND number > 4").await;
    let entry = AuditEntry { tenant: "tysver", actor: "ola", action: "x", ..AuditEntry::default() };
    house.store.audit(entry, at(BEGIN)).await.expect("written");
    for _ in 0..2 {
        let found = house.store.keep_chains(folder.path()).await.expect("kept");
        assert_eq!(shown(&found).1.len(), 1);
        assert_eq!(numbers(), [(String::new(), 2), ("sokndal".to_owned(), 6), ("tysver".to_owned(), 3)]);
    }
    // What is written in their place does not fit either.
    for _ in 0..3 {
        let entry = AuditEntry { tenant: "sokndal", actor: "ola", action: "x", ..AuditEntry::default() };
        house.store.audit(entry, at(BEGIN)).await.expect("written");
    }
    assert_eq!(shown(&house.store.keep_chains(folder.path()).await.expect("kept")).1.len(), 1);
    assert_eq!(numbers()[1].1, 6);
    assert!(first.iter().all(|end| end.hash.len() == 64));
    std::fs::write(ChainEnd::kept_in(folder.path()), "nonsense\n").expect("written");
    let damaged = house.store.keep_chains(folder.path()).await.expect_err("damaged").to_string();
    assert!(damaged.contains("line 1 of chain-ends is damaged"), "{damaged}");
}

#[tokio::test]
async fn a_long_trail_is_read_page_by_page() {
    let Some(house) = House::furnished().await else { return };
    for number in 0..1203 {
        let tenant = ["", "sokndal", "tysver"][number % 3];
        let entry = AuditEntry { tenant, actor: "kari", action: "x", ..AuditEntry::default() };
        house.store.audit(entry, at(BEGIN)).await.expect("written");
    }
    let all = house.store.list_audit(&AuditFilter::default()).await.expect("listed");
    let mut paged = vec![];
    loop {
        let page = house.store.audit_after(&AuditFilter::default(), paged.last()).await.expect("read");
        assert!(page.len() <= 500);
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!((paged.len(), &paged), (1203, &all));
}
