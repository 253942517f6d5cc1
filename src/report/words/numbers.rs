//! Numbers and dates as people of a language write them.

use chrono::{Datelike, NaiveDate};

use crate::language::Language;
use crate::words::{by, plural};

/// "12 345", "12,345".
pub(in super::super) fn count(language: Language, count: u64) -> String {
    let digits = count.to_string();
    let separator = by(language, ['\u{a0}', '\u{a0}', ',']);
    // Four digits are read at one glance.
    if digits.len() <= 4 {
        return digits;
    }
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

/// "4", "4,5": what is halfway between two whole numbers, or whole.
pub(in super::super) fn decimal(language: Language, number: f64) -> String {
    if number.fract() == 0.0 {
        return format!("{number:.0}");
    }
    let text = format!("{number:.1}");
    by(language, [text.replace('.', ","), text.replace('.', ","), text.clone()])
}

/// "77 %", "77%". Never all where some are missing, never nothing where there are some.
pub(in super::super) fn percent(language: Language, share: f64) -> String {
    let rounded = (share * 100.0).round();
    let shown = match share {
        share if share >= 1.0 => 100.0,
        share if share <= 0.0 => 0.0,
        _ => rounded.clamp(1.0, 99.0),
    };
    by(language, [format!("{shown:.0}\u{a0}%"), format!("{shown:.0}\u{a0}%"), format!("{shown:.0}%")])
}

/// "1 dag", "34 dager", "3,5 dager".
pub(in super::super) fn days(language: Language, days: f64) -> String {
    let (one, many) = by(language, [("dag", "dager"), ("dag", "dagar"), ("day", "days")]);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number of days")]
    if days.fract() == 0.0 && days >= 0.0 {
        plural(days as u64, one, many)
    } else {
        format!("{} {many}", decimal(language, days))
    }
}

/// "1 dag", "34 dager".
pub(in super::super) fn whole_days(language: Language, days: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "days since a due date are far below 2^52")]
    self::days(language, days as f64)
}

/// "16.03.2026", "16 Mar 2026".
pub(in super::super) fn short_day(language: Language, date: NaiveDate) -> String {
    match language {
        Language::Nb | Language::Nn => format!("{:02}.{:02}.{}", date.day(), date.month(), date.year()),
        Language::En => date.format("%-d %b %Y").to_string(),
    }
}

/// "+3", "−2", "0": a change in percentage points.
pub(in super::super) fn points(language: Language, points: f64) -> String {
    let size = decimal(language, points.abs().round());
    match points.round() {
        change if change > 0.0 => format!("+{size}"),
        change if change < 0.0 => format!("−{size}"),
        _ => size,
    }
}

/// "+3", "−2", "0".
pub(in super::super) fn change(language: Language, before: u64, now: u64) -> String {
    match now.cmp(&before) {
        std::cmp::Ordering::Less => format!("−{}", count(language, before - now)),
        std::cmp::Ordering::Equal => "0".to_owned(),
        std::cmp::Ordering::Greater => format!("+{}", count(language, now - before)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_their_language() {
        assert_eq!(count(Language::Nb, 1234), "1234");
        assert_eq!(count(Language::Nb, 1_234_567), "1\u{a0}234\u{a0}567");
        assert_eq!(count(Language::En, 12_345), "12,345");
        assert_eq!(decimal(Language::Nn, 3.5), "3,5");
        assert_eq!(decimal(Language::En, 3.0), "3");
        assert_eq!(days(Language::Nn, 1.0), "1 dag");
        assert_eq!(days(Language::Nb, 2.5), "2,5 dager");
    }

    #[test]
    fn all_is_said_of_all_alone_and_nothing_of_nothing() {
        let shown = [0.0, 0.001, 0.5, 0.999, 1.0].map(|share| percent(Language::En, share));
        assert_eq!(shown, ["0%", "1%", "50%", "99%", "100%"]);
    }
}
