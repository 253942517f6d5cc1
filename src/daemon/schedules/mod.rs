//! What is sent on a schedule: due slots become messages, once, and each is composed when it is sent.
//!
//! Nothing here keeps time: a tick asks which slots have come since the last one in the database. A slot is claimed with the
//! messages that it makes, in one transaction, so a restart or a second daemon makes none twice. Silences say nothing about
//! reports; the hours of whoever receives them do.

mod content;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;

use super::{Daemon, Rules};
use crate::calendar::Instant;
use crate::config::Mode;
use crate::delivery::webhook::ReportReady;
use crate::engine::Municipality;
use crate::organisation::Organisation;
use crate::schedule::{Pattern, Period, Scheduled};
use crate::store::{Claimed, EMAIL, SlotMessage, StoreError};

pub(super) use content::Overview;

/// How far ahead of the clock a schedule may be, as it is when the clock is set by the network.
const CLOCK_SLACK: TimeDelta = TimeDelta::minutes(1);

/// How the names of such messages begin.
const REPORT: &str = "report";
const READY: &str = "ready";

/// What a message on a schedule is about, as its name says: `report:weekly:2026-W11:p2`, `report:monthly:2026-02`,
/// `report:lists:2026-W11`, `ready:monthly:2026-02:webhook:quality`. A leader's is nobody else's.
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

/// Whether a message comes on a schedule.
pub(super) fn is_scheduled(subject: &str) -> bool {
    About::parse(REPORT, subject).is_some()
}

/// Whether a message is a leader's own report, which goes to nobody else.
pub(super) fn is_of_one_leader(subject: &str) -> bool {
    About::parse(REPORT, subject).is_some_and(|about| about.whose.is_some())
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
            let today = municipality.date(now);
            let is_over = |name: &str| {
                let about = About::parse(REPORT, name).or_else(|| About::parse(READY, name));
                about.is_none_or(|about| about.period.scheduled != scheduled || about.period.last < today)
            };
            self.store.take_back_slot(tenant, scheduled, is_over, now).await?;
            return Ok(0);
        }
        let slots = self.reports.pattern(scheduled).all_due(scheduled, zone, last, now);
        if slots.is_empty() || municipality.round_at(now).is_none() {
            return Ok(0);
        }
        let mut made = 0;
        for slot in slots {
            let period = Pattern::period(scheduled, zone, slot);
            let go_live = municipality.organisation.tenant.go_live;
            let is_told = self.mode == Mode::Live && go_live.is_none_or(|go_live| go_live <= period.last);
            let messages = if is_told { self.slot_messages(municipality, &period, now) } else { vec![] };
            let of_slot = self.store.claim_slot(tenant, scheduled, slot, &messages, now).await?.unwrap_or(0);
            if of_slot > 0 {
                tracing::info!(tenant, schedule = scheduled.word(), period = %period.name(), messages = of_slot, "a schedule's slot has come");
            }
            made += of_slot;
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
}

/// Everybody who leads a unit, by person id.
fn leaders(organisation: &Organisation, now: Instant) -> BTreeSet<Arc<str>> {
    let units = organisation.unit_ids().into_iter().filter_map(|id| organisation.unit(id, now));
    units.filter_map(|unit| unit.leader.clone()).collect()
}
