//! Reading one `[[rule]]` (`rule-language` § 6).

use std::sync::Arc;

use super::calendars::fixed_day;
use super::conditions::Scope;
use super::ladders::{roles, steps};
use super::pack::PackDraft;
use super::patterns::{date_attribute, kind, met_by, patterns, with_filter};
use super::reader::{Node, Source, Table, shared};
use super::start::{DraftFrom, Reference};
use crate::calendar::{Span, Unit, YearlyDay};
use crate::language::Localized;
use crate::notice::Role;
use crate::rules::{
    Basis, CalendarIndex, Code, EventPattern, Force, From, Pauses, Period, Place, Roll, Rule, RuleKind, Snap, Step,
    Within,
};
use crate::vocabulary::{Owner, ValueType, Vocabulary};

/// What every rule is read against.
pub(super) struct Surroundings<'a> {
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) calendars: &'a [crate::calendar::Calendar],
    pub(super) pack: &'a PackDraft,
    pub(super) pack_number: usize,
    /// The rule's number in its pack, from 1.
    pub(super) number: usize,
    pub(super) place: Place,
    pub(super) id: Arc<str>,
}

/// `from`, read before everything else: other rules' `due_of` and `start.…` depend on it.
pub(super) fn from(source: &Source<'_>, vocabulary: &Vocabulary, node: &Node<'_>) -> Option<DraftFrom> {
    if node.get_ref().as_table().is_none() {
        return Some(DraftFrom::Ready(From::Each(patterns(source, vocabulary, node)?)));
    }
    let mut table = source.table(node, "`from` table")?;
    let form =
        ["first_of", "last_of", "event", "case", "due_of", "yearly", "every"].into_iter().find(|key| table.has(key));
    let from = match form {
        Some("first_of") => {
            kinds_of(source, vocabulary, table.take("first_of")).map(From::FirstOf).map(DraftFrom::Ready)
        }
        Some("last_of") => kinds_of(source, vocabulary, table.take("last_of")).map(From::LastOf).map(DraftFrom::Ready),
        Some("event") => from_event(source, vocabulary, &mut table),
        Some("case") => from_case(source, vocabulary, &mut table),
        Some("due_of") => table.take("due_of").and_then(|node| {
            Some(DraftFrom::DueOf(Reference { name: shared(source.word(node)?), range: node.span() }))
        }),
        Some("yearly") => {
            table.take("yearly").and_then(|node| yearly(source, node)).map(From::Yearly).map(DraftFrom::Ready)
        }
        Some(_) => every(source, &mut table).map(From::Every).map(DraftFrom::Ready),
        None => {
            source.error(
                Code::FromForm,
                node.span(),
                "`from` names `event`, `first_of`, `last_of`, `case`, `due_of`, `yearly` or `every`",
            );
            return None;
        }
    };
    table.finish();
    from
}

fn kinds_of(source: &Source<'_>, vocabulary: &Vocabulary, node: Option<&Node<'_>>) -> Option<Vec<EventPattern>> {
    node.and_then(|node| patterns(source, vocabulary, node))
}

fn from_event(source: &Source<'_>, vocabulary: &Vocabulary, table: &mut Table<'_, '_>) -> Option<DraftFrom> {
    let kind = table.take("event").and_then(|node| kind(source, vocabulary, node));
    let date_node = table.take("date");
    let filter_node = table.take("where");
    let kind = kind?;
    let event = with_filter(source, vocabulary, kind, filter_node)?;
    let from = match date_node {
        None => From::Each(vec![event]),
        Some(node) => From::Date { event, date: date_attribute(source, vocabulary, kind, node)? },
    };
    Some(DraftFrom::Ready(from))
}

fn from_case(source: &Source<'_>, vocabulary: &Vocabulary, table: &mut Table<'_, '_>) -> Option<DraftFrom> {
    let node = table.take("case")?;
    let name = source.text(node)?;
    match vocabulary.owned_attribute(Owner::Case, name) {
        Some((id, ValueType::Date)) => Some(DraftFrom::Ready(From::Case(id))),
        Some((_, other)) => {
            source.error(Code::WrongType, node.span(), format!("`{name}` is a {other}; a date is needed"));
            None
        }
        None => {
            let words: Vec<&str> = vocabulary.owned_attributes(Owner::Case).map(|name| &**name).collect();
            source.unknown(Code::UnknownAttribute, node.span(), "attribute of a case", name, words.iter().copied());
            None
        }
    }
}

