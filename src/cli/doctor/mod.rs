//! `fristvakt doctor`: everything that an installation needs, checked, with how to mend what is not well.
//!
//! Each file here checks one thing and gives findings. Nothing is changed, and nobody is written to unless the
//! arguments name an address or a webhook. It works beside a running daemon.

mod audit;
mod clock;
mod configuration;
mod database;
mod drill;
mod email;
mod finding;
mod messages;
mod municipalities;
mod rules;
mod server;
mod sources;
mod time;
mod way;
mod web;
mod webhooks;

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, FixedOffset};
use indicatif::ProgressBar;

use super::{ConfigArgument, FAILED, Failed, Format, block_on};
use crate::calendar::Instant;
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::Rules;
use crate::organisation::Address;
use crate::store::{Access, Store};

pub(super) use drill::Drill;

use finding::{Finding, Report};
use webhooks::Wanted;

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 nothing is an error · 1 something is\n\n\
                        Nothing is changed, and nobody is written to unless you name an address or a webhook.\n\n\
                        Examples:\n  fristvakt doctor\n  fristvakt doctor --send-test kari@kommune.example\n  \
                        fristvakt doctor --test-webhook samspill\n  \
                        fristvakt doctor --format json | jq 'select(.status != \"ok\")'")]
pub(super) struct Doctor {
    /// Send a mail marked `[TEST]` to this address, which must lie in a municipality's mail domains.
    #[arg(long, value_name = "ADDRESS")]
    send_test: Option<String>,
    /// Send a signed event of the type `test` to this webhook.
    #[arg(long, value_name = "NAME")]
    test_webhook: Option<String>,
    /// The moment to judge by, RFC 3339; now unless said.
    #[arg(long, value_name = "INSTANT")]
    now: Option<DateTime<FixedOffset>>,
    /// How to print findings; json: one a line.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Doctor {
    pub(super) fn run(self) -> Result<(), Failed> {
        let json = self.format == Format::Json;
        let coloured = std::io::stdout().is_terminal() && !crate::config::no_color();
        let mut report = Report::new(json, coloured);
        block_on(self.examine(&mut report))??;
        if !json {
            writeln!(std::io::stdout().lock(), "{}", report.summary())?;
        }
        match report.errors() {
            0 => Ok(()),
            errors => Err(Failed::with(FAILED, format!("{errors} check(s) failed; each says how to mend it"))),
        }
    }

    async fn examine(&self, report: &mut Report) -> std::io::Result<()> {
        let now = self.now.map_or_else(|| Clock::System.now(), |now| now.to_utc());
        let (config, findings) = configuration::check(&self.config);
        report.group("Configuration", &findings)?;
        let Some(config) = config else { return Ok(()) };
        let database = waiting("reading the database", database::check(&config)).await;
        report.group("Database", &database.findings)?;
        let (rules, findings) = rules::check(&config, now);
        let store = match &database.usable {
            Some(location) => Store::open(location, Access::Read).await.ok(),
            None => None,
        };
        let in_use = rules::in_use(store.as_ref(), rules.as_ref(), database.daemon_runs).await;
        let taken = configuration::in_use(store.as_ref(), &config, database.daemon_runs).await;
        report.group("Rules", &[findings, in_use, taken].concat())?;
        if let Some(store) = &store {
            report.group("Audit trail", &waiting("checking the audit trail", audit::check(store, &config)).await)?;
            self.examine_content(report, &config, store, rules.as_ref(), now).await?;
        }
        if !config.sources.is_empty() {
            let findings = sources::check(&config, store.as_ref(), rules.as_ref(), now);
            report.group("Sources", &waiting("asking sources", findings).await)?;
        }
        let test = self.send_test.as_deref().map(Address::new);
        let email = waiting("talking to the relay", email::check(&config, store.as_ref(), test.as_ref(), now)).await;
        report.group("Mail", &email.findings)?;
        let wanted = self.test_webhook.as_deref().map_or(Wanted::None, Wanted::Name);
        let findings = webhooks::check(&config, wanted, now);
        report.group("Webhooks", &waiting("calling webhooks", findings).await)?;
        report.group("Web server", &web::check(&config, database.daemon_runs).await)?;
        report.group("Clock", &clock::check(database.last_write, email.their_clock, now))?;
        if let Some(store) = store {
            store.close().await;
        }
        Ok(())
    }

    async fn examine_content(
        &self,
        report: &mut Report,
        config: &Config,
        store: &Store,
        rules: Option<&Rules>,
        now: Instant,
    ) -> std::io::Result<()> {
        if let Some(rules) = rules {
            report.group("Municipalities", &municipalities::check(store, rules, now).await)?;
        }
        report.group("Messages", &messages::check(store, config, now).await)
    }
}

/// Shows on a terminal that something takes its time.
async fn waiting<T>(what: &'static str, work: impl Future<Output = T>) -> T {
    let bar = ProgressBar::new_spinner().with_message(what);
    bar.enable_steady_tick(Duration::from_millis(120));
    let done = work.await;
    bar.finish_and_clear();
    done
}

/// A finding for what the database would not say.
fn unreadable(check: &str, error: &crate::store::StoreError) -> Finding {
    Finding::error(check, error.to_string()).means("The database could not be asked.").mend("fristvakt doctor")
}

/// The mode of a file, its nine last bits.
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    Some(path.metadata().ok()?.permissions().mode() & 0o777)
}
