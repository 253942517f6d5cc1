//! `fristvakt purge`

use std::io::Write;

use chrono::{NaiveDate, TimeDelta};
use serde_json::json;

use super::store::with_store;
use super::table::{Look, Table};
use super::{ConfigArgument, FAILED, Failed, Format, RulesArgument, USAGE};
use crate::calendar::{Instant, civil_date};
use crate::clock::Clock;
use crate::config::RetentionSettings;
use crate::daemon::purge_page;
use crate::register::{author, free_text};
use crate::store::{Access, Order, Purged, Store, StoredOrganisation};

/// Arguments of `purge`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Without --yes nothing is changed: it prints what would go.\n\n\
                  A case goes with everything about it, so many months after it was closed and the last thing happened in it, as \
                  [retention] in the configuration says, or where it was closed before --before. It stays where something about it \
                  is open or unsent, or where somebody holds it (`fristvakt hold`). Figures of reports do not change. What is \
                  brought again of a purged case is left out; only what happens later makes it live again, with that alone.\n\n\
                  The service does the same once a day where [retention] is set. Afterwards a database file is written anew, so that \
                  nothing can be read where rows were. Backups, and the acceptance journal for 60 to 88 days, are not touched.\n\n\
                  Examples:\n  fristvakt purge\n  fristvakt purge --before 2024-01-01 --tenant sokndal\n  \
                  fristvakt purge --yes --by kari")]
pub(super) struct Purge {
    /// Cases that were closed before this day, instead of what the configuration says; at least 88 days ago.
    #[arg(long, value_name = "DATE")]
    before: Option<NaiveDate>,
    /// Only of this municipality.
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Do it.
    #[arg(long)]
    yes: bool,
    /// Who decides it; whoever is logged in unless said.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Why, for the audit trail, where the configuration does not say it.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// How to print it; json: one object a municipality.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    config: ConfigArgument,
}

/// What came of a municipality.
struct Done {
    tenant: String,
    before: NaiveDate,
    purged: Purged,
}

impl Purge {
    pub(super) fn run(self) -> Result<(), Failed> {
        let (by, now) = (self.by()?, Clock::System.now());
        let done = with_store(&self.config, Access::Write, async |store, config| {
            let rules = self.rules.load_with(store, config).await?;
            let (organisations, _) = store.read_organisations(&rules, now).await?;
            let mut done = vec![];
            for of in organisations.iter().filter(|of| self.is_asked(&of.organisation.tenant.id)) {
                let Some((before, reason)) = self.before(of, &config.retention, now)? else { continue };
                let municipality = of.municipality(&rules).map_err(|text| Failed::with(FAILED, text))?;
                let (tenant, zone) = (&*of.organisation.tenant.id, municipality.zone());
                let order = Order { tenant, zone, before, by: &by, reason: &reason, dry: !self.yes };
                order.check(municipality.date(now)).map_err(|refused| Failed::with(USAGE, refused))?;
                let mut purged = Purged::default();
                let mut after = Some(String::new());
                while let Some(from) = after {
                    let page = purge_page(store, of, &municipality, &order, &from, now).await?;
                    purged.add(&page.purged);
                    after = page.next;
                }
                purged.add(&store.purge_gone(&order, now).await?);
                done.push(Done { tenant: tenant.to_owned(), before, purged });
            }
            if done.is_empty() {
                return Err(self.nothing_asked(&organisations));
            }
            if self.yes && store.scrub_owed().await?.is_some() {
                scrub(store, now).await?;
            }
            Ok(done)
        })?;
        self.print(&done)
    }

    fn by(&self) -> Result<String, Failed> {
        let said = self.by.clone().or_else(crate::config::user_name).filter(|name| !name.trim().is_empty());
        let nobody = || Failed::with(USAGE, "nobody is logged in here; say who decides this with --by NAME");
        match said {
            Some(name) => author(&name).map_err(|problem| Failed::with(USAGE, format!("--by: {problem}"))),
            None if self.yes => Err(nobody()),
            None => Ok(String::new()),
        }
    }