fn yearly(source: &Source<'_>, node: &Node<'_>) -> Option<YearlyDay> {
    if node.get_ref().as_table().is_none() {
        return fixed_day(source, node);
    }
    let mut table = source.table(node, "yearly day")?;
    let distance = table.require("easter").and_then(|node| source.integer(node, -366..=366));
    table.finish();
    Some(YearlyDay::Easter(i32::try_from(distance?).ok()?))
}

fn every(source: &Source<'_>, table: &mut Table<'_, '_>) -> Option<Period> {
    const PERIODS: [(&str, Period); 6] = [
        ("week", Period::Week),
        ("month", Period::Month),
        ("quarter", Period::Quarter),
        ("half_year", Period::HalfYear),
        ("year", Period::Year),
        ("school_year", Period::SchoolYear),
    ];
    let node = table.take("every")?;
    let since_node = table.take("since");
    let text = source.text(node)?;
    let Some(since_node) = since_node else {
        if text.parse::<Span>().is_ok() {
            source.error(
                Code::MissingKey,
                node.span(),
                format!("`every = \"{text}\"` needs `since`, the first day of the first period"),
            );
            return None;
        }
        return source.choice(node, "period", &PERIODS);
    };
    let since = source.date(since_node);
    let span = source.duration(node)?;
    let days = match span.unit {
        Unit::Day => span.count.checked_mul(1),
        Unit::Week => span.count.checked_mul(7),
        _ => None,
    };
    match days.and_then(|days| u32::try_from(days).ok()).filter(|days| *days > 0) {
        Some(days) => Some(Period::Free { days, since: since? }),
        None => {
            source.error(Code::WrongUnit, node.span(), "free periods are counted in days or weeks, at least one");
            None
        }
    }
}

/// Everything else of a rule. `from` is final; `scope` knows its start event.
pub(super) fn rule(
    source: &Source<'_>,
    around: &Surroundings<'_>,
    scope: &Scope<'_>,
    from: From,
    node: &Node<'_>,
) -> Option<Rule> {
    let mut table = source.table(node, "rule")?;
    for key in ["id", "from"] {
        let _ = table.take(key);
    }
    let texts = texts(source, around, &mut table);
    let timing = timing(source, around, &from, &mut table);
    let fulfilment = fulfilment(source, around, scope, &mut table);
    let ending = ending(source, around, &mut table);
    let people = people(source, around, &texts, &mut table);
    table.finish();
    let [when, unless] = scope_conditions(source, scope, node);
    let (timing, (met_by, met_when)) = (timing?, fulfilment?);
    Some(Rule {
        name: format!("{}/{}", around.pack.id, around.id).into(),
        pack: around.pack_number,
        id: around.id.clone(),
        title: texts.title,
        kind: texts.kind,
        notice: texts.notice,
        code: texts.code,
        cite: texts.cite,
        basis: texts.basis,
        force: texts.force,
        from,
        when,
        unless,
        within: timing.within,
        met_by,
        met_when,
        responsible: people.responsible,
        ladder: people.ladder,
        deviation: people.deviation,
        stops_on: ending.stops_on,
        reopens_on: around.pack.reopens_on.clone(),
        pauses: ending.pauses,
        roll: timing.roll,
        calendar: timing.calendar,
        valid_from: timing.valid_from,
        valid_to: timing.valid_to,
        escalation_grace: people.escalation_grace,
        supersede: timing.supersede,
        sequence_from: timing.sequence_from,
        snap: timing.snap,
        earliest: timing.earliest,
        opens: timing.opens,
        place: around.place.clone(),
    })
}

fn scope_conditions(source: &Source<'_>, scope: &Scope<'_>, node: &Node<'_>) -> [Option<crate::rules::Condition>; 2] {
    ["when", "unless"].map(|key| {
        let node = node.get_ref().as_table().and_then(|table| table.get(key));
        node.and_then(|node| scope.condition(source, node))
    })
}

struct Texts {
    title: Localized,
    kind: RuleKind,
    notice: Localized,
    code: Arc<str>,
    cite: Option<Arc<str>>,
    basis: Basis,
    force: Force,
}

fn texts(source: &Source<'_>, around: &Surroundings<'_>, table: &mut Table<'_, '_>) -> Texts {
    let title = table.take("title").and_then(|node| source.localized(node));
    let kind = table.take("kind").and_then(|node| source.choice(node, "kind of rule", &RuleKind::WORDS));
    let kind = kind.unwrap_or(RuleKind::Duty);
    let notice = table.take("notice").and_then(|node| source.localized(node));
    let code = table.take("code").and_then(|node| source.label(node)).map(shared);
    let cite = table.take("cite").and_then(|node| source.word(node)).map(shared);
    let bases = [("routine", Basis::Routine), ("law", Basis::Law), ("local", Basis::Local)];
    let basis = table.take("basis").and_then(|node| source.choice(node, "basis", &bases));
    let force = table.take("force").and_then(|node| source.choice(node, "force", &Force::WORDS));
    Texts {
        title: title.unwrap_or_else(|| Localized::same(&around.id)),
        kind,
        notice: notice.unwrap_or_else(|| kind.default_notice()),
        code: code.unwrap_or_else(|| around.number.to_string().into()),
        cite,
        basis: basis.unwrap_or(Basis::Routine),
        force: force.unwrap_or(Force::Must),
    }
}

