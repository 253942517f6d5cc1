//! Reading `calendars/*.toml`, and uniting calendars with those they extend (`rule-language` § 3).

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use chrono::{NaiveDate, Weekday};
use toml::de::DeTable;

use super::reader::{Node, Source, Table, shared};
use crate::calendar::{Calendar, ClosedPeriod, Holiday, YearlyDay};
use crate::rules::Code;

/// A calendar file as written.
pub(super) struct CalendarFile {
    /// Number of the file.
    pub(super) file: usize,
    pub(super) id: Arc<str>,
    weekend: Vec<Weekday>,
    holidays: Vec<Holiday>,
    closed: Vec<ClosedPeriod>,
    extends: Option<(Arc<str>, Range<usize>)>,
}

pub(super) fn read(source: &Source<'_>, file: usize, root: &DeTable<'_>) -> Option<CalendarFile> {
    let mut table = Table::new(source, root, 0..0, "calendar");
    let id = table.require("id").and_then(|node| source.word(node)).map(shared);
    // An empty weekend is meant: a calendar that works every day.
    let weekend = table.take("weekend").and_then(|node| {
        node.get_ref().as_array().or_else(|| {
            source.wrong_type(node, "a list in [ ]");
            None
        })
    });
    let weekend = weekend.into_iter().flat_map(|days| days.iter()).filter_map(|node| source.weekday(node)).collect();
    let holidays = entries(source, table.take("holidays"), |node| holiday(source, node));
    let closed = entries(source, table.take("closed"), |node| closed_period(source, node));
    let extends = table.take("extends").and_then(|node| Some((shared(source.word(node)?), node.span())));
    table.finish();
    Some(CalendarFile { file, id: id?, weekend, holidays, closed, extends })
}

fn entries<T>(source: &Source<'_>, node: Option<&Node<'_>>, read: impl Fn(&Node<'_>) -> Option<T>) -> Vec<T> {
    let list = node.and_then(|node| source.list(node));
    list.into_iter().flatten().filter_map(read).collect()
}

fn holiday(source: &Source<'_>, node: &Node<'_>) -> Option<Holiday> {
    let mut table = source.table(node, "holiday")?;
    let name = table.require("name").and_then(|node| source.word(node)).map(shared);
    let day = yearly_day(source, node, table.take("on"), table.take("easter"));
    table.finish();
    Some(Holiday { name: name?, day: day? })
}

/// A fixed day of the year (`"MM-DD"`) or a distance from Easter Sunday: exactly one of them.
pub(super) fn yearly_day(
    source: &Source<'_>,
    whole: &Node<'_>,
    on: Option<&Node<'_>>,
    easter: Option<&Node<'_>>,
) -> Option<YearlyDay> {
    match (on, easter) {
        (Some(node), None) => fixed_day(source, node),
        (None, Some(node)) => {
            let distance = source.integer(node, -366..=366)?;
            Some(YearlyDay::Easter(i32::try_from(distance).ok()?))
        }
        _ => {
            source.error(
                Code::BadDay,
                whole.span(),
                "a holiday has either `on = \"MM-DD\"` or `easter = days from Easter Sunday`",
            );
            None
        }
    }
}

/// `"MM-DD"`; `02-29` is meant for leap years.
pub(super) fn fixed_day(source: &Source<'_>, node: &Node<'_>) -> Option<YearlyDay> {
    let text = source.text(node)?;
    let day = text
        .split_once('-')
        .filter(|(month, day)| month.len() == 2 && day.len() == 2)
        .and_then(|(month, day)| Some((month.parse().ok()?, day.parse().ok()?)))
        .filter(|(month, day)| NaiveDate::from_ymd_opt(2024, *month, *day).is_some());
    match day {
        Some((month, day)) => Some(YearlyDay::Fixed { month, day }),
        None => {
            source.error(
                Code::BadDay,
                node.span(),
                format!("`{text}` is no day of the year; write month and day like \"03-15\""),
            );
            None
        }
    }
}

fn closed_period(source: &Source<'_>, node: &Node<'_>) -> Option<ClosedPeriod> {
    let mut table = source.table(node, "closed period")?;
    let name = table.require("name").and_then(|node| source.word(node)).map(shared);
    let from = table.require("from").and_then(|node| source.date(node));
    let to = table.require("to").and_then(|node| source.date(node));
    table.finish();
    let (from, to) = (from?, to?);
    if to < from {
        source.error(
            Code::EndsBeforeItBegins,
            node.span(),
            format!("this closed period ends on {to}, before it begins on {from}"),
        );
        return None;
    }
    Some(ClosedPeriod { name: name?, from, to })
}

/// All calendars, each united with what it extends. `source` gives the source of a file's number.
pub(super) fn unite<'f>(files: &[CalendarFile], source: impl Fn(usize) -> Source<'f>) -> Vec<Calendar> {
    let mut by_id: HashMap<&str, &CalendarFile> = HashMap::new();
    for file in files {
        if by_id.insert(&file.id, file).is_some() {
            source(file.file).error(Code::NameTaken, 0..0, format!("two calendars are called `{}`", file.id));
        }
    }
    let unite_one = |file: &CalendarFile| {
        let (mut weekend, mut holidays, mut closed) = (vec![], vec![], vec![]);
        let mut chain: Vec<&str> = vec![];
        let mut next = Some(file);
        while let Some(current) = next {
            chain.push(&current.id);
            weekend.extend(&current.weekend);
            holidays.extend(current.holidays.iter().cloned());
            closed.extend(current.closed.iter().cloned());
            next = current.extends.as_ref().and_then(|(id, range)| {
                let base = by_id.get(&**id).copied();
                if base.is_none() {
                    source(current.file).unknown(
                        Code::UnknownCalendar,
                        range.clone(),
                        "calendar",
                        id,
                        by_id.keys().copied(),
                    );
                }
                let cycle = base.is_some_and(|base| chain.contains(&&*base.id));
                if cycle {
                    source(current.file).error(
                        Code::Circle,
                        range.clone(),
                        format!("`extends` goes round in a circle: {} → {id}", chain.join(" → ")),
                    );
                }
                base.filter(|_| !cycle)
            });
        }
        let calendar = Calendar::new(file.id.clone(), &weekend, holidays, closed);
        if calendar.never_works() {
            source(file.file).error(
                Code::NeverWorks,
                0..0,
                format!("the calendar `{}` has no working day at all", file.id),
            );
        }
        calendar
    };
    files.iter().map(unite_one).collect()
}
