//! What became of ladder steps, with whom it reached and when: a ledger that people can read.

use crate::calendar::Instant;
use crate::notice::{Handled, Outcome, Recipient};
use crate::simulate::CaseRun;

/// What became of one step, repetition and role for one due date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The ledger's entry.
    pub handled: Handled,
    /// Whom it reached; none for what went to nobody.
    pub recipient: Option<Recipient>,
    /// How it left; none where that is not known.
    pub channel: Option<String>,
    /// When it was handled.
    pub at: Instant,
    /// What became of it on its way.
    pub fate: Fate,
}

/// What became of an entry on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was sent.
    Sent,
    /// It is in the outbox.
    Underway,
    /// It is in the outbox: its recipient heard as much as somebody hears a day, and it waits for the next round.
    Capped,
    /// The municipality runs in shadow mode: written down and not sent.
    Shadow,
    /// Taken out of its message before that was sent, with why.
    Withdrawn(String),
    /// A later step to the same recipient went out instead.
    Overtaken,
    /// Another role of the same step reached the same recipient.
    Merged,
}

impl Fate {
    /// The word in outputs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Underway => "underway",
            Self::Capped => "cap",
            Self::Shadow => "shadow",
            Self::Withdrawn(_) => "withdrawn",
            Self::Overtaken => "overtaken",
            Self::Merged => "merged",
        }
    }
}

/// What a run over facts would have told, and the ledger that the engine needs for what comes next.
#[must_use]
pub fn from_run(run: &CaseRun) -> (Vec<Told>, Vec<Handled>) {
    let ledger = run.handled.iter().map(|(_, handled)| handled.clone()).collect();
    let told = run.handled.iter().map(|(at, handled)| {
        let is_of = |(sent_at, notice): &&(Instant, crate::notice::Notice)| {
            (sent_at, &notice.start, &notice.step, notice.repetition, notice.due_on, &notice.role)
                == (at, &handled.start, &handled.step, handled.repetition, handled.due_on, &handled.role)
                && notice.purpose == handled.purpose
        };
        let (recipient, fate) = match handled.outcome {
            Outcome::Sent => (run.notices.iter().find(is_of).map(|(_, notice)| notice.recipient.clone()), Fate::Sent),
            Outcome::Overtaken => (None, Fate::Overtaken),
            Outcome::Merged => (None, Fate::Merged),
        };
        Told { handled: handled.clone(), recipient, channel: None, at: *at, fate }
    });
    (told.collect(), ledger)
}
