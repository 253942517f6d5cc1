//! `fristvakt source check`

use std::io::{BufWriter, Write};

use tokio_util::sync::CancellationToken;

use super::{HeldRow, named};
use crate::cli::table::{Look, Table};
use crate::cli::{CONFIGURATION, ConfigArgument, FAILED, Failed, Format, block_on, load, open};
use crate::clock::Clock;
use crate::source::{Outcome, QueryOutcome, try_out};
use crate::store::{Access, Store, StoreError, TenantCount};

/// How many rows that would be set aside are shown.
const MOST_SHOWN: usize = 100;

/// Arguments of `source check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 every query was read · 1 something was not\n\n\
                        Examples:\n  fristvakt source check fagsystem\n  \
                        fristvakt source check fagsystem --format json | jq 'select(.reason)'")]
pub(in crate::cli) struct Check {
    /// The source's name in the configuration.
    #[arg(value_name = "NAME")]
    name: String,
    /// How to print it; json: one object a line.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failed> {
        let config = self.config.load()?;
        let source = named(&config, &self.name)?;
        let (rules, _) = load(&open(config.rules.as_deref())?)?;
        let location = config.location().map_err(|error| Failed::with(CONFIGURATION, error))?;
        let now = Clock::System.now();
        let outcome = block_on(async {
            // Before the first start there is none, and what comes of a source can be seen all the same.
            let store = match Store::open(&location, Access::Read).await {
                Ok(store) => Some(store),
                Err(StoreError::Missing(_)) => None,
                Err(error) => return Err(Failed::from(error)),
            };
            let tried = try_out(&source, store.as_ref(), &rules, now, &CancellationToken::new()).await;
            if let Some(store) = store {
                store.close().await;
            }
            tried.map_err(|error| Failed::with(FAILED, error))
        })??;
        let mut out = BufWriter::new(std::io::stdout().lock());
        match self.format {
            Format::Table => print(&mut out, &outcome)?,
            Format::Json => print_json(&mut out, &outcome)?,
        }
        out.flush()?;
        match outcome.failures.as_slice() {
            [] => Ok(()),
            failures => Err(Failed::with(FAILED, format!("source {}: {}", source.name, failures.join("\nerror: ")))),
        }
    }
}

fn print(out: &mut impl Write, outcome: &Outcome) -> std::io::Result<()> {
    let mut table = Table::new(&["QUERY", "ROWS", "USABLE", "ASIDE", "HELD"]);
    for query in &outcome.queries {
        let aside = query.aside.len();
        let held: Vec<String> = query.held.iter().map(|held| held_words(&held.tenant, held)).collect();
        table.row([
            query.record_type.word().to_owned(),
            query.rows.to_string(),
            query.rows.saturating_sub(aside).to_string(),
            aside.to_string(),
            held.join("; "),
        ]);
    }
    table.write(out, Look::of_stdout())?;
    let aside: Vec<_> = outcome.queries.iter().flat_map(|query| &query.aside).collect();
    if !aside.is_empty() {
        writeln!(out, "\nWould be set aside")?;
        let mut table = Table::new(&["QUERY", "TENANT", "ID", "WHY"]);
        for row in aside.iter().take(MOST_SHOWN) {
            table.row([row.r#type.clone(), row.tenant.clone(), row.shown_id(), row.reason.clone()]);
        }
        table.write(out, Look::of_stdout())?;
        if let Some(more) = aside.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
            writeln!(out, "… and {more} more; --format json shows all")?;
        }
    }
    Ok(())
}

fn held_words(tenant: &str, count: &TenantCount) -> String {
    let now = count.held.map_or(0, |held| held.rows);
    format!("{tenant}: {now} where {} were", count.rows)
}

fn print_json(out: &mut impl Write, outcome: &Outcome) -> std::io::Result<()> {
    for query in &outcome.queries {
        writeln!(out, "{}", json(query))?;
        for row in &query.aside {
            let line = serde_json::json!({
                "query": row.r#type, "tenant": row.tenant, "id": row.shown_id(), "reason": row.reason,
            });
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn json(query: &QueryOutcome) -> serde_json::Value {
    let held = query.held.iter().filter_map(HeldRow::of).collect::<Vec<_>>();
    serde_json::json!({
        "query": query.record_type.word(),
        "rows": query.rows,
        "set_aside": query.aside.len(),
        "held": held,
    })
}
