//! Arbitrary and half-broken input: nothing of it makes the program panic or run for ever, and what comes out keeps what
//! was promised of it.
//!
//! A suite takes about a second. `PROPTEST_CASES=20000 cargo test --test it fuzz` tries about eighty times as much.

mod base;
mod compose;
mod config;
mod edit;
mod facts;
mod rule_tests;
mod rules;
mod smtp;
mod templates;
mod values;
mod worlds;

use proptest::test_runner::Config;

/// So many cases, unless `PROPTEST_CASES` asks for more or fewer: its default is 256.
fn cases(number: u32) -> Config {
    let default = Config::default();
    let cases = (u64::from(number) * u64::from(default.cases) / 256).clamp(1, u64::from(u32::MAX));
    Config { cases: u32::try_from(cases).unwrap_or(u32::MAX), failure_persistence: None, ..default }
}
