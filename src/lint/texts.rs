//! What messages say, and what registers cite.

use std::collections::HashMap;

use super::Desk;
use crate::language::Language;
use crate::rules::{Basis, Code, Rule};

/// Beginnings of words that tell what a case is about. A mail that says no more than "case 7F3K, due Friday" can still
/// disclose a client relationship; with one of these it surely does.
const TELLING: [&str; 30] = [
    "9a",
    "abuse",
    "adhd",
    "autis",
    "barnevern",
    "behandling",
    "bullying",
    "diagnos",
    "handicap",
    "helse",
    "krenk",
    "kriminal",
    "level",
    "mishand",
    "mobb",
    "neglect",
    "nivå",
    "omsorgssvikt",
    "overgrep",
    "psyk",
    "rusmid",
    "selvmord",
    "selvskad",
    "skolemiljø",
    "skulemiljø",
    "sjølvmord",
    "suicid",
    "vald",
    "vold",
    "violence",
];

/// The same, where it takes several words.
const TELLING_PHRASES: [&str; 5] = ["9 a", "child welfare", "child protection", "school environment", "mental health"];

pub(super) fn check(desk: &mut Desk<'_>, rule: &Rule) {
    telling(desk, rule);
    if rule.cite.is_none() && rule.basis != Basis::Local {
        let source = if rule.basis == Basis::Law { "the law" } else { "the routine" };
        let message = format!("`{}` takes its number from {source} and does not say from where in it", rule.id);
        let help = "add `cite = \"…\"`; if the number is your own, say `basis = \"local\"`";
        let place = desk.place(rule, &[]);
        desk.find(Code::NoCitation, place, message, help);
    }
}

fn telling(desk: &mut Desk<'_>, rule: &Rule) {
    let help = "messages go to mailboxes: write what to do, and nothing about the child";
    if desk.has(rule, "notice") {
        for language in Language::ALL {
            if let Some(word) = tells(rule.notice.text(language)) {
                let message = format!("`{word}` in the notice of `{}` says too much", rule.id);
                let place = desk.place(rule, &["notice", language.code()]);
                desk.find(Code::TellingNotice, place, message, help);
            }
        }
    }
    if let Some(word) = tells(&rule.code) {
        let message = format!("`{word}` in the code of `{}` says too much: messages show it", rule.id);
        let place = desk.place(rule, &["code"]);
        desk.find(Code::TellingNotice, place, message, help);
    }
}

/// The word of a text that tells what a case is about.
fn tells(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let mut words = text.split(|char: char| !char.is_alphanumeric());
    let word = words.find_map(|word| TELLING.into_iter().find(|telling| word.starts_with(telling)));
    let spaced: Vec<&str> = text.split(|char: char| !char.is_alphanumeric()).collect();
    let spaced = format!(" {} ", spaced.join(" "));
    word.or_else(|| TELLING_PHRASES.into_iter().find(|phrase| spaced.contains(&format!(" {phrase}"))))
}

/// Rules that messages call by the same code: in one pack always, between packs where both codes are written.
pub(super) fn check_codes(desk: &mut Desk<'_>) {
    let mut first: HashMap<&str, Vec<&Rule>> = HashMap::new();
    for rule in &desk.rules.rules {
        let namesakes = first.entry(&rule.code).or_default();
        let is_written = desk.has(rule, "code");
        let other = namesakes.iter().find(|other| other.pack == rule.pack || is_written && desk.has(other, "code"));
        if let Some(other) = other {
            let message =
                format!("messages call `{}` and `{}` by the same code, `{}`", other.name, rule.name, rule.code);
            let place = desk.place(rule, &["code"]);
            desk.find(Code::SameCode, place, message, "give each rule a `code` of its own");
        }
        namesakes.push(rule);
    }
}
