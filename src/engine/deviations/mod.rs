//! Deviations: every lapse there ever was (`rule-language` § 10).
//!
//! What was known when decides, so in general each moment has to be gone through: [`replay`]. Most cases are told
//! straight, each event once and in order, and then what is known now says how it came: [`straight`].

mod replay;
mod straight;

use crate::obligation::Deviation;

use super::evaluate::Evaluation;
use super::view::View;

/// Every deviation of a case that was opened up to the view's instant, sorted by rule, start and number.
pub(crate) fn deviations(view: &View<'_>, evaluation: &Evaluation<'_>) -> Vec<Deviation> {
    straight::deviations(view, evaluation)
        .unwrap_or_else(|| replay::deviations(view.municipality, view.case(), view.now))
}
