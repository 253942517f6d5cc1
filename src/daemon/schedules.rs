//! What is sent on a schedule: due slots become messages, once, and each is composed when it is sent.
//!
//! Nothing here keeps time: a tick asks which slots have come since the last one in the database. A slot is claimed with the
//! messages that it makes, in one transaction, so a restart or a second daemon makes none twice. Silences say nothing about
//! reports; the hours of whoever receives them do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;

use super::{Daemon, Rules};
use crate::calendar::{Instant, end_of_day, first_instant};
use crate::config::Mode;
use crate::delivery::message::{BacklogLine, ListLine, ReportContent, TenantKind};
use crate::delivery::webhook::ReportReady;
use crate::engine::Municipality;
use crate::language::Language;
use crate::organisation::Organisation;
use crate::oversight::{Entry, List};
use crate::schedule::{Pattern, Period, Scheduled};
use crate::store::{Claimed, DeviationFilter, DeviationRow, EMAIL, SlotMessage, StoreError, StoredOrganisation};

/// How far ahead of the clock a schedule may be, as it is when the clock is set by the network.
const CLOCK_SLACK: TimeDelta = TimeDelta::minutes(1);

/// How many lines of one list, or of open deviations, a mail shows.
const SHOWN: usize = 50;

/// How many deviations are read at once.
const BATCH: u32 = 500;

/// How the names of such messages begin.
const REPORT: &str = "report";
const READY: &str = "ready";

/// What a message on a schedule is about, as its name says: `report:weekly:2026-W11:p2`, `report:monthly:2026-02`,
/// `report:lists:2026-W11`, `ready:monthly:2026-02:webhook:quality`.
#[derive(Clone, Debug, PartialEq)]
struct About<'s> {
    period: Period,
    /// The leader, by person id; or, of what webhooks hear, the channel.
    whose: Option<&'s str>,
}

impl<'s> About<'s> {
    fn parse(kind: &str, name: &'s str) -> Option<Self> {
        let mut parts = name.strip_prefix(kind)?.strip_prefix(':')?.splitn(3, ':');
        let scheduled = Scheduled::parse(parts.next()?)?;
        Some(Self { period: Period::parse(scheduled, parts.next()?)?, whose: parts.next() })
    }
}

impl Daemon {
    /// Makes the messages of the slots that have come in a municipality, in its delivery hours. How many.
    pub(super) async fn hold_schedules(&self, rules: &Rules, now: Instant) -> Result<usize, StoreError> {
        if !self.reports.enabled {
            return Ok(0);
        }
        let (organisations, _) = self.municipalities(rules, now).await?;
        let last_slots = self.store.last_slots().await?;
        let mut made = 0;
        for stored in organisations.iter() {
            let Ok(municipality) = stored.municipality(&rules.set) else { continue };
            let tenant = &*stored.organisation.tenant.id;
            for scheduled in Scheduled::ALL {
                let last = last_slots.get(&(tenant.to_owned(), scheduled.word().to_owned())).copied();
                made += self.hold_schedule(&municipality, scheduled, last, now).await?;
            }
        }
        Ok(made)
    }

    async fn hold_schedule(
        &self,
        municipality: &Municipality<'_>,
        scheduled: Scheduled,
        last: Option<Instant>,
        now: Instant,
    ) -> Result<usize, StoreError> {
        let (tenant, zone) = (&*municipality.organisation.tenant.id, municipality.zone());
        let Some(last) = last else {
            // What lies before the first look was nobody's to send.
            self.store.claim_slot(tenant, scheduled, now, &[], now).await?;
            return Ok(0);
        };
        if last > now + CLOCK_SLACK {
            tracing::error!(tenant, schedule = scheduled.word(), %last, %now, "a schedule has come further than the clock, which was or is wrong; it goes on from now");
            self.store.take_back_slot(tenant, scheduled, now).await?;
            return Ok(0);
        }
        let Some(slot) = self.reports.pattern(scheduled).due(zone, last, now) else { return Ok(0) };
        if municipality.round_at(now).is_none() {
            return Ok(0);
        }
        let period = Pattern::period(scheduled, zone, slot);
        let go_live = municipality.organisation.tenant.go_live;
        let is_told = self.mode == Mode::Live && go_live.is_none_or(|go_live| go_live <= period.last);
        let messages = if is_told { self.slot_messages(municipality, &period, now) } else { vec![] };
        let made = self.store.claim_slot(tenant, scheduled, slot, &messages, now).await?.unwrap_or(0);
        if made > 0 {
            tracing::info!(tenant, schedule = scheduled.word(), period = %period.name(), messages = made, "a schedule's slot has come");
        }
        Ok(made)
    }

