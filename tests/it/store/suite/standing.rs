use fristvakt::engine::Occasion;
use fristvakt::store::{FailureClass, Next, Standing};

use super::{House, at};

const ROUND: &str = "2026-03-11T08:00:00+01:00";
const NIGHT: &str = "2026-03-11T22:00:00+01:00";
const MORNING: &str = "2026-03-12T08:00:00+01:00";

/// Channel, state, count and whether any should have left, of what is open.
fn open(standing: &Standing) -> Vec<String> {
    let shown = standing.open.iter().map(|one| {
        let late = if one.oldest_due.is_some() { " due" } else { "" };
        format!("{} {} {}{late}", one.channel, one.state, one.count)
    });
    shown.collect()
}

#[tokio::test]
async fn a_message_is_late_only_when_its_moment_has_come_or_a_try_failed() {
    let Some(house) = House::furnished().await else { return };
    let standing = async |now: &str| house.store.standing(at(now)).await.expect("read");
    assert_eq!(open(&standing(ROUND).await), Vec::<String>::new());
    house.tick(ROUND, Occasion::Round).await;
    assert_eq!(open(&standing(ROUND).await), ["email gathering 1"]);
    house.store.finish_round("sokndal", at(ROUND).date_naive(), at(ROUND)).await.expect("finished");
    assert_eq!(open(&standing(ROUND).await), ["email pending 1 due"]);
    let claimed = house.claim(ROUND, "me").await;
    assert_eq!(open(&standing(ROUND).await), ["email claimed 1 due"]);
    // It waits for the morning of whoever receives it.
    house.store.postpone(&[claimed[0].attempt], at(MORNING)).await.expect("postponed");
    assert_eq!(open(&standing(NIGHT).await), ["email pending 1"]);
    assert_eq!(standing(NIGHT).await.open[0].next_try.map(|at| at.instant()), Some(at(MORNING)));
    assert_eq!(open(&standing(MORNING).await), ["email pending 1 due"]);
    let claimed = house.claim(MORNING, "me").await;
    let next = Next::RetryAt(at("2026-03-12T09:00:00+01:00"));
    let failed = house.store.fail(claimed[0].attempt, FailureClass::Unknown, "lost", &next, at(MORNING));
    assert!(failed.await.expect("failed"));
    let standing = standing(MORNING).await;
    assert_eq!(open(&standing), ["email pending 1 due"]);
    assert_eq!((standing.open[0].possible_repeats, standing.open[0].tried), (1, 1));
    let of_tenant = &standing.tenants[0];
    assert_eq!((of_tenant.id.as_str(), of_tenant.quarantined), ("sokndal", 0));
    assert_eq!(of_tenant.last_round.map(|day| day.to_string()).as_deref(), Some("2026-03-11"));
}
