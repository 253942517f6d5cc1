//! What can be read and yet cannot be right. It is asked of what comes in and never of what is stored already, so that
//! a stricter version of this program still loads everything.

use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate};
use serde_json::{Map, Value as Json};

use crate::case::parse_date;
use crate::fact::{EventFact, Fact, PersonFact, TenantFact};
use crate::organisation::Address;
use crate::vocabulary::{Owner, ValueType, Vocabulary};

/// The years in which something of a case can happen. Outside them, a digit is missing or one too many.
const YEARS: RangeInclusive<i32> = 1900..=2199;

/// Names every date and instant whose year cannot be right.
pub(super) fn years(fact: &Fact, vocabulary: &Vocabulary, found: &mut impl FnMut(&str, String)) {
    for (field, year) in fields(fact).into_iter().chain(attributes(fact, vocabulary)) {
        if let Some(year) = year.filter(|year| !YEARS.contains(year)) {
            let (first, last) = (YEARS.start(), YEARS.end());
            found(&field, format!("the year {year:04} cannot be right; dates lie between {first} and {last}"));
        }
    }
}

type Dated = (String, Option<i32>);

fn fields(fact: &Fact) -> Vec<Dated> {
    match fact {
        Fact::Tenant(fact) => vec![day("go_live", fact.go_live), instant("recorded_at", fact.recorded_at)],
        Fact::Unit(fact) => vec![instant("recorded_at", fact.recorded_at)],
        Fact::Person(fact) => of_person(fact),
        Fact::Case(fact) => vec![instant("recorded_at", fact.recorded_at)],
        Fact::Event(fact) => {
            vec![day("on", fact.on), instant("at", fact.at), instant("recorded_at", fact.recorded_at)]
        }
    }
}

fn of_person(fact: &PersonFact) -> Vec<Dated> {
    let absences = fact.absent.iter().flatten();
    let days = absences.flat_map(|away| [day("absent.from", Some(away.from)), day("absent.to", away.to)]);
    days.chain([instant("recorded_at", fact.recorded_at)]).collect()
}

fn day(field: &str, date: Option<NaiveDate>) -> Dated {
    (field.to_owned(), date.map(|date| date.year()))
}

fn instant(field: &str, instant: Option<DateTime<FixedOffset>>) -> Dated {
    (field.to_owned(), instant.map(|instant| instant.year()))
}

fn attributes(fact: &Fact, vocabulary: &Vocabulary) -> Vec<Dated> {
    let of = |attributes: &Option<Map<String, Json>>, value_type: &dyn Fn(&str) -> Option<ValueType>| {
        let dates = attributes.iter().flatten().filter(|(name, _)| value_type(name) == Some(ValueType::Date));
        dates.map(|(name, json)| day(&format!("attributes.{name}"), json.as_str().and_then(parse_date))).collect()
    };
    let owned = |owner| move |name: &str| Some(vocabulary.owned_attribute(owner, name)?.1);
    match fact {
        Fact::Tenant(_) | Fact::Person(_) => vec![],
        Fact::Unit(fact) => of(&fact.attributes, &owned(Owner::Unit)),
        Fact::Case(fact) => of(&fact.attributes, &owned(Owner::Case)),
        Fact::Event(fact) => of(&fact.attributes, &|name| {
            let kind = vocabulary.event(fact.kind.as_deref()?)?;
            Some(vocabulary.event_attribute(kind, name)?.1)
        }),
    }
}

/// Names what of a municipality's own record would keep mail from leaving, or links from working.
pub(super) fn tenant(fact: &TenantFact, found: &mut impl FnMut(&str, String)) {
    let domains: Vec<Arc<str>> = fact.mail_domains.iter().map(|domain| domain.as_str().into()).collect();
    if domains.is_empty() {
        found("mail_domains", "without a domain no mail may leave; name at least one".to_owned());
    } else if !Address::new(&fact.fallback).is_within(&domains) {
        found("fallback", "no address within `mail_domains`; what reaches nobody else would be lost".to_owned());
    }
    if fact.case_url.as_deref().is_some_and(|url| !links_to_a_case(url)) {
        found("case_url", "no link like `https://cases.example/{ref}`, with `https` and `{ref}`".to_owned());
    }
}

fn links_to_a_case(url: &str) -> bool {
    let unusual = |char: char| char.is_whitespace() || char.is_control();
    url.strip_prefix("https://")
        .and_then(|rest| rest.split_once(['/', '?', '#']))
        .is_some_and(|(host, path)| !host.is_empty() && !host.contains('{') && path.contains("{ref}"))
        && !url.contains(unusual)
}

/// Names what an extension or exemption lacks: without it, it would silently change nothing.
pub(super) fn built_in(fact: &EventFact, vocabulary: &Vocabulary, found: &mut impl FnMut(&str, String)) {
    let Some(name) = fact.kind.as_deref().filter(|_| fact.revoked != Some(true)) else { return };
    let (kind, words) = (vocabulary.event(name), vocabulary.built_in());
    let needed: &[&str] = match kind {
        Some(kind) if kind == words.deadline_extended => &["rule", "until"],
        Some(kind) if kind == words.rule_exempted => &["rule"],
        _ => &[],
    };
    for attribute in needed.iter().filter(|attribute| is_missing(fact, attribute)) {
        found(&format!("attributes.{attribute}"), format!("`{name}` does nothing without `{attribute}`; say it"));
    }
}

fn is_missing(fact: &EventFact, attribute: &str) -> bool {
    let said = fact.attributes.as_ref().and_then(|attributes| attributes.get(attribute));
    said.is_none_or(|value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()))
}
