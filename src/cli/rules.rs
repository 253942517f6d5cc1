//! `fristvakt rules`

use std::io::Write;

use super::store::{Author, with_store};
use super::{ConfigArgument, FAILED, Failed, load, open};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::{Forecast, Rules as Loaded, forecast};
use crate::store::{Access, Store};

/// How many cases are looked at.
const MOST: usize = 200_000;

/// Arguments of `rules`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Rules {
    /// Say which rules are in use, and what those on disk would send instead in the next seven days.
    Status(Status),
    /// Let the rules on disk come into use, whatever they will send.
    Confirm(Confirm),
}

/// Arguments of `rules status`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Nothing is changed. `simulate --store --compare` shows the same line by line, over any time.\n\n\
                        Example:\n  fristvakt rules status"
)]
pub(super) struct Status {
    #[command(flatten)]
    config: ConfigArgument,
}

/// Arguments of `rules confirm`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Rules that would send far more than those in use are held when the daemon reads them ([reload] in the \
                        configuration). Look at `fristvakt rules status` first.\n\n\
                        Example:\n  fristvakt rules confirm --reason \"the school year begins\" && systemctl reload fristvakt"
)]
pub(super) struct Confirm {
    #[command(flatten)]
    author: Author,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Rules {
    pub(super) fn run(self) -> Result<(), Failed> {
        match self {
            Self::Status(status) => status.run(),
            Self::Confirm(confirm) => confirm.run(),
        }
    }
}

/// The rules on disk; what is wrong with them is shown with its lines.
fn on_disk(config: &Config) -> Result<Loaded, Failed> {
    load(&open(config.rules.as_deref())?)?;
    Loaded::load(config.rules.as_deref()).map_err(|error| Failed::with(FAILED, error))
}

fn short(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or(fingerprint)
}

impl Status {
    fn run(self) -> Result<(), Failed> {
        let text = with_store(&self.config, Access::Read, async |store, config| {
            let Some((fingerprint, files)) = store.kept_rules().await? else {
                return Ok(format!("in use:  none yet\non disk: {}\n", short(&on_disk(config)?.fingerprint)));
            };
            let head = format!("in use:  {}\n", short(&fingerprint));
            let Ok(disk) = on_disk(config) else {
                return Ok(format!("{head}on disk: cannot be used; `fristvakt check` shows file, line and mend\n"));
            };
            if fingerprint == disk.fingerprint {
                return Ok(format!("{head}on disk: the same\n"));
            }
            let head = format!("{head}on disk: {}, others\n", short(&disk.fingerprint));
            let Ok(kept) = Loaded::kept(files) else {
                return Ok(format!(
                    "{head}\nThis program does not understand those in use: another version kept them.\n"
                ));
            };
            Ok(format!("{head}\n{}", differing(store, config, &kept, &disk).await?))
        })?;
        std::io::stdout().lock().write_all(text.as_bytes())?;
        Ok(())
    }
}

async fn differing(store: &Store, config: &Config, kept: &Loaded, disk: &Loaded) -> Result<String, Failed> {
    let now = Clock::System.now();
    let Forecast { added, dropped, before, after, cases, is_part } =
        forecast(store, [&kept.set, &disk.set], MOST, now, || ()).await?;
    let of = if is_part { format!(" (the first {cases} cases)") } else { String::new() };
    let mut text = format!(
        "With those on disk, in the next seven days{of}: {added} notices added, {dropped} dropped; {after} messages instead of {before}.\n"
    );
    if config.reload.holds(before, after) {
        text.push_str(match store.are_confirmed(&disk.fingerprint).await? {
            true => "That is far more, and a person let them go: systemctl reload fristvakt\n",
            false => "That is far more, so the daemon does not take them into use. If it is meant: fristvakt rules confirm --reason …\n",
        });
    } else {
        text.push_str("They come into use with: systemctl reload fristvakt\n");
    }
    Ok(text)
}

impl Confirm {
    fn run(self) -> Result<(), Failed> {
        let (by, reason, now) = (self.author.name()?, self.author.reason()?, Clock::System.now());
        let fingerprint = with_store(&self.config, Access::Write, async |store, config| {
            let disk = on_disk(config)?;
            store.confirm_rules(&disk.fingerprint, &by, reason, now).await?;
            Ok(disk.fingerprint)
        })?;
        let fingerprint = short(&fingerprint);
        writeln!(
            std::io::stdout().lock(),
            "the rules on disk ({fingerprint}) may come into use, whatever they send (by {by}: {reason}): systemctl reload fristvakt"
        )?;
        Ok(())
    }
}
