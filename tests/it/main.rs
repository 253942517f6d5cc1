//! One binary for all integration tests, so that they link once.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on should fail right there")]

mod architecture;
mod calendar;
mod daemon;
mod delivery;
mod examples;
mod facts;
mod fixture;
mod language;
mod packs;
mod store;
