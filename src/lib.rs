//! fristvakt ("deadline guard"): reminds, escalates, and keeps the deviation register for municipalities that work by
//! BTI.
//!
//! **A tick is a pure function followed by an idempotent write.** Everything about one case follows from rules,
//! calendars, organisation, facts, what was sent, and now.
//!
//! ```text
//!  facts in ──► store: case files ──► engine::plan (pure) ──► store::apply ──► outbox ──► delivery ──► people
//!                       ▲ rules, calendars        │
//!                                                 └──► register
//! ```
//!
//! The modules stand in reading order: each uses only what stands above it (held by `tests/it/architecture.rs`).

pub mod calendar;
pub mod language;

pub mod fact;
pub mod history;
pub mod vocabulary;

pub mod case;
pub mod organisation;

pub mod obligation;

pub mod register;

pub mod silence;

pub mod notice;

pub mod oversight;

pub mod schedule;

pub mod words;

pub mod rules;

pub mod engine;

pub mod simulate;

pub mod reconciliation;

pub mod comparison;

pub mod explanation;

pub mod rule_tests;

pub mod clock;

pub mod facts;
pub mod folder;

pub mod lint;

pub mod journal;

pub mod store;

pub mod report;

pub mod delivery;

pub mod catcher;

pub mod source;

pub mod config;

pub mod daemon;

pub mod web;

pub mod demo;

pub mod cli;
