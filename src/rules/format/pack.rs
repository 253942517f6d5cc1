//! Reading the `[pack]` and `[ladder]` tables of a pack (`rule-language` § 5).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::NaiveDate;
use toml::de::DeTable;

use super::ladders::steps;
use super::patterns::patterns;
use super::reader::{Node, Source, Table, shared};
use super::rule::{calendar, pauses, roll};
use crate::calendar::{Calendar, Span};
use crate::language::Localized;
use crate::rules::{CalendarIndex, Code, EventPattern, Pauses, Roll, Step};
use crate::vocabulary::Vocabulary;

/// What a pack says of all its rules.
pub(super) struct PackDraft {
    pub(super) file: usize,
    pub(super) id: Arc<str>,
    pub(super) title: Localized,
    pub(super) source: Option<Arc<str>>,
    pub(super) revise_by: Option<NaiveDate>,
    pub(super) valid_from: Option<NaiveDate>,
    pub(super) valid_to: Option<NaiveDate>,
    pub(super) calendar: CalendarIndex,
    pub(super) calendars: HashMap<Arc<str>, CalendarIndex>,
    pub(super) roll: Roll,
    pub(super) stops_on: Vec<EventPattern>,
    pub(super) reopens_on: Vec<EventPattern>,
    pub(super) pauses: Option<Pauses>,
    pub(super) escalation_grace: Span,
    pub(super) ladders: BTreeMap<Arc<str>, Vec<Step>>,
}

/// Reads everything of a pack's file but its rules, and returns those as they stand.
pub(super) fn read<'a, 'i>(
    source: &'a Source<'a>,
    file: usize,
    root: &'a DeTable<'i>,
    vocabulary: &Vocabulary,
    calendars: &[Calendar],
) -> Option<(PackDraft, &'a [Node<'i>])> {
    let mut table = Table::new(source, root, 0..0, "pack file");
    let pack_node = table.require("pack");
    let ladders = table.take("ladder").and_then(|node| source.table(node, "ladder table"));
    let ladders = ladders.map_or_else(BTreeMap::new, |table| {
        table
            .entries()
            .filter_map(|(name, range, node)| {
                if name == "none" {
                    source.error(
                        Code::BadName,
                        range,
                        "`none` means that nobody is told; give this ladder another name",
                    );
                }
                Some((shared(name), steps(source, node)?))
            })
            .collect()
    });
    let rules_node = table.take("rule");
    let rules = rules_node.and_then(|node| source.list(node)).unwrap_or_default();
    table.finish();
    let draft = header(source, file, pack_node?, vocabulary, calendars, ladders)?;
    Some((draft, rules))
}

fn header(
    source: &Source<'_>,
    file: usize,
    node: &Node<'_>,
    vocabulary: &Vocabulary,
    calendars: &[Calendar],
    ladders: BTreeMap<Arc<str>, Vec<Step>>,
) -> Option<PackDraft> {
    let mut table = source.table(node, "pack")?;
    let id = table.require("id").and_then(|node| source.id(node)).map(shared);
    let title = table.take("title").and_then(|node| source.localized(node));
    let cited = table.take("source").and_then(|node| source.word(node)).map(shared);
    let [revise_by, valid_from, valid_to] =
        ["revise_by", "valid_from", "valid_to"].map(|key| table.take(key).and_then(|node| source.date(node)));
    let own_calendar = table.require("calendar").and_then(|node| calendar(source, calendars, node));
    let by_type = table.take("calendars").and_then(|node| source.table(node, "calendars table"));
    let by_type = by_type.map_or_else(HashMap::new, |table| {
        table.entries().filter_map(|(name, _, node)| Some((shared(name), calendar(source, calendars, node)?))).collect()
    });
    let roll = table.take("roll").and_then(|node| roll(source, node)).unwrap_or_default();
    let [stops_on, reopens_on] = ["stops_on", "reopens_on"]
        .map(|key| table.take(key).and_then(|node| patterns(source, vocabulary, node)).unwrap_or_default());
    let pauses = table.take("pauses").and_then(|node| pauses(source, vocabulary, node));
    let grace = table.take("escalation_grace").and_then(|node| source.civil_span(node, "`escalation_grace`"));
    table.finish();
    let id = id?;
    Some(PackDraft {
        file,
        title: title.unwrap_or_else(|| Localized::same(&id)),
        id,
        source: cited,
        revise_by,
        valid_from,
        valid_to,
        calendar: own_calendar?,
        calendars: by_type,
        roll,
        stops_on,
        reopens_on,
        pauses,
        escalation_grace: grace.unwrap_or(Span::ZERO),
        ladders,
    })
}
