//! One binary for all integration tests, so that they link once.

#![expect(
    clippy::duplicate_mod,
    reason = "the store's suite is read once for each database; what differs is its `super::Base`"
)]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on should fail right there")]

mod architecture;
mod calendar;
mod command;
mod comparison;
mod config;
mod crash;
mod daemon;
mod delivery;
mod doctor;
mod examples;
mod explain;
mod facts;
mod fixture;
mod fuzz;
mod hostile;
mod language;
mod lint;
mod monitoring;
mod packs;
mod register;
mod report;
mod schedule;
mod servers;
mod source;
mod store;
mod units;
mod web;
