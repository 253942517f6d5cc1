//! Reading ladders: who is told when (`rule-language` §§ 5, 9).

use super::reader::{Node, Source, shared};
use crate::calendar::{Span, Unit};
use crate::notice::{Purpose, Role};
use crate::rules::{Code, Step};

/// The steps of a ladder, in order.
pub(super) fn steps(source: &Source<'_>, node: &Node<'_>) -> Option<Vec<Step>> {
    let list = source.list(node)?;
    let mut steps: Vec<Step> = Vec::new();
    for entry in list {
        let Some(step) = step(source, entry) else { continue };
        let twin = steps.iter().any(|other| {
            (other.offset, other.from_start) == (step.offset, step.from_start)
                && other.to.iter().any(|role| step.to.contains(role))
        });
        if twin {
            source.error_with_help(
                Code::TwinSteps,
                entry.span(),
                format!("two steps of this ladder have the same `at` ({}) and role", step.at),
                "one of them would never be seen; remove it",
            );
        }
        steps.push(step);
    }
    Some(steps)
}

fn step(source: &Source<'_>, node: &Node<'_>) -> Option<Step> {
    let mut table = source.table(node, "ladder step")?;
    let at_node = table.require("at");
    let at = at_node.and_then(|node| Some((node, moment(source, node)?)));
    let to = table.require("to").and_then(|node| roles(source, node));
    let purposes = [("reminder", Purpose::Reminder), ("escalation", Purpose::Escalation)];
    let purpose = table.take("as").and_then(|node| source.choice(node, "purpose", &purposes));
    let every = table.take("every").and_then(|node| distance(source, node));
    let times_node = table.take("times");
    let times =
        times_node.and_then(|node| source.integer(node, 1..=10_000)).and_then(|times| u32::try_from(times).ok());
    let urgent = table.take("urgent").and_then(|node| source.boolean(node)).unwrap_or(false);
    let has_every = table.has("every");
    table.finish();
    if let Some(node) = times_node.filter(|_| !has_every) {
        source.error_with_help(
            Code::TimesWithoutEvery,
            node.span(),
            "`times` without `every`",
            "say how far apart: every = \"1w\"",
        );
    }
    let (at_node, (text, offset, from_start)) = at?;
    if offset.unit == Unit::Hour && !urgent {
        source.error_with_help(
            Code::WrongUnit,
            at_node.span(),
            "hours in `at` need `urgent = true`",
            "what is not urgent goes out in the morning round; use days or working days",
        );
    }
    Some(Step {
        at: shared(text),
        offset,
        from_start,
        to: to?,
        purpose: purpose.unwrap_or_default(),
        every,
        times,
        urgent,
    })
}

/// `-3wd`, `0d`, `+1w` from the due date; `start+2d` from the start.
fn moment<'a>(source: &Source<'_>, node: &'a Node<'_>) -> Option<(&'a str, Span, bool)> {
    let text = source.text(node)?;
    let (span_text, from_start) = match text.strip_prefix("start") {
        Some("") => ("0d", true),
        Some(rest) if rest.starts_with(['+', '-']) => (rest, true),
        _ => (text, false),
    };
    match span_text.parse::<Span>() {
        Ok(span) => Some((text, span, from_start)),
        Err(error) => {
            let help =
                "write a span from the due date like \"-3wd\", \"0d\", \"+1w\", or from the start like \"start+2d\"";
            source.error_with_help(
                Code::BadSpan,
                node.span(),
                format!("`{text}` is no moment of a ladder: {error}"),
                help,
            );
            None
        }
    }
}

fn distance(source: &Source<'_>, node: &Node<'_>) -> Option<Span> {
    let span = source.civil_span(node, "`every`")?;
    if span.count <= 0 {
        source.error(Code::WrongSign, node.span(), "`every` is a span of at least one day");
        return None;
    }
    Some(span)
}

/// A role, or a list of them.
pub(super) fn roles(source: &Source<'_>, node: &Node<'_>) -> Option<Vec<Role>> {
    if node.get_ref().is_str() {
        return Some(vec![role(source, node)?]);
    }
    let list = source.list(node)?;
    let mut roles = Vec::new();
    for entry in list {
        let Some(role) = role(source, entry) else { continue };
        if roles.contains(&role) {
            source.error(Code::NameTaken, entry.span(), format!("`{role}` is named twice"));
        } else {
            roles.push(role);
        }
    }
    (!roles.is_empty()).then_some(roles)
}

fn role(source: &Source<'_>, node: &Node<'_>) -> Option<Role> {
    let word = source.text(node)?;
    let role = Role::parse(word);
    if role.is_none() {
        let words = Role::WORDS.iter().map(|(word, _)| *word).chain(["contact:NAME"]);
        source.unknown(Code::UnknownRole, node.span(), "role", word, words);
    }
    role
}
