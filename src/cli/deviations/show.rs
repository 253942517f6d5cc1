//! `fristvakt deviations show`

use std::io::Write;

use serde_json::json;

use super::super::store::{Looked, Looker, Zones, with_store};
use super::super::table::{Look, Table, or_empty};
use super::super::{ConfigArgument, Failed, Format, RulesArgument};
use super::{found, list};
use crate::calendar::civil_date;
use crate::clock::Clock;
use crate::language::Language;
use crate::register::Causes;
use crate::store::{Access, AuditRow, DeviationEventRow, ListedDeviation};

/// Arguments of `deviations show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fristvakt deviations show 7k3qm9x2ab4t\n  \
                        fristvakt deviations show 7k3qm9x2ab4t --format json\n\n\
                        How its due date came about is in `fristvakt explain CASE`.")]
pub(in super::super) struct Show {
    /// The deviation's id, as `deviations list` prints it.
    #[arg(value_name = "ID")]
    deviation: String,
    /// How to print it; json: one object.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    looker: Looker,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Everything that is shown.
struct Shown {
    deviation: ListedDeviation,
    events: Vec<DeviationEventRow>,
    decisions: Vec<AuditRow>,
    zones: Zones,
}

impl Show {
    pub(super) fn run(self) -> Result<(), Failed> {
        let shown = with_store(&self.config, Access::Read, async |store, _| {
            let row = found(store, &self.deviation).await?;
            let events = store.deviation_events(row.name()).await?;
            let entries: Vec<i64> = events.iter().filter_map(|event| event.entry).collect();
            let decisions = store.audit_entries(&row.tenant, &entries).await?;
            let zones = Zones::read(store).await?;
            let today = civil_date(zones.of(&row.tenant), Clock::System.now());
            Ok(Shown { deviation: ListedDeviation::on(row, today), events, decisions, zones })
        })?;
        let row = &shown.deviation.row;
        self.looker.note(&self.config, "show", &[Looked::at_case(&row.tenant, &row.case)])?;
        match self.format {
            Format::Json => {
                let Shown { deviation, events, decisions, .. } = &shown;
                let object = json!({ "deviation": deviation, "events": events, "decisions": decisions });
                writeln!(std::io::stdout().lock(), "{object}")?;
                Ok(())
            }
            Format::Table => shown.print(&self.rules.load_or(&self.config.load()?)?.causes),
        }
    }
}

impl Shown {
    fn print(&self, causes: &Causes) -> Result<(), Failed> {
        let look = Look::of_stdout();
        let mut out = std::io::stdout().lock();
        list::table(std::slice::from_ref(&self.deviation), &self.zones).write(&mut out, look)?;
        for line in self.lines(causes) {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "\nWhat happened")?;
        self.events().write(&mut out, look)?;
        Ok(())
    }

    /// What a table has no room for.
    fn lines(&self, causes: &Causes) -> Vec<String> {
        let row = &self.deviation.row;
        let local = |at| self.zones.local(&row.tenant, at);
        let mut lines = vec![String::new()];
        lines.extend(row.cite.as_ref().map(|cite| format!("The routine: {cite} (rule {})", row.code)));
        if let (Some(at), Some(to)) = (row.escalated_at, &row.escalated_to) {
            lines.push(format!("Escalated: {} to {to}", local(at)));
        }
        lines.extend(row.met_late_at.map(|at| format!("Met late: known since {}", local(at))));
        if let (Some(code), Some(cause)) = (&row.cause_code, &row.cause) {
            let by = or_empty(row.explained_by.as_ref());
            lines.push(format!("Cause: {}: {cause} (by {by})", causes.title(code, Language::En)));
        }
        if let Some(action) = &row.action {
            let due = row.action_due.map(|day| format!(", by {day}")).unwrap_or_default();
            lines.push(format!("Action: {action}{due}"));
        }
        if let (Some(reason), Some(by)) = (&row.withdrawn_reason, &row.withdrawn_by) {
            lines.push(format!("Withdrawn: {reason} (by {by})"));
        }
        lines.extend(row.facts_reason.as_ref().map(|reason| format!("By the facts it was no lapse: {reason}")));
        if row.protected != 0 {
            lines.push("Nothing about this case leaves: it is protected.".to_owned());
        }
        lines
    }

    fn events(&self) -> Table {
        let tenant = &self.deviation.row.tenant;
        let mut table = Table::new(&["WHEN", "WHAT", "STANDS AS", "DUE", "LATE", "CAUSE", "BY", "VIA", "WHY"]);
        for event in &self.events {
            let entry = self.decisions.iter().find(|entry| Some(entry.number) == event.entry);
            table.row([
                self.zones.local(tenant, event.at),
                event.kind.clone(),
                event.closed_as.clone().unwrap_or_else(|| "open".to_owned()),
                event.due_on.to_string(),
                format!("{} d", event.days_late),
                or_empty(event.cause_code.as_ref()),
                or_empty(event.author.as_ref()),
                or_empty(entry.map(|entry| &entry.via).filter(|via| !via.is_empty())),
                or_empty(entry.map(|entry| &entry.reason)),
            ]);
        }
        table
    }
}
