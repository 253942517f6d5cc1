//! What is mailed on a schedule: composed when it is sent, from the report itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::{Daemon, Rules};
use super::{About, REPORT};
use crate::calendar::{Instant, civil_date};
use crate::config::Attached;
use crate::delivery::message::{BacklogLine, ListLine, ListedOne, ReportContent, ReportFile, TenantKind};
use crate::language::Language;
use crate::organisation::Organisation;
use crate::oversight::{Entry, List};
use crate::report::{self, Figure, Figures, Format, Listed, Report, ReportError, Request, Row};
use crate::schedule::{Period, Scheduled};
use crate::store::{DeviationFilter, DeviationRow, StoreError, StoredOrganisation};

/// How many lines of one list, or of open deviations, a mail shows.
const SHOWN: usize = 50;

/// How many deviations are read at once.
const BATCH: u32 = 500;

/// For how long the figures of a municipality's period are good for one mail after the other.
const LASTING: chrono::TimeDelta = chrono::TimeDelta::minutes(10);

/// The figures of one municipality's period, kept from one leader's mail to the next.
#[derive(Debug)]
pub(in super::super) struct Overview {
    tenant: Arc<str>,
    period: Period,
    read_at: Instant,
    figures: Arc<Figures>,
}

impl Daemon {
    /// What a message on a schedule says; `None` where there is nothing to say.
    pub(in super::super) async fn scheduled_content(
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
        if units.as_ref().is_some_and(|units| units.top.is_empty()) {
            return Ok(None);
        }
        match self.report_content(rules, stored, &period, units.as_ref(), language, now).await {
            Ok(content) => Ok(content.map(|content| TenantKind::Report(Box::new(content)))),
            Err(ReportError::Store(error)) => Err(error),
            Err(error) => {
                // A unit that is gone, or a temporary file that cannot be written: nobody else's mail waits for it.
                let tenant = &stored.organisation.tenant.id;
                tracing::error!(%tenant, period = %period.name(), %error, "a report cannot be made, and is not sent; `fristvakt report` makes it by hand");
                Ok(None)
            }
        }
    }

    async fn lists_content(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
        now: Instant,
    ) -> Result<Option<TenantKind>, StoreError> {
        let mut lists: BTreeMap<List, BTreeMap<String, ListedOne>> = BTreeMap::new();
        let each = |entry: Entry| {
            if entry.protected {
                return;
            }
            let Entry { list, case, reference, about, code, since, until, .. } = entry;
            // What a rule or contact is called may say what a case is about: of a rule its code, of a case its reference.
            let what = code.filter(|_| case.is_none()).or(reference).or(about).unwrap_or_default();
            let one = ListedOne { what: what.clone(), since, until };
            let kept = lists.entry(list).or_default().entry(what).or_insert_with(|| one.clone());
            // Of what is there twice, what has been so for longest.
            kept.since = [kept.since, one.since].into_iter().flatten().min();
        };
        self.store.oversee(stored, &rules.set, &self.reports.thresholds, now, each).await?;
        let line = |(list, found): (List, BTreeMap<String, ListedOne>)| {
            let count = found.len();
            let shown = found.into_values().filter(|one| !one.what.is_empty()).take(SHOWN).collect();
            ListLine { list, count, shown }
        };
        let lists: Vec<ListLine> = lists.into_iter().map(line).collect();
        let today = civil_date(stored.organisation.tenant.zone, now);
        Ok((!lists.is_empty()).then_some(TenantKind::Lists { today, lists }))
    }

    /// The report of a period, as a mail says it: of some units, or of the whole municipality. `None`: a leader in whose
    /// units nothing was and is.
    async fn report_content(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
        period: &Period,
        units: Option<&Led>,
        language: Language,
        now: Instant,
    ) -> Result<Option<ReportContent>, ReportError> {
        let tenant = &stored.organisation.tenant;
        let request = Request {
            tenant: Some(tenant.id.to_string()),
            units: units.map(|units| units.top.iter().map(ToString::to_string).collect()).unwrap_or_default(),
            language: Some(language),
            listed: Listed::Nothing,
            protected: false,
            ..Request::of(report::Period { from: period.first, to: period.last })
        };
        let figures = match &request.units[..] {
            [] => self.overview(rules, stored, period, now).await?.total.clone(),
            [unit] => {
                let overview = self.overview(rules, stored, period, now).await?;
                let row = overview.units.iter().find(|row| row.unit.as_deref() == Some(unit) && !row.own);
                row.map(|found| found.row.clone()).unwrap_or_else(nothing)
            }
            _ => Report::read(&self.store, &rules.set, &request, now, |_| {}).await?.figures().total.clone(),
        };
        let mut open_now = 0;
        let mut lines = vec![];
        if let Some(units) = units {
            let (count, oldest) = self.open_now(stored, units).await?;
            open_now = count;
            lines = self.open_lines(rules, stored, oldest, language, now).await?;
            // A leader hears where there is something; the coordinator of every period, for that there is nothing is news.
            let counts = [figures.opened, figures.closed, figures.open];
            if count == 0 && counts.iter().all(|count| count.value().is_none_or(|count| *count == 0)) {
                return Ok(None);
            }
        }
        let (files, too_large) = self.report_files(rules, &request, period, now).await?;
        Ok(Some(ReportContent {
            period: *period,
            today: civil_date(tenant.zone, now),
            figures,
            open_now,
            lines,
            link: self.reports.link(&tenant.id, period, &request.units),
            files,
            too_large,
        }))
    }

