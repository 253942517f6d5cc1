//! Texts that people and other systems wrote, made fit to be shown: they stay text, whatever they hold.

use std::borrow::Cow;

/// Stands for a character that would change how what is around it is read.
const REPLACED: char = '\u{fffd}';

/// The longest text of a cell, in UTF-16 units; spreadsheets take a little more.
pub(super) const LONGEST: usize = 32_000;

/// A text as it is shown: on one line, without control characters, and without marks that turn the direction of what
/// stands around it; where there are such, a replacement character shows it.
pub(super) fn shown(text: &str) -> String {
    text.trim()
        .chars()
        .map(|char| {
            if char.is_whitespace() {
                ' '
            } else if is_unseen(char) {
                REPLACED
            } else {
                char
            }
        })
        .collect()
}

fn is_unseen(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || matches!(char, '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

/// A text as a cell of a spreadsheet takes it: no longer than that allows.
pub(super) fn limited(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return Cow::Borrowed(text);
    }
    let mut units = 0;
    let end = text.char_indices().find(|(_, char)| {
        units += char.len_utf16();
        units > LONGEST
    });
    match end {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// A text that a spreadsheet reads as text when it opens a CSV file: what begins like a formula has an apostrophe
/// before it.
pub(super) fn unarmed(text: &str) -> Cow<'_, str> {
    let is_formula =
        |char: char| matches!(char, '=' | '+' | '-' | '@' | '|' | '%' | '＝' | '＋' | '－' | '＠' | '\t' | '\r');
    if text.starts_with(is_formula) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// What a name is sorted by: without case, numbers by their size, and æ, ø and å at the end of the alphabet.
pub(super) fn sorted(name: &str) -> String {
    let place = |char: char| match char {
        'æ' | 'ä' => '\u{10fff0}',
        'ø' | 'ö' => '\u{10fff1}',
        'å' => '\u{10fff2}',
        other => other,
    };
    let name = name.to_lowercase();
    let mut key = String::new();
    let mut rest = name.as_str();
    while let Some(first) = rest.chars().next() {
        let is_number = first.is_ascii_digit();
        let end = rest.find(|char: char| char.is_ascii_digit() != is_number).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        if is_number {
            key.push_str(&format!("{part:0>20}"));
        } else {
            key.extend(part.chars().map(place));
        }
        rest = after;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_change_what_is_around_it_is_shown_instead() {
        assert_eq!(shown(" a\u{202e}b\tc\r\nd\u{0}e\u{200f} "), "a\u{fffd}b c  d\u{fffd}e\u{fffd}");
        assert_eq!(shown("Løvåsen skole – שלום"), "Løvåsen skole – שלום");
    }

    #[test]
    fn what_begins_like_a_formula_is_a_text() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"] {
            assert_eq!(unarmed(text), format!("'{text}"));
        }
        assert_eq!(unarmed("a=1"), "a=1");
    }

    #[test]
    fn a_cell_takes_so_much() {
        assert_eq!(limited("kort"), "kort");
        let long = limited(&"😀".repeat(20_000)).into_owned();
        assert_eq!(long.encode_utf16().count(), LONGEST + 1);
        assert!(limited(&"x".repeat(LONGEST)).len() == LONGEST);
    }

    #[test]
    fn norwegian_names_end_with_their_own_letters() {
        let mut names = ["Åsen", "Skole 10", "Ørnes", "Zoo", "Skole 9b", "Ærfugl", "bakken"];
        names.sort_by_cached_key(|name| sorted(name));
        assert_eq!(names, ["bakken", "Skole 9b", "Skole 10", "Zoo", "Ærfugl", "Ørnes", "Åsen"]);
    }
}
