//! The outbox: messages on their way out, at least once, or a person is told.
//!
//! | step | function | durable after it |
//! |---|---|---|
//! | P1 | [`Store::claim`](super::Store::claim) | the claim: `pending → claimed`, an attempt with a lease |
//! | P2 | [`Store::withdraw_notices`](super::Store::withdraw_notices) | what no longer applies is out of it |
//! | P4 | [`Store::settle`](super::Store::settle) | "maybe sent": `committing` |
//! | P8 | [`Store::settle`](super::Store::settle) or [`Store::fail`](super::Store::fail) | `sent`, or another try |
//!
//! Every write is fenced by the attempt's id: it changes exactly the row that is still in that attempt's hands, or
//! nothing, and says which. Many attempts share one transaction where the caller has many, for each transaction costs
//! a write to the disk.

mod cap;
mod claim;
mod hold;
mod pass_on;
mod recall;
mod settle;
mod takeback;

use chrono::NaiveDate;
use sqlx::FromRow;
use uuid::Uuid;

use super::{At, Day};
use crate::calendar::Instant;
use crate::notice::Recipient;

pub use cap::CAPPED;
pub use hold::{ChannelState, Held};
pub use pass_on::{Refusal, Undelivered};
pub use recall::Recalled;
pub use settle::Accepted;
pub use takeback::TakenBack;

/// Why a message goes to somebody whom no role of its notices names.
const PASSED_ON: &str = "rerouted";

/// Why a message that was sent is sent again.
const REPLAYED: &str = "replayed";

/// A message in our hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The attempt: what fences every later write.
    pub attempt: Uuid,
    /// The message's lasting id, the same in every attempt.
    pub message: Uuid,
    /// The municipality's id.
    pub tenant: String,
    /// Who receives it.
    pub recipient: Recipient,
    /// How it leaves.
    pub channel: String,
    /// The round or moment that it was made for.
    pub slot: Instant,
    /// Whether it was made outside a round.
    pub urgent: bool,
    /// Whether any notice in it is an escalation.
    pub escalation: bool,
    /// Whether it may have been sent before, because a process ended between handing it over and hearing back.
    pub possible_repeat: bool,
    /// How many attempts failed before.
    pub tries: u32,
    /// Whether it was passed on, because an address refused it.
    pub rerouted: bool,
    /// Whether it was sent before, and a person has it sent again.
    pub is_replay: bool,
    /// For a message to the municipality itself: the name it was told under, see [`super::Store::tell_once`].
    pub subject: Option<String>,
    /// What it tells, still unsent, in a fixed order.
    pub notices: Vec<ClaimedNotice>,
    /// Earlier steps that its notices stand for: overtaken or merged, and handled when it is sent.
    pub stood_for: Vec<ClaimedNotice>,
}

/// A notice in a claimed message.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ClaimedNotice {
    #[sqlx(rename = "case_id")]
    /// The case's id; messages show only `reference`.
    pub case: String,
    /// What messages call the case.
    #[sqlx(rename = "ref")]
    pub reference: String,
    /// The rule's full name.
    pub rule: String,
    /// The obligation's start.
    pub start: String,
    /// The step's `at`, as written.
    pub step: String,
    /// The repetition.
    pub repetition: i64,
    /// The due date that it speaks of.
    pub due_on: Day,
    /// The role that the step names.
    pub role: String,
    /// The step's place in the ladder.
    pub position: i64,
    /// `reminder` or `escalation`.
    pub purpose: String,
    /// `sent`, `overtaken` or `merged`.
    pub outcome: String,
    /// The civil day on which it was handled.
    pub handled_on: Day,
}

/// What names a notice within its message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NoticeName {
    /// The case's id.
    pub case: String,
    /// The rule's full name.
    pub rule: String,
    /// The obligation's start.
    pub start: String,
    /// The step's `at`, as written.
    pub step: String,
    /// The repetition.
    pub repetition: i64,
    /// The due date.
    pub due_on: NaiveDate,
    /// The role that the step names.
    pub role: String,
}

impl ClaimedNotice {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> NoticeName {
        NoticeName {
            case: self.case.clone(),
            rule: self.rule.clone(),
            start: self.start.clone(),
            step: self.step.clone(),
            repetition: self.repetition,
            due_on: self.due_on.0,
            role: self.role.clone(),
        }
    }
}

/// A message that is composed and about to be handed over.
#[derive(Clone, Debug)]
pub struct Ready {
    /// The attempt.
    pub attempt: Uuid,
    /// The municipality's id.
    pub tenant: String,
    /// How many notices the composed text carries.
    pub carried: usize,
    /// Case ids with the version of the document that they were re-read in, where they were.
    pub seen: Vec<(String, i64)>,
    /// The municipality's generation with which they were re-read, where that matters.
    pub generation: Option<i64>,
}

/// Whether a composed message may be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitVerdict {
    /// It may; from here on it counts as maybe sent.
    Go,
    /// A notice was withdrawn or a case changed since it was composed: read again and compose anew.
    Changed,
    /// Its municipality is being changed just now: ask again a little later.
    Later,
    /// The lease ran out or somebody else has it: let go of it.
    NotOurs,
}

/// What kind of failure an attempt ended with, which says what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// Known not sent, and it may pass: try again later.
    Temporary,
    /// Known not sent, and this address will never take it: try the next in the chain, report the address.
    Address,
    /// Known not sent, and nothing will pass until a person acts: hold the channel, alarm, probe.
    Channel,
    /// It may have been sent: try again later, marked as a possible repeat.
    Unknown,
}

impl FailureClass {
    /// The word in outputs and in the store.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Temporary => "temporary",
            Self::Address => "address",
            Self::Channel => "channel",
            Self::Unknown => "unknown",
        }
    }
}

/// What becomes of a message after a failed attempt. That it is dead is a person's decision, so it is not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is tried again from then on.
    RetryAt(Instant),
    /// It goes to somebody else in the chain, from then on.
    Reroute(Recipient, Instant),
    /// It waits until a person lets it go.
    Hold(&'static str),
}

#[derive(FromRow)]
struct MessageRow {
    id: String,
    tenant: String,
    recipient: String,
    channel: String,
    slot: At,
    urgent: i64,
    escalation: i64,
    subject: Option<String>,
    possible_repeat: i64,
    tries: i64,
    reason: Option<String>,
}
