//! The register of deviations (avvik): how one stands, by what the facts say and by what a person decided.
//!
//! ```text
//!  opened ─┬─► met_late ──┐                 facts: what every plan derives anew (`rule-language` § 10)
//!          ├─► explained ─┼─► reopened      explained, withdrawn, reopened: by a person, with author and reason
//!          └─► withdrawn ─┘
//! ```
//!
//! What a person decided stays, whatever is planned again, until a person takes it back; only that there was no lapse at
//! all goes before it, for as long as the facts say so. So both are kept side by side, and how the deviation stands is
//! [`Standing::closed`] of the two: it can be asked at any time, in any order of events.

mod causes;
mod decision;
mod numbers;
mod text;

use sha2::{Digest, Sha256};

use crate::calendar::Instant;
use crate::obligation::Closing;

pub use causes::{Cause, Causes};
pub use decision::{Decision, Explanation, Unusable, Written};
pub use text::{LONGEST, Unfit, author, free_text};

/// The letters and digits of ids: those that are taken for others are left out.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What is known of a deviation: by the facts, and by a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// When and how it closed by the facts: met late, or withdrawn because there was no lapse.
    pub facts: Option<(Instant, Closing)>,
    /// The decision that stands: explained or withdrawn, and when.
    pub decision: Option<(Instant, Closing)>,
}

/// What happens to a deviation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    /// It is known for the first time.
    Opened,
    /// It closed, or closed in another way.
    Closed(Closing),
    /// It is open again, or a person took a decision back.
    Reopened,
}

/// Something that a person asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// To give cause and action.
    Explain,
    /// To say that there was no lapse, though the facts say so.
    Withdraw,
    /// To take back what a person decided.
    Reopen,
}

/// Why an act is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// The facts say that there was no lapse.
    #[error("it is withdrawn: by the facts there was no lapse")]
    NoLapse,
    /// A person withdrew it.
    #[error("a person withdrew it; reopen it first")]
    Withdrawn,
    /// No person has decided anything.
    #[error("nobody has explained or withdrawn it, so there is nothing to take back")]
    Undecided,
}

impl Standing {
    /// When and how it closed; `None`: it is open. That there was no lapse goes before everything, then what a person
    /// decided. Explaining what was met late before does not make it close later.
    #[must_use]
    pub fn closed(self) -> Option<(Instant, Closing)> {
        match (self.facts, self.decision) {
            (_, Some(withdrawn @ (_, Closing::Withdrawn))) => Some(withdrawn),
            (Some(withdrawn @ (_, Closing::Withdrawn)), _) => Some(withdrawn),
            (Some((met, _)), Some((explained, how))) => Some((met.min(explained), how)),
            (facts, decision) => decision.or(facts),
        }
    }

    /// How it stands once a person has done this.
    ///
    /// # Errors
    /// Why that is not possible.
    pub fn after(self, act: Act, now: Instant) -> Result<Self, Impossible> {
        let decision = match (act, self.decision, self.facts) {
            (Act::Reopen, None, _) => return Err(Impossible::Undecided),
            (Act::Reopen, Some(_), _) => None,
            (_, Some((_, Closing::Withdrawn)), _) => return Err(Impossible::Withdrawn),
            (_, _, Some((_, Closing::Withdrawn))) => return Err(Impossible::NoLapse),
            (Act::Explain, ..) => Some((now, Closing::Explained)),
            (Act::Withdraw, ..) => Some((now, Closing::Withdrawn)),
        };
        Ok(Self { decision, ..self })
    }

    /// What happened, where the facts changed from this to `later`; `None`: nothing that the register tells of.
    #[must_use]
    pub fn changed_by_facts(self, later: Self) -> Option<Happening> {
        let how = |standing: Self| standing.facts.map(|(_, how)| how);
        match (how(self), how(later)) {
            (before, after) if before == after => None,
            (_, Some(how)) => Some(Happening::Closed(how)),
            (_, None) => Some(Happening::Reopened),
        }
    }
}

impl Happening {
    /// The word in the store and in outputs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed(how) => how.word(),
            Self::Reopened => "reopened",
        }
    }
}

impl Act {
    /// What the audit trail calls it.
    #[must_use]
    pub fn audited(self) -> &'static str {
        match self {
            Self::Explain => "deviation.explain",
            Self::Withdraw => "deviation.withdraw",
            Self::Reopen => "deviation.reopen",
        }
    }

    /// What it makes happen.
    #[must_use]
    pub fn happening(self) -> Happening {
        match self {
            Self::Explain => Happening::Closed(Closing::Explained),
            Self::Withdraw => Happening::Closed(Closing::Withdrawn),
            Self::Reopen => Happening::Reopened,
        }
    }
}

/// An id as somebody typed it, read as it was meant: in small letters, and without those that look like digits.
#[must_use]
pub fn typed_id(text: &str) -> String {
    let meant = |char: char| match char.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        other => other,
    };
    text.trim().chars().map(meant).collect()
}

/// What names a deviation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviationName<'a> {
    /// The municipality's id.
    pub tenant: &'a str,
    /// The case's id.
    pub case: &'a str,
    /// The rule's full name.
    pub rule: &'a str,
    /// The obligation's start.
    pub start: &'a str,
    /// Which lapse of the obligation, from 0.
    pub number: i64,
}

impl DeviationName<'_> {
    /// A short lasting id: twelve digits and small letters, without those that are taken for others. The same name gives the
    /// same id in every database; of a million deviations two share one with a chance of one in two million.
    #[must_use]
    pub fn id(&self) -> String {
        let mut digest = Sha256::new();
        for part in [self.tenant, self.case, self.rule, self.start] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.update(self.number.to_le_bytes());
        let bytes = digest.finalize();
        let bits = bytes.iter().take(8).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        (0..12).map(|place| char::from(ALPHABET[(bits >> (59 - 5 * place) & 31) as usize])).collect()
    }
}