    /// The figures of a municipality's period, which all its leaders' mails are made from.
    async fn overview(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
        period: &Period,
        now: Instant,
    ) -> Result<Arc<Figures>, ReportError> {
        let tenant = &stored.organisation.tenant.id;
        let mut kept = self.overview.lock().await;
        if let Some(kept) = &*kept
            && (&kept.tenant, &kept.period) == (tenant, period)
            && (kept.read_at..kept.read_at + LASTING).contains(&now)
        {
            return Ok(Arc::clone(&kept.figures));
        }
        let request = Request {
            tenant: Some(tenant.to_string()),
            listed: Listed::Nothing,
            protected: false,
            ..Request::of(report::Period { from: period.first, to: period.last })
        };
        let read = Report::read(&self.store, &rules.set, &request, now, |_| {}).await?;
        let figures = Arc::new(read.figures().clone());
        *kept = Some(Overview { tenant: tenant.clone(), period: *period, read_at: now, figures: Arc::clone(&figures) });
        Ok(figures)
    }

    /// The report as files, where the configuration asks for them; and whether they are too large for a mail.
    async fn report_files(
        &self,
        rules: &Rules,
        request: &Request,
        period: &Period,
        now: Instant,
    ) -> Result<(Vec<ReportFile>, bool), ReportError> {
        if self.reports.attach.is_empty() {
            return Ok((vec![], false));
        }
        let request = Request { listed: Listed::All, ..request.clone() };
        let mut report = Report::read(&self.store, &rules.set, &request, now, |_| {}).await?;
        let mut files = vec![];
        let mut room = usize::try_from(u64::from(self.reports.attach_at_most) << 20).unwrap_or(usize::MAX);
        for attached in &self.reports.attach {
            let (format, ending, media_type) = match attached {
                Attached::Html => (Format::Html, "html", "text/html; charset=utf-8"),
                Attached::Xlsx => {
                    (Format::Xlsx, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
                }
            };
            let mut bytes = vec![];
            report.write(format, &mut bytes)?;
            if bytes.len() > room {
                return Ok((vec![], true));
            }
            room -= bytes.len();
            files.push(ReportFile { name: format!("avvik-{}.{ending}", period.name()), media_type, bytes });
        }
        Ok((files, false))
    }

    /// How many deviations of these units are open, and the oldest of them. Of protected cases nothing leaves.
    async fn open_now(
        &self,
        stored: &StoredOrganisation,
        units: &Led,
    ) -> Result<(usize, Vec<DeviationRow>), StoreError> {
        let filter = DeviationFilter {
            tenant: Some(stored.organisation.tenant.id.to_string()),
            open: true,
            limit: Some(BATCH),
            ..DeviationFilter::default()
        };
        let (mut count, mut oldest) = (0, Vec::new());
        let mut after = None;
        loop {
            let page = self.store.deviations_after(&filter, after.as_ref()).await?;
            let Some(last) = page.last() else { return Ok((count, oldest)) };
            after = Some(last.place());
            let of_units = |row: &DeviationRow| row.unit.as_deref().is_some_and(|unit| units.all.contains(unit));
            for row in page.into_iter().filter(|row| row.protected == 0 && of_units(row)) {
                count += 1;
                keep_oldest(&mut oldest, row);
            }
        }
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

/// What a report says of a unit in which nothing was.
fn nothing() -> Row {
    let zero = Figure::Is(0);
    Row {
        opened: zero,
        closed: zero,
        met_late: zero,
        explained: zero,
        withdrawn: zero,
        open: zero,
        due: zero,
        in_time: zero,
        ..Row::default()
    }
}

/// The units that somebody leads.
struct Led {
    /// Those under nobody else that they lead too, by id.
    top: BTreeSet<Arc<str>>,
    /// All of them, with those below.
    all: BTreeSet<Arc<str>>,
}

/// The units that somebody leads, and all below them. Units that stand in a circle stand below nobody.
fn led_units(organisation: &Organisation, leader: &str, now: Instant) -> Led {
    let leads = |id: &str| organisation.unit(id, now).is_some_and(|unit| unit.leader.as_deref() == Some(leader));
    let above = |id: &Arc<str>| {
        let mut above: Vec<Arc<str>> = vec![];
        while let Some(parent) = organisation.unit(above.last().unwrap_or(id), now).and_then(|unit| unit.parent.clone())
        {
            if parent == *id {
                return vec![];
            }
            if above.contains(&parent) {
                break;
            }
            above.push(parent);
        }
        above
    };
    let mut led = Led { top: BTreeSet::new(), all: BTreeSet::new() };
    for id in organisation.unit_ids() {
        let is_below = above(id).iter().any(|parent| leads(parent));
        if leads(id) && !is_below {
            led.top.insert(Arc::clone(id));
        }
        if leads(id) || is_below {
            led.all.insert(Arc::clone(id));
        }
    }
    led
}
