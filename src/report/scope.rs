//! What a report is about: which municipalities, units and rules.

use std::collections::HashMap;

use crate::calendar::{Instant, civil_date, end_of_day, first_instant, time_of_day};
use crate::case::nearest;
use crate::engine::Municipality;
use crate::language::Language;
use crate::rules::{Rule, RuleSet};
use crate::store::StoredOrganisation;
use crate::words::{clock_time, long_date};

use super::figures::About;
use super::request::{Period, Request};
use super::tally::Bounds;
use super::units::Units;
use super::{ReportError, text, words};

/// What a report is about.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) rules: &'a RuleSet,
    pub(super) request: &'a Request,
    pub(super) language: Language,
    pub(super) places: Vec<Place<'a>>,
    /// The period that the one asked about is compared with; none while that one is not over.
    pub(super) compared: Option<Period>,
    /// The units of all of them.
    pub(super) units: Units,
    /// The one rule that is asked about.
    pub(super) rule: Option<&'a Rule>,
}

/// A municipality that the report is about.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) stored: &'a StoredOrganisation,
    /// As the engine works with it, for proofs; none where its rules cannot be used.
    pub(super) municipality: Option<Municipality<'a>>,
    pub(super) bounds: Bounds,
}

impl<'a> Scope<'a> {
    /// # Errors
    /// [`ReportError::Unknown`] or [`ReportError::Ambiguous`] where a name does not say what it means.
    pub(super) fn new(
        rules: &'a RuleSet,
        organisations: &'a [StoredOrganisation],
        request: &'a Request,
        now: Instant,
    ) -> Result<Self, ReportError> {
        let asked = |stored: &&StoredOrganisation| {
            request.tenant.as_deref().is_none_or(|asked| *stored.organisation.tenant.id == *asked)
        };
        let open = |stored: &&StoredOrganisation| {
            let id = &*stored.organisation.tenant.id;
            request.within.as_ref().is_none_or(|within| within.iter().any(|open| open == id))
        };
        let mut found: Vec<&StoredOrganisation> = organisations.iter().filter(open).filter(asked).collect();
        if let Some(tenant) = &request.tenant
            && found.is_empty()
        {
            let known = organisations.iter().filter(open).map(|stored| &*stored.organisation.tenant.id);
            return Err(unknown("municipality", tenant, nearest(tenant, known)));
        }
        for unit in &request.units {
            let ids = found.iter().flat_map(|stored| stored.organisation.unit_ids());
            let near = nearest(unit, ids.map(|id| &**id)).map(str::to_owned);
            found.retain(|stored| stored.organisation.has_unit(unit));
            match &found[..] {
                [] => return Err(unknown("unit", unit, near.as_deref())),
                [_] => {}
                several => return Err(ambiguous(unit, several)),
            }
        }
        let rule = request.rule.as_deref().map(|name| rule(rules, name)).transpose()?;
        let language = request.language.unwrap_or(match &found[..] {
            [only] => only.organisation.tenant.language,
            _ => Language::default(),
        });
        let units = Units::of(&found, &request.units, now);
        let is_over = found.iter().all(|stored| end_of_day(stored.organisation.tenant.zone, request.period.to) <= now);
        let compared = is_over.then(|| request.period.previous());
        let bounds = (request.period, compared);
        let places = found.into_iter().map(|stored| Place::new(rules, stored, bounds, now)).collect();
        Ok(Self { rules, request, language, places, compared, units, rule })
    }

    /// The names of the municipalities, or of the units that are asked about with their municipality.
    pub(super) fn title(&self) -> String {
        let names = self.places.iter().map(|place| text::shown(&place.stored.organisation.tenant.name));
        match (&self.request.units[..], &self.places[..]) {
            ([], _) | (_, [] | [_, _, ..]) => names.collect::<Vec<_>>().join(" · "),
            (_, [place]) => {
                format!("{}, {}", self.units.asked().join(" · "), text::shown(&place.stored.organisation.tenant.name))
            }
        }
    }