    /// Who is told of a period, by mail and by webhook.
    fn slot_messages(&self, municipality: &Municipality<'_>, period: &Period, now: Instant) -> Vec<SlotMessage> {
        let (word, of) = (period.scheduled.word(), period.name());
        let mail = |name, recipient| SlotMessage { name, recipient, channel: EMAIL.to_owned() };
        let coordinator = municipality.coordinator(now);
        let mut messages: Vec<SlotMessage> = match period.scheduled {
            Scheduled::Weekly => {
                let leaders = leaders(municipality.organisation, now).into_iter();
                let told = leaders.filter_map(|leader| {
                    // Nobody else gets it instead: these are lines of that leader's units.
                    let Some(recipient) = municipality.person_or_deputy(&leader, now) else {
                        tracing::warn!(tenant = %municipality.organisation.tenant.id, %leader, "a leader cannot be reached; their report is not sent");
                        return None;
                    };
                    Some(mail(format!("{REPORT}:{word}:{of}:{leader}"), recipient))
                });
                told.collect()
            }
            _ => vec![mail(format!("{REPORT}:{word}:{of}"), coordinator.clone())],
        };
        if period.scheduled != Scheduled::Lists {
            let channels = self.channels.told_of_reports(&municipality.organisation.tenant.id);
            messages.extend(channels.into_iter().map(|channel| SlotMessage {
                name: format!("{READY}:{word}:{of}:{channel}"),
                recipient: coordinator.clone(),
                channel,
            }));
        }
        messages
    }

    /// The first slot after `now` of any municipality: when there is something to look at.
    pub(super) async fn next_slot(&self, now: Instant) -> Result<Option<Instant>, StoreError> {
        if !self.reports.enabled {
            return Ok(None);
        }
        let (organisations, _) = self.municipalities(&self.rules(), now).await?;
        let zones: BTreeSet<_> = organisations.iter().map(|stored| stored.organisation.tenant.zone.name()).collect();
        let zones = zones.into_iter().filter_map(|name| name.parse().ok());
        let slots = zones.flat_map(|zone| {
            Scheduled::ALL.into_iter().filter_map(move |scheduled| self.reports.pattern(scheduled).next(zone, now))
        });
        Ok(slots.min())
    }

    /// What a message on a schedule says; `None` where there is nothing to say.
    pub(super) async fn scheduled_content(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
        subject: &str,
        language: Language,
        now: Instant,
    ) -> Result<Option<TenantKind>, StoreError> {
        let Some(About { period, whose }) = About::parse(REPORT, subject) else { return Ok(None) };
        if period.scheduled == Scheduled::Lists {
            return self.lists_content(rules, stored, now).await;
        }
        let units = whose.map(|leader| led_units(&stored.organisation, leader, now));
        let mut content = self.figures(rules, stored, &period, units.as_ref(), language, now).await?;
        // A leader hears where there is something; the coordinator of every period, for that there is nothing is news too.
        let is_silent = whose.is_some() && content.open + content.opened + content.closed == 0;
        content.link = self.reports.link(&stored.organisation.tenant.id, &period);
        Ok((!is_silent).then(|| TenantKind::Report(Box::new(content))))
    }

    /// What a webhook hears of a report; `None` where the message is about none.
    pub(super) fn report_ready(&self, message: &Claimed) -> Option<ReportReady> {
        let About { period, .. } = About::parse(READY, message.subject.as_deref()?)?;
        Some(ReportReady {
            tenant: message.tenant.clone(),
            period,
            at: message.slot,
            possible_repeat: message.possible_repeat,
        })
    }

    async fn lists_content(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
        now: Instant,
    ) -> Result<Option<TenantKind>, StoreError> {
        let mut lists: BTreeMap<List, ListLine> = BTreeMap::new();
        let each = |entry: Entry| {
            if entry.protected {
                return;
            }
            let list = entry.list;
            let line = lists.entry(list).or_insert_with(|| ListLine { list, count: 0, shown: vec![] });
            line.count += 1;
            // What a rule or contact is called may say what a case is about: of a rule its code, of a case its reference.
            let shown = entry.code.filter(|_| entry.case.is_none()).or(entry.reference).or(entry.about);
            let shown = shown.filter(|shown| !line.shown.contains(shown) && line.shown.len() < SHOWN);
            line.shown.extend(shown);
        };
        self.store.oversee(stored, &rules.set, &self.reports.thresholds, now, each).await?;
        let lines: Vec<ListLine> = lists.into_values().collect();
        Ok((!lines.is_empty()).then_some(TenantKind::Lists(lines)))
    }