struct Timing {
    within: Within,
    roll: Roll,
    calendar: Option<CalendarIndex>,
    valid_from: Option<chrono::NaiveDate>,
    valid_to: Option<chrono::NaiveDate>,
    supersede: bool,
    sequence_from: Vec<EventPattern>,
    snap: Option<Snap>,
    earliest: Option<Span>,
    opens: Option<Span>,
}

fn timing(source: &Source<'_>, around: &Surroundings<'_>, from: &From, table: &mut Table<'_, '_>) -> Option<Timing> {
    let within = table.require("within").and_then(|node| within(source, node));
    let roll = table.take("roll").and_then(|node| roll(source, node)).unwrap_or(around.pack.roll);
    let calendar = table.take("calendar").and_then(|node| calendar(source, around.calendars, node));
    let [valid_from, valid_to] =
        ["valid_from", "valid_to"].map(|key| table.take(key).and_then(|node| source.date(node)));
    let supersede = table.take("supersede");
    if let Some(node) = supersede.filter(|_| !matches!(from, From::Date { .. })) {
        source.error(
            Code::Misplaced,
            node.span(),
            "`supersede` belongs to rules that count from the date an event carries",
        );
    }
    let supersede = supersede.and_then(|node| source.boolean(node)).unwrap_or(true);
    let sequence_node = table.take("sequence_from");
    if let Some(node) = sequence_node.filter(|_| from.has_no_start_event()) {
        source.error(Code::Misplaced, node.span(), "`sequence_from` counts start events, and this rule has none");
    }
    let sequence_from = sequence_node.and_then(|node| patterns(source, around.vocabulary, node)).unwrap_or_default();
    let snap = table.take("snap").and_then(|node| snap(source, node));
    let earliest = table.take("earliest").and_then(|node| source.civil_span(node, "`earliest`"));
    let opens_node = table.take("opens");
    if let Some(node) = opens_node.filter(|_| !matches!(from, From::Yearly(_) | From::Every(_))) {
        source.error(Code::Misplaced, node.span(), "`opens` belongs to recurring rules (`yearly`, `every`)");
    }
    let opens = opens_node.and_then(|node| source.civil_span(node, "`opens`"));
    if let (Some(node), Some(span)) = (opens_node, opens)
        && span.count >= 0
    {
        source.error(
            Code::WrongSign,
            node.span(),
            "`opens` counts back from the start: write a negative span like \"-1mo\"",
        );
    }
    let valid_from = valid_from.or(around.pack.valid_from);
    let valid_to = valid_to.or(around.pack.valid_to);
    Some(Timing {
        within: within?,
        roll,
        calendar,
        valid_from,
        valid_to,
        supersede,
        sequence_from,
        snap,
        earliest,
        opens,
    })
}

fn within(source: &Source<'_>, node: &Node<'_>) -> Option<Within> {
    if node.get_ref().as_array().is_none() {
        return source.duration(node).map(Within::Same);
    }
    let list = source.list(node)?;
    let spans: Option<Vec<Span>> = list.iter().map(|node| source.duration(node)).collect();
    spans.map(Within::Growing)
}

pub(super) fn roll(source: &Source<'_>, node: &Node<'_>) -> Option<Roll> {
    source.choice(node, "roll", &[("none", Roll::None), ("forward", Roll::Forward), ("back", Roll::Back)])
}

pub(super) fn calendar(
    source: &Source<'_>,
    calendars: &[crate::calendar::Calendar],
    node: &Node<'_>,
) -> Option<CalendarIndex> {
    let id = source.text(node)?;
    let found = calendars.iter().position(|calendar| **calendar.id() == *id).map(CalendarIndex);
    if found.is_none() {
        source.unknown(
            Code::UnknownCalendar,
            node.span(),
            "calendar",
            id,
            calendars.iter().map(|calendar| &**calendar.id()),
        );
    }
    found
}

fn snap(source: &Source<'_>, node: &Node<'_>) -> Option<Snap> {
    let mut table = source.table(node, "snap")?;
    let weekday = table.require("weekday").and_then(|node| source.weekday(node));
    let directions = [("forward", true), ("back", false)];
    let forward = table.require("direction").and_then(|node| source.choice(node, "direction", &directions));
    table.finish();
    Some(Snap { weekday: weekday?, forward: forward? })
}

