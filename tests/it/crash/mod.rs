//! The proof: the real binary under load, ended at random and after every durable step, and started again until
//! everything is delivered. Then the other side's record is held against the store's.
//!
//! ```text
//!  cargo test --test it crash -- --nocapture            prints every crash, and what it came to
//!  CRASH_KILLS=2000 cargo test --test it crash::at_random -- --nocapture
//! ```
//!
//! Three figures have to hold. Lost: people who were never told. Falsely sent: what the store calls sent and the other
//! side never took. Duplicated: what the other side took twice, which may be at most what was in flight at a crash.

#![expect(clippy::print_stdout, reason = "every crash is shown to whoever asks with --nocapture")]

mod account;
mod town;

use std::time::Duration;

use self::account::{Account, Verdict};
use self::town::{End, Ground, Town};

/// Every durable step, and where the process is ended after it.
const POINTS: [&str; 7] =
    ["p1-claimed", "p2-composed", "p3-prepared", "p4-committing", "p6-taken", "p7-journalled", "p8-settled"];

/// How often the process is killed at random: 200 times in CI, fewer at a desk, `CRASH_KILLS` times where it is said.
#[expect(clippy::disallowed_methods, reason = "a test takes its length from whoever runs it")]
fn kills() -> usize {
    let said = std::env::var("CRASH_KILLS").ok().and_then(|text| text.parse().ok());
    said.unwrap_or(if std::env::var("CI").is_ok() { 200 } else { 30 })
}

/// Numbers that look random and are the same at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Ends the process again and again by `how`, in as many towns as it takes, until `crashes` have come together.
async fn ordeal(
    ground: impl Fn() -> Ground,
    people: usize,
    crashes: usize,
    mut how: impl FnMut(usize) -> End,
) -> Verdict {
    let mut total = Verdict::default();
    while total.crashes < crashes {
        let town = Town::on(ground(), people).await;
        let mut account = Account::of(&town);
        while total.crashes + account.crashes() < crashes && !account.is_done().await {
            let end = how(total.crashes + account.crashes());
            let crashed = town.run(&end);
            if crashed > 0 {
                account.note_crash(crashed, &end).await;
            }
        }
        for _ in 0..20 {
            if account.is_done().await {
                break;
            }
            town.run(&End::ByItself);
        }
        total += account.close().await;
    }
    println!("{total}");
    total
}

#[tokio::test(flavor = "multi_thread")]
async fn at_random_nothing_is_lost_and_at_most_what_was_in_flight_is_repeated() {
    let mut dice = Dice(20_261_126);
    let end = |_| End::Killed(Duration::from_millis(20 + dice.below(600)));
    let verdict = ordeal(|| Ground::File, 1_500, kills(), end).await;
    assert!(verdict.crashes >= kills());
    verdict.assert_promise();
}

#[tokio::test(flavor = "multi_thread")]
async fn at_random_with_three_daemons_on_one_server_it_is_the_same() {
    let Some(_) = Ground::server() else { return };
    let mut dice = Dice(20_261_127);
    let end = |_| End::Killed(Duration::from_millis(50 + dice.below(900)));
    let verdict = ordeal(|| Ground::server().unwrap(), 1_500, kills(), end).await;
    assert!(verdict.crashes >= kills());
    verdict.assert_promise();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_every_durable_step_with_three_daemons_on_one_server_it_is_the_same() {
    let Some(_) = Ground::server() else { return };
    let end = |crash: usize| End::AtPoint(POINTS[crash % POINTS.len()], "20%return");
    ordeal(|| Ground::server().unwrap(), 150, POINTS.len() * 3, end).await.assert_promise();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_every_durable_step_nothing_is_lost_and_at_most_what_was_in_flight_is_repeated() {
    let verdict =
        ordeal(|| Ground::File, 150, POINTS.len() * 3, |crash| End::AtPoint(POINTS[crash % POINTS.len()], "20%return"))
            .await;
    verdict.assert_promise();
    assert!(verdict.duplicated > 0, "a crash between the other side's yes and the journal has to repeat something");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_order_is_noticed() {
    // Written down as sent before it is handed over, and ended in between.
    let end = |_| End::AtPoint("order-broken=return;p8-settled", "20%return");
    let verdict = ordeal(|| Ground::File, 60, 4, end).await;
    assert!(verdict.lost > 0 && verdict.falsely_sent > 0, "the harness is blind: {verdict}");
}