    /// The figures of a period: of some units, or of the whole municipality.
    async fn figures(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
        period: &Period,
        units: Option<&BTreeSet<Arc<str>>>,
        language: Language,
        now: Instant,
    ) -> Result<ReportContent, StoreError> {
        let tenant = &stored.organisation.tenant;
        let today = crate::calendar::civil_date(tenant.zone, now);
        let (from, until) = (first_instant(tenant.zone, period.first), end_of_day(tenant.zone, period.last));
        let mut content = ReportContent {
            period: *period,
            today,
            opened: 0,
            closed: 0,
            met_late: 0,
            open: 0,
            oldest: None,
            due: 0,
            in_time: 0,
            lines: vec![],
            link: None,
        };
        let filter = DeviationFilter {
            tenant: Some(tenant.id.to_string()),
            from: Some(from),
            limit: Some(BATCH),
            ..DeviationFilter::default()
        };
        let mut open: Vec<DeviationRow> = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.deviations_after(&filter, after.as_ref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.place());
            for row in page.into_iter().filter(|row| is_of(units, row.unit.as_deref())) {
                let within = |at: Instant| from <= at && at < until;
                content.opened += usize::from(within(row.opened_at.instant()));
                match row.closed_at.filter(|_| row.closed_as.is_some()) {
                    Some(closed) => {
                        let is_within = within(closed.instant());
                        content.closed += usize::from(is_within);
                        content.met_late += usize::from(is_within && row.closed_as.as_deref() == Some("met_late"));
                    }
                    None => {
                        content.open += 1;
                        content.oldest = content.oldest.max(Some(row.days_late(today)));
                        if units.is_some() {
                            keep_oldest(&mut open, row);
                        }
                    }
                }
            }
        }
        content.lines = self.open_lines(rules, stored, open, language, now).await?;
        (content.due, content.in_time) =
            self.store.due_and_met(&tenant.id, (period.first, period.last), units, now).await?;
        Ok(content)
    }

    /// Open deviations as a mail shows them. Of an address-protected case nothing leaves.
    async fn open_lines(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
        open: Vec<DeviationRow>,
        language: Language,
        now: Instant,
    ) -> Result<Vec<BacklogLine>, StoreError> {
        let ids: Vec<&str> = open.iter().map(|row| row.case.as_str()).collect();
        let cases = self.store.cases(stored, &rules.set, &ids).await?;
        let line = |row: &DeviationRow| {
            let record = cases.get(&row.case)?.file.records.at(now)?;
            let rule = rules.set.rule(rules.set.rule_named(&row.rule)?);
            (!record.protected).then(|| BacklogLine {
                reference: record.reference.clone(),
                notice: rule.notice.text(language).clone(),
                code: Arc::clone(&rule.code),
                due_on: row.due_on.0,
            })
        };
        Ok(open.iter().filter_map(line).collect())
    }
}

/// Keeps those that have been due longest, in that order.
fn keep_oldest(open: &mut Vec<DeviationRow>, row: DeviationRow) {
    let key = |row: &DeviationRow| (row.due_on, row.reference.clone(), row.rule.clone());
    let place = open.partition_point(|kept| key(kept) <= key(&row));
    if place < SHOWN {
        open.insert(place, row);
        open.truncate(SHOWN);
    }
}

fn is_of(units: Option<&BTreeSet<Arc<str>>>, unit: Option<&str>) -> bool {
    units.is_none_or(|units| unit.is_some_and(|unit| units.contains(unit)))
}

/// Everybody who leads a unit, by person id.
fn leaders(organisation: &Organisation, now: Instant) -> BTreeSet<Arc<str>> {
    let units = organisation.unit_ids().into_iter().filter_map(|id| organisation.unit(id, now));
    units.filter_map(|unit| unit.leader.clone()).collect()
}

/// The units that somebody leads, and all below them.
fn led_units(organisation: &Organisation, leader: &str, now: Instant) -> BTreeSet<Arc<str>> {
    let is_led = |id: &Arc<str>| {
        let mut above: Vec<&Arc<str>> = vec![id];
        while let Some(unit) = above.last().and_then(|id| organisation.unit(id, now)) {
            if unit.leader.as_deref() == Some(leader) {
                return true;
            }
            match &unit.parent {
                // A unit that stands below itself leads nowhere.
                Some(parent) if !above.contains(&parent) => above.push(parent),
                _ => return false,
            }
        }
        false
    };
    organisation.unit_ids().into_iter().filter(|id| is_led(id)).cloned().collect()
}
