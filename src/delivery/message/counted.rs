//! How a due date came about, in as few words as a mail may use.
//!
//! Deliberately absent: the start of a span that is counted from an attribute of the case. It may be a date of birth.

use chrono::{NaiveDate, Weekday};

use crate::calendar::Span;
use crate::obligation::{Proof, ProofStep};
use crate::rules::From as RuleStart;

/// How a due date came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// What it was counted from.
    pub basis: CountedBasis,
    /// What moved it afterwards, in that order.
    pub marks: Vec<Mark>,
}

/// What a due date was counted from.
#[derive(Clone, Debug, PartialEq)]
pub enum CountedBasis {
    /// A span from (negative: before) a civil date: "14 days from 2 March".
    Span {
        /// The span.
        span: Span,
        /// The date.
        from: NaiveDate,
    },
    /// The date that an event carries, as it is.
    Agreed,
    /// A date of the case. Neither the date nor the span is shown.
    CaseDate,
    /// A day of each year.
    Yearly,
    /// A recurring period.
    Period(PeriodName),
}

/// What moved a due date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Days of a pause were not counted.
    Paused,
    /// Moved to a weekday.
    Weekday(Weekday),
    /// Moved to a working day.
    WorkingDay,
    /// Extended by a person.
    Extended,
}

/// A recurring period by its name (`rule-language` § 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodName {
    /// `2026-W07`
    Week {
        /// The ISO year.
        year: i32,
        /// The ISO week, 1–53.
        week: u32,
    },
    /// `2026-03`: any day of that month.
    Month(NaiveDate),
    /// `2026-Q1`
    Quarter {
        /// The year.
        year: i32,
        /// 1–4.
        quarter: u32,
    },
    /// `2026-H1`
    HalfYear {
        /// The year.
        year: i32,
        /// 1 or 2.
        half: u32,
    },
    /// `2026`
    Year(i32),
    /// `2026-2027`: the year in which it begins.
    SchoolYear(i32),
    /// `2026-01-05`: a free span by its first day.
    From(NaiveDate),
}

impl PeriodName {
    /// The period of a start's name; `None` for any other text.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let Some((year, rest)) = name.split_once('-') else { return Some(Self::Year(name.parse().ok()?)) };
        if let Ok(first) = name.parse::<NaiveDate>() {
            return Some(Self::From(first));
        }
        let year: i32 = year.parse().ok()?;
        let number = |prefix: char, most: u32| {
            rest.strip_prefix(prefix)?.parse::<u32>().ok().filter(|number| (1..=most).contains(number))
        };
        if let Some(week) = number('W', 53) {
            Some(Self::Week { year, week })
        } else if let Some(quarter) = number('Q', 4) {
            Some(Self::Quarter { year, quarter })
        } else if let Some(half) = number('H', 2) {
            Some(Self::HalfYear { year, half })
        } else if rest.len() == 4 {
            (rest.parse() == Ok(year + 1)).then_some(Self::SchoolYear(year))
        } else {
            Some(Self::Month(NaiveDate::from_ymd_opt(year, rest.parse().ok()?, 1)?))
        }
    }
}

impl Counted {
    /// What a message may say of a proof, given what starts the rule's clock and the name of this start.
    #[must_use]
    pub fn from_proof(proof: &Proof, from: &RuleStart, start: &str) -> Self {
        let marks = proof.0.iter().filter_map(Mark::of).fold(Vec::new(), |mut marks, mark| {
            if !marks.contains(&mark) {
                marks.push(mark);
            }
            marks
        });
        Self { basis: basis(proof, from, start), marks }
    }
}

impl Mark {
    fn of(step: &ProofStep) -> Option<Self> {
        match step {
            ProofStep::Paused { .. } => Some(Self::Paused),
            ProofStep::Snapped { weekday, .. } => Some(Self::Weekday(*weekday)),
            ProofStep::Rolled { .. } => Some(Self::WorkingDay),
            ProofStep::Extended { .. } => Some(Self::Extended),
            _ => None,
        }
    }
}

fn basis(proof: &Proof, from: &RuleStart, start: &str) -> CountedBasis {
    let started = proof.0.iter().find_map(|step| match step {
        ProofStep::Start { on, .. } => Some(*on),
        _ => None,
    });
    let span = proof.0.iter().find_map(|step| match step {
        ProofStep::Span { span, .. } => Some(*span),
        _ => None,
    });
    match (from, started, span) {
        (RuleStart::Case(_), ..) => CountedBasis::CaseDate,
        (RuleStart::Yearly(_), ..) => CountedBasis::Yearly,
        (RuleStart::Every(_), ..) => PeriodName::parse(start).map_or(CountedBasis::CaseDate, CountedBasis::Period),
        (RuleStart::Date { .. }, _, Some(span)) if span.count == 0 => CountedBasis::Agreed,
        (_, Some(from), Some(span)) => CountedBasis::Span { span, from },
        // A proof without a start or a span says nothing that could be shown.
        _ => CountedBasis::CaseDate,
    }
}
