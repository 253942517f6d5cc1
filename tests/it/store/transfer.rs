//! An installation that moves from a file to a server, and back.

use fristvakt::engine::Occasion;
use fristvakt::register::{Decision, DeviationName};
use fristvakt::store::{
    Access, ChainEnd, Decided, DeviationFilter, Location, MessageFilter, Moved, Store, StoreError, TransferError,
    transfer,
};

use super::postgres::Base as Server;
use super::sqlite::suite::{BEGIN, House, at};

const NAME: DeviationName<'_> =
    DeviationName { tenant: "sokndal", case: "S-17", rule: "sokndal/decision", start: "e1", number: 0 };

const ROUND: &str = "2026-03-11T08:00:00+01:00";

/// A file in which something was told, and an empty server.
async fn both() -> Option<(House, Server)> {
    let server = Server::new()?;
    let house = House::furnished().await?;
    house.round(ROUND).await;
    house.tick("2026-03-17T12:00:00+01:00", Occasion::Between).await;
    for decision in [Decision::withdraw("kari", "ført dobbelt"), Decision::reopen("kari", "stemte likevel")] {
        let now = at("2026-03-17T12:00:00+01:00");
        let decided = house.store.decide(NAME, &decision.expect("a decision"), "", now).await.expect("decided");
        assert_eq!(decided, Decided::Done);
    }
    Some((house, server))
}

/// Every deviation with what happened to it, and where each chain ends.
async fn register_and_chain(store: &Store) -> (Vec<String>, Vec<ChainEnd>) {
    let mut register = vec![];
    for row in store.list_deviations(&DeviationFilter::default()).await.expect("listed") {
        register.push(format!("{row:?} {:?}", store.deviation_events(row.name()).await.expect("read")));
    }
    let verified = store.verify_audit(None, &[]).await.expect("verified");
    assert_eq!(verified.wrong, []);
    (register, verified.ends)
}

async fn moved(from: &Location, to: &Location) -> Result<Vec<Moved>, TransferError> {
    transfer(from, to, None, |_| {}).await
}

#[tokio::test]
async fn everything_is_there_afterwards_and_only_there() {
    let Some((house, server)) = both().await else { return };
    let (file, there) = (Location::from(house.base.location()), server.location().clone());
    let (notices, messages) = (house.notices().await, house.messages().await);
    let (register, chain) = register_and_chain(&house.store).await;
    let House { base, store, rules } = house;
    let in_use = moved(&file, &there).await.unwrap_err();
    assert!(matches!(in_use, TransferError::Store(StoreError::Locked(_))), "{in_use}");
    store.close().await;
    let rows = moved(&file, &there).await.expect("moved");
    let of = |table: &str| rows.iter().find(|one| one.table == table).map(|one| one.rows);
    assert_eq!((of("tenants"), of("notices"), of("messages")), (Some(1), Some(1), Some(1)), "{rows:?}");

    let refused = Store::open(&file, Access::Daemon).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Moved(to) if *to == there.to_string()), "{refused}");
    Store::open(&file, Access::Read).await.expect("its past can be read").close().await;

    let store = Store::open(&there, Access::Daemon).await.expect("open");
    let listed = store.list_messages(&MessageFilter::default()).await.expect("read");
    assert_eq!(listed.iter().map(|one| one.state.clone()).collect::<Vec<_>>(), messages);
    let house = House { base, store, rules };
    assert_eq!(house.notices().await, notices);
    let (register_there, chain_there) = register_and_chain(&house.store).await;
    assert_eq!((register_there, &chain_there), (register, &chain));
    assert_eq!(chain.iter().map(|end| end.number).max(), Some(2));
    let kept = house.store.verify_audit(None, &chain).await.expect("verified");
    assert_eq!((kept.ends, kept.wrong), (chain, vec![]), "what somebody kept before still fits");
    assert_eq!(house.tick(BEGIN, Occasion::Between).await, [], "nothing is planned again");
    house.store.close().await;

    let back = tempfile::tempdir().expect("a folder");
    let back = Location::File(back.path().join("back.db"));
    let again = moved(&there, &back).await.expect("moved back");
    assert_eq!(again, rows);
    let store = Store::open(&back, Access::Daemon).await.expect("open");
    let again = Decision::withdraw("ola", "likevel ikke").expect("a decision");
    assert_eq!(store.decide(NAME, &again, "", at(BEGIN)).await.expect("decided"), Decided::Done);
    assert_eq!(store.verify_audit(None, &[]).await.expect("verified").wrong, [], "and goes on");
    store.close().await;
    assert!(matches!(moved(&back, &file).await.unwrap_err(), TransferError::SameKind));
}

#[tokio::test]
async fn however_often_it_is_interrupted_it_goes_on_and_nobody_works_with_a_part() {
    let Some((house, server)) = both().await else { return };
    let (file, there) = (Location::from(house.base.location()), server.location().clone());
    house.store.close().await;
    let mut interruptions = 0;
    let rows = loop {
        // It comes one step further than the last time before it ends in the middle of its work.
        let (from, to, mut left) = (file.clone(), there.clone(), interruptions + 1);
        let moving = tokio::spawn(async move {
            let step = |_: fristvakt::store::TransferProgress<'_>| {
                left -= 1;
                assert!(left > 0, "interrupted");
            };
            transfer(&from, &to, None, step).await
        });
        match moving.await {
            Ok(moved) => break moved.expect("moved"),
            Err(_) => interruptions += 1,
        }
        let refused = Store::open(&there, Access::Daemon).await.unwrap_err();
        assert!(matches!(&refused, StoreError::Unfinished(from) if *from == file.to_string()), "{refused}");
    };
    assert!(interruptions > 5, "{interruptions}");
    assert!(rows.iter().any(|one| one.table == "notices" && one.rows == 1), "{rows:?}");
    let store = Store::open(&there, Access::Daemon).await.expect("whole");
    assert_eq!(store.case_count("sokndal").await.expect("counted"), 2);
}

#[tokio::test]
async fn a_database_that_holds_something_is_left_alone() {
    let Some((house, server)) = both().await else { return };
    let (file, there) = (Location::from(house.base.location()), server.location().clone());
    house.store.close().await;
    let store = Store::open(&there, Access::Write).await.expect("open");
    store.tell_once("k", "x", &fristvakt::notice::Recipient::Fallback, "email", at(BEGIN)).await.expect("told");
    store.close().await;
    assert!(matches!(moved(&file, &there).await.unwrap_err(), TransferError::NotEmpty));
}