    /// What the report is about, in words.
    pub(super) fn about(&self, unreadable: u64, now: Instant) -> About {
        let Request { period, kind, level, listed, hide_small, protected, .. } = *self.request;
        let language = self.language;
        let rule =
            self.rule.map(|rule| words::rule_name(&text::shown(&rule.code), &text::shown(rule.title.text(language))));
        let kind = kind.map(|kind| words::kind(language, Some(kind)).to_owned());
        let level = level.map(|level| words::level(language, Some(level)).to_owned());
        let listed = words::listed(language, listed).map(str::to_owned);
        let reckoned_on = self.places.iter().map(|place| place.bounds.reckoned_on).max();
        About {
            title: self.title(),
            period,
            compared: self.compared,
            several: self.places.len() > 1,
            reckoned_on: reckoned_on.unwrap_or_else(|| period.to.min(now.date_naive())),
            only: [rule, kind, level, listed].into_iter().flatten().collect(),
            narrowed: self.request.is_narrowed(),
            hide_small,
            protected: protected && !hide_small,
            unreadable,
        }
    }

    /// A moment as the municipality's clocks show it: "mandag 16. mars 2026 kl. 08.00".
    pub(super) fn moment(&self, now: Instant) -> String {
        let zone = self.places.first().map_or(chrono_tz::Europe::Oslo, |place| place.stored.organisation.tenant.zone);
        let (date, time) = (civil_date(zone, now), time_of_day(zone, now));
        format!("{} {}", long_date(self.language, date), clock_time(self.language, time))
    }

    /// The rule of a name, where there still is one.
    pub(super) fn rule_named(&self, name: &str) -> Option<&'a Rule> {
        self.rules.rule_named(name).map(|index| self.rules.rule(index))
    }

    /// The rules in force in any of the municipalities.
    pub(super) fn active_rules(&self) -> impl Iterator<Item = &'a Rule> {
        let active = self.places.iter().filter_map(|place| place.municipality.as_ref());
        let mut rules: Vec<_> = active.flat_map(|municipality| municipality.active_rules()).copied().collect();
        rules.sort_unstable();
        rules.dedup();
        rules.into_iter().map(|index| self.rules.rule(index))
    }

    /// Whether rules of this name are asked about.
    pub(super) fn is_asked(&self, name: &str) -> bool {
        let Request { kind, level, .. } = self.request;
        if self.rule.is_some_and(|rule| *rule.name != *name) {
            return false;
        }
        let rule = self.rule_named(name);
        kind.is_none_or(|kind| rule.is_some_and(|rule| rule.kind == kind))
            && level.is_none_or(|level| rule.is_some_and(|rule| rule.force == level))
    }
}

impl<'a> Place<'a> {
    fn new(
        rules: &'a RuleSet,
        stored: &'a StoredOrganisation,
        (period, compared): (Period, Option<Period>),
        now: Instant,
    ) -> Self {
        let zone = stored.organisation.tenant.zone;
        let known = now + chrono::TimeDelta::milliseconds(1);
        let bounds = Bounds {
            before: first_instant(zone, compared.unwrap_or(period).from),
            begins: first_instant(zone, period.from),
            ends: end_of_day(zone, period.to).min(known),
            reckoned_on: period.to.min(civil_date(zone, now)),
        };
        Self { stored, municipality: stored.municipality(rules).ok(), bounds }
    }

    /// The municipality's id.
    pub(super) fn id(&self) -> &'a str {
        &self.stored.organisation.tenant.id
    }
}

/// The rule of a full name, of an id within its pack, or of a code, where only one has it.
fn rule<'a>(rules: &'a RuleSet, name: &str) -> Result<&'a Rule, ReportError> {
    if let Some(index) = rules.rule_named(name) {
        return Ok(rules.rule(index));
    }
    let mut found: HashMap<&str, &Rule> = HashMap::new();
    for rule in rules.rules.iter().filter(|rule| *rule.id == *name || *rule.code == *name) {
        found.insert(&rule.name, rule);
    }
    match found.len() {
        1 => found.into_values().next().ok_or_else(|| unknown("rule", name, None)),
        0 => Err(unknown("rule", name, nearest(name, rules.rules.iter().map(|rule| &*rule.name)))),
        _ => {
            let mut names: Vec<&str> = found.into_keys().collect();
            names.sort_unstable();
            Err(ReportError::Ambiguous(format!("several rules are called `{name}`: {}; name one", names.join(", "))))
        }
    }
}

fn unknown(what: &'static str, name: &str, near: Option<&str>) -> ReportError {
    let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    ReportError::Unknown(format!("there is no {what} `{name}`{hint}"))
}

fn ambiguous(unit: &str, found: &[&StoredOrganisation]) -> ReportError {
    let tenants: Vec<&str> = found.iter().map(|stored| &*stored.organisation.tenant.id).collect();
    ReportError::Ambiguous(format!("{} have a unit `{unit}`; name the municipality too", tenants.join(" and ")))
}
