//! Free text in the register: short, and without what plainly names a person.
//!
//! Cause and action stand in the register, in its reports and in the audit trail, where many may read them for years. No
//! program can tell whether a text speaks of a child; this one refuses what certainly is a birth number, an address or a
//! telephone number, also with spaces, dots or dashes in it. The rest is for whoever writes: help texts say so.

use super::numbers::numbers;

/// How long a text may be, in characters.
pub const LONGEST: usize = 500;

/// How long the name of whoever decides may be, in characters.
const LONGEST_NAME: usize = 100;

/// Why a text cannot be taken. It never quotes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// There is none.
    #[error("says nothing; write a few words")]
    Empty,
    /// It is too long.
    #[error("is longer than {0} characters; write less")]
    TooLong(usize),
    /// It holds what cannot be seen, or looks like something else.
    #[error("holds a character that cannot be seen or a digit other than 0 to 9; type it anew")]
    Unreadable,
    /// It holds a national identity number.
    #[error("holds a national identity number; leave out who it is about, the case's reference is enough")]
    BirthNumber,
    /// It holds an e-mail address.
    #[error("holds an e-mail address; leave out who it is about")]
    MailAddress,
    /// It holds a telephone number.
    #[error("holds a telephone number; leave out who it is about")]
    PhoneNumber,
}

/// A text for the register, with its white space made plain.
///
/// # Errors
/// Why it cannot be taken.
pub fn free_text(text: &str) -> Result<String, Unfit> {
    let text = plain(text, LONGEST)?;
    if text.chars().any(|char| char.is_numeric() && !char.is_ascii_digit() && !"½¼¾²³".contains(char)) {
        return Err(Unfit::Unreadable);
    }
    if has_mail_address(&text) {
        return Err(Unfit::MailAddress);
    }
    let numbers = numbers(&text);
    if numbers.iter().any(|number| number.holds_birth_number()) {
        return Err(Unfit::BirthNumber);
    }
    if numbers.iter().any(|number| number.holds_phone_number()) {
        return Err(Unfit::PhoneNumber);
    }
    Ok(text)
}

/// The name or id of whoever decides.
///
/// # Errors
/// Why it cannot be taken.
pub fn author(text: &str) -> Result<String, Unfit> {
    let text = plain(text, LONGEST_NAME)?;
    // A national identity number is nobody's user name.
    if numbers(&text).iter().any(|number| number.holds_birth_number()) { Err(Unfit::BirthNumber) } else { Ok(text) }
}

/// On one line, with single spaces, and of what can be seen.
fn plain(text: &str, longest: usize) -> Result<String, Unfit> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        return Err(Unfit::Empty);
    }
    if text.chars().any(|char| char.is_control() || is_invisible(char)) {
        return Err(Unfit::Unreadable);
    }
    if text.chars().count() > longest { Err(Unfit::TooLong(longest)) } else { Ok(text) }
}

/// What takes no room or turns the direction of reading: it could hide a number from us and show it to a reader.
fn is_invisible(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}')
}

/// Something, `@`, something with a dot in it: also with the wide forms of both signs.
fn has_mail_address(text: &str) -> bool {
    let text: String = text.chars().map(folded).collect();
    let is_part = |char: char| char.is_alphanumeric() || "._%+-".contains(char);
    text.match_indices('@').any(|(at, _)| {
        let before = text[..at].trim_end().chars().next_back().is_some_and(is_part);
        let after: String = text[at + 1..].trim_start().chars().take_while(|char| is_part(*char)).collect();
        before && after.trim_matches('.').contains('.')
    })
}

fn folded(char: char) -> char {
    match char {
        '＠' | '﹫' => '@',
        '．' | '。' | '﹒' => '.',
        other => other,
    }
}
