//! What a person decides about a deviation, checked: once it is a [`Decision`], it may be written down.

use chrono::NaiveDate;

use super::causes::Causes;
use super::text::{author, free_text};
use super::{Act, Unfit};
use crate::case::nearest;

/// A decision, with its author and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    by: String,
    words: Words,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Words {
    Explain(Explanation),
    Withdraw(String),
    Reopen(String),
}

/// Why a deviation happened and what is done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// A code of [`Causes`].
    pub cause_code: String,
    /// Why it happened.
    pub cause: String,
    /// What was or will be done.
    pub action: Option<String>,
    /// The day by which that will be done.
    pub action_due: Option<NaiveDate>,
}

/// An explanation as somebody wrote it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written<'a> {
    /// The code of the cause.
    pub cause: &'a str,
    /// Why it happened.
    pub reason: &'a str,
    /// What was or will be done.
    pub action: Option<&'a str>,
    /// The day by which that will be done.
    pub action_due: Option<NaiveDate>,
}

/// A part of a decision that cannot be taken. No text of it is quoted but a code that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Unusable {
    /// Which part: `by`, `reason`, `cause`, `action` or `action_due`.
    pub part: &'static str,
    /// What is wrong with it, and what to do.
    pub problem: String,
}

impl Decision {
    /// Cause and action.
    ///
    /// # Errors
    /// The first part that cannot be taken.
    pub fn explain(causes: &Causes, by: &str, written: Written<'_>) -> Result<Self, Unusable> {
        let Some(cause) = causes.get(written.cause) else { return Err(unknown_cause(causes, written.cause)) };
        if written.action.is_none() && written.action_due.is_some() {
            let problem = "there is a day and no action; say what will be done by then".to_owned();
            return Err(Unusable { part: "action_due", problem });
        }
        let explanation = Explanation {
            cause_code: cause.code.to_string(),
            cause: part("reason", free_text(written.reason))?,
            action: written.action.map(|action| part("action", free_text(action))).transpose()?,
            action_due: written.action_due,
        };
        Ok(Self { by: part("by", author(by))?, words: Words::Explain(explanation) })
    }

    /// There was no lapse, though the facts say so.
    ///
    /// # Errors
    /// The first part that cannot be taken.
    pub fn withdraw(by: &str, reason: &str) -> Result<Self, Unusable> {
        let words = Words::Withdraw(part("reason", free_text(reason))?);
        Ok(Self { by: part("by", author(by))?, words })
    }

    /// An earlier decision is taken back.
    ///
    /// # Errors
    /// The first part that cannot be taken.
    pub fn reopen(by: &str, reason: &str) -> Result<Self, Unusable> {
        let words = Words::Reopen(part("reason", free_text(reason))?);
        Ok(Self { by: part("by", author(by))?, words })
    }

    /// Who decides.
    #[must_use]
    pub fn by(&self) -> &str {
        &self.by
    }

    /// What it does.
    #[must_use]
    pub fn act(&self) -> Act {
        match self.words {
            Words::Explain(_) => Act::Explain,
            Words::Withdraw(_) => Act::Withdraw,
            Words::Reopen(_) => Act::Reopen,
        }
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &str {
        match &self.words {
            Words::Explain(explanation) => &explanation.cause,
            Words::Withdraw(reason) | Words::Reopen(reason) => reason,
        }
    }

    /// The explanation, where it is one.
    #[must_use]
    pub fn explanation(&self) -> Option<&Explanation> {
        match &self.words {
            Words::Explain(explanation) => Some(explanation),
            Words::Withdraw(_) | Words::Reopen(_) => None,
        }
    }
}

fn part<T>(part: &'static str, checked: Result<T, Unfit>) -> Result<T, Unusable> {
    checked.map_err(|unfit| Unusable { part, problem: unfit.to_string() })
}

fn unknown_cause(causes: &Causes, code: &str) -> Unusable {
    let known: Vec<&str> = causes.iter().map(|cause| &*cause.code).collect();
    let near = nearest(code, known.iter().copied());
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let code = crate::case::shown(code);
    Unusable { part: "cause", problem: format!("{code} is no cause; there are {}{near}", known.join(", ")) }
}
