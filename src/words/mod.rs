//! What dates, lengths of time and roles are called in the three languages. Messages and explanations share it, so that
//! they say the same.

mod date;
mod role;
mod span;

use crate::language::Language;

pub use date::{clock_time, long_date, month, plain_date, short_date, weekday};
pub use role::{holder, role_name};
pub use span::{length, step_place};

/// The one of three texts that is in `language`: bokmål, nynorsk, English.
pub fn by<T>(language: Language, [nb, nn, en]: [T; 3]) -> T {
    match language {
        Language::Nb => nb,
        Language::Nn => nn,
        Language::En => en,
    }
}

/// "1 dag", "2 dager".
#[must_use]
pub fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A text with a capital first letter.
#[must_use]
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