type Fulfilment = (Option<crate::rules::MetBy>, Option<crate::rules::Condition>);

fn fulfilment(
    source: &Source<'_>,
    around: &Surroundings<'_>,
    scope: &Scope<'_>,
    table: &mut Table<'_, '_>,
) -> Option<Fulfilment> {
    // Read with the whole scope afterwards; here they are only accounted for.
    for key in ["when", "unless"] {
        let _ = table.take(key);
    }
    let met_by_node = table.take("met_by");
    let met_when_node = table.take("met_when");
    if met_by_node.is_none() && met_when_node.is_none() {
        source.error_with_help(
            Code::NoFulfilment,
            table.range(),
            "a rule needs `met_by` or `met_when`",
            "say which event, or which state of the case, means that it was done",
        );
        return None;
    }
    let met_by = met_by_node.map(|node| met_by(source, around.vocabulary, &scope.start_kinds, node));
    let met_when = met_when_node.map(|node| scope.condition(source, node));
    Some((met_by.unwrap_or_default(), met_when.unwrap_or_default()))
}

struct Ending {
    stops_on: Vec<EventPattern>,
    pauses: Option<Pauses>,
}

fn ending(source: &Source<'_>, around: &Surroundings<'_>, table: &mut Table<'_, '_>) -> Ending {
    let own = table.take("stops_on").and_then(|node| patterns(source, around.vocabulary, node)).unwrap_or_default();
    let stops_on = around.pack.stops_on.iter().cloned().chain(own).collect();
    let pausable = table.take("pausable").and_then(|node| source.boolean(node)).unwrap_or(true);
    let own_pauses = table.take("pauses").and_then(|node| pauses(source, around.vocabulary, node));
    let pauses = own_pauses.or_else(|| around.pack.pauses.clone()).filter(|_| pausable);
    Ending { stops_on, pauses }
}

pub(super) fn pauses(source: &Source<'_>, vocabulary: &Vocabulary, node: &Node<'_>) -> Option<Pauses> {
    let mut table = source.table(node, "`pauses` table")?;
    let from = table.require("from").and_then(|node| patterns(source, vocabulary, node));
    let until = table.require("until").and_then(|node| patterns(source, vocabulary, node));
    table.finish();
    Some(Pauses { from: from?, until: until? })
}

struct People {
    responsible: Vec<Role>,
    ladder: Vec<Step>,
    deviation: bool,
    escalation_grace: Span,
}

fn people(source: &Source<'_>, around: &Surroundings<'_>, texts: &Texts, table: &mut Table<'_, '_>) -> People {
    let responsible_node = table.take("responsible");
    let responsible = responsible_node.and_then(|node| roles(source, node));
    if let Some(node) =
        responsible_node.filter(|_| responsible.as_ref().is_some_and(|list| list.contains(&Role::Responsible)))
    {
        source.error(Code::OwnResponsible, node.span(), "`responsible` cannot name itself");
    }
    let ladder_node = table.take("ladder");
    let ladder = match ladder_node {
        None => around.pack.ladders.get("standard").cloned().unwrap_or_else(|| {
            let help = "say `ladder = \"none\"`, give steps here, or add a `standard` ladder to the pack";
            source.error_with_help(
                Code::NoStandardLadder,
                table.range(),
                "this pack has no ladder called `standard`",
                help,
            );
            vec![]
        }),
        Some(node) => ladder(source, around, node).unwrap_or_default(),
    };
    let deviation = table.take("deviation").and_then(|node| source.boolean(node));
    let grace = table.take("escalation_grace").and_then(|node| source.civil_span(node, "`escalation_grace`"));
    People {
        responsible: responsible.unwrap_or_else(|| vec![Role::Stafettholder, Role::Initiator]),
        ladder,
        deviation: deviation.unwrap_or(texts.force == Force::Must),
        escalation_grace: grace.unwrap_or(around.pack.escalation_grace),
    }
}

fn ladder(source: &Source<'_>, around: &Surroundings<'_>, node: &Node<'_>) -> Option<Vec<Step>> {
    if !node.get_ref().is_str() {
        return steps(source, node);
    }
    match source.text(node)? {
        "none" => Some(vec![]),
        name => {
            let found = around.pack.ladders.get(name);
            if found.is_none() {
                let words = around.pack.ladders.keys().map(|name| &**name).chain(["none"]);
                source.unknown(Code::UnknownLadder, node.span(), "ladder", name, words);
            }
            found.cloned()
        }
    }
}