    fn is_asked(&self, tenant: &str) -> bool {
        self.tenant.as_deref().is_none_or(|asked| asked == tenant)
    }

    /// The day before which cases have to have been closed, and why; `None`: the municipality keeps them for ever.
    fn before(
        &self,
        of: &StoredOrganisation,
        retention: &RetentionSettings,
        now: Instant,
    ) -> Result<Option<(NaiveDate, String)>, Failed> {
        let tenant = &of.organisation.tenant;
        let why = self.reason.as_deref().map(free_text).transpose();
        let why = why.map_err(|problem| Failed::with(USAGE, format!("--reason: {problem}")))?;
        if let Some(before) = self.before {
            return Ok(Some((before, why.unwrap_or_else(|| "purged by command".to_owned()))));
        }
        let configured = retention.before(&tenant.id, civil_date(tenant.zone, now)).zip(retention.months(&tenant.id));
        Ok(configured
            .map(|(before, months)| (before, why.unwrap_or_else(|| format!("kept for {months} months after closing")))))
    }

    fn nothing_asked(&self, organisations: &[StoredOrganisation]) -> Failed {
        if organisations.iter().any(|of| self.is_asked(&of.organisation.tenant.id)) {
            let text = "closed cases are kept for ever; set `months` under [retention] in the configuration, or say --before DATE";
            return Failed::with(USAGE, text);
        }
        let of = self.tenant.as_ref().map_or_else(String::new, |tenant| format!(" `{tenant}`"));
        Failed::with(FAILED, format!("there is no municipality{of}; import one first"))
    }

    fn print(&self, done: &[Done]) -> Result<(), Failed> {
        let mut out = std::io::stdout().lock();
        match self.format {
            Format::Json => {
                for Done { tenant, before, purged } in done {
                    let object = json!({ "tenant": tenant, "before": before, "done": self.yes, "purged": purged });
                    writeln!(out, "{object}")?;
                }
            }
            Format::Table => {
                let mut table = Table::new(&[
                    "TENANT",
                    "CLOSED BEFORE",
                    "CASES",
                    "FACTS",
                    "OBLIGATIONS",
                    "NOTICES",
                    "MESSAGES",
                    "ATTEMPTS",
                    "DEVIATIONS",
                    "KEPT",
                ]);
                for Done { tenant, before, purged } in done {
                    let kept: Vec<String> = purged.kept.iter().map(|(why, count)| format!("{count} {why}")).collect();
                    let counts = [
                        purged.cases,
                        purged.facts,
                        purged.obligations,
                        purged.notices,
                        purged.messages,
                        purged.attempts,
                        purged.deviations,
                    ];
                    let [cases, facts, obligations, notices, messages, attempts, deviations] =
                        counts.map(|count| count.to_string());
                    let (tenant, before, kept) = (tenant.clone(), before.to_string(), kept.join(", "));
                    table.row([
                        tenant,
                        before,
                        cases,
                        facts,
                        obligations,
                        notices,
                        messages,
                        attempts,
                        deviations,
                        kept,
                    ]);
                }
                table.write(&mut out, Look::of_stdout())?;
            }
        }
        if !self.yes {
            writeln!(std::io::stderr().lock(), "nothing was changed; with --yes this goes")?;
        }
        Ok(())
    }
}

/// Leaves nothing readable where rows were. Everything is purged already: what goes wrong here is only said.
async fn scrub(store: &Store, now: Instant) -> Result<(), Failed> {
    match store.scrub(true).await {
        Ok(()) => store.note_scrub(now).await?,
        Err(error) => {
            let text = "purged, but the file could not be written anew, so parts of deleted rows may still be in it";
            writeln!(std::io::stderr().lock(), "warning: {text}: {error}; it is tried again with the next purge")?;
            // Long enough ago that the service tries it.
            store.note_scrub(now - TimeDelta::days(365)).await?;
        }
    }
    Ok(())
}
