//! `fristvakt demo`

use std::io::Write;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};

use super::{FAILED, Failed, block_on};
use crate::demo::{self, Places, Summary};
use crate::schedule::Scheduled;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fristvakt demo\n  fristvakt demo --folder /tmp/fristvakt-demo")]
pub(super) struct Demo {
    /// Where to put database, mails and facts; a new temporary folder unless said.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Demo {
    pub(super) fn run(self) -> Result<(), Failed> {
        let folder = match self.folder {
            Some(folder) => folder,
            None => std::env::temp_dir().join(format!("fristvakt-demo-{}", uuid::Uuid::now_v7())),
        };
        let bar = progress_bar();
        let done = block_on(demo::run(&folder, |day| {
            bar.set_message(day.to_string());
            bar.inc(1);
        }))?;
        bar.finish_and_clear();
        let (places, summary) = done.map_err(|error| Failed::with(FAILED, error))?;
        print(&mut std::io::stdout().lock(), &places, &summary)?;
        Ok(())
    }
}

/// On stderr, and only where that is a terminal.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} days  {msg}");
    let bar = ProgressBar::new(demo::length());
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn print(out: &mut impl Write, places: &Places, summary: &Summary) -> std::io::Result<()> {
    writeln!(out, "Two sample municipalities, 40 cases, ten weeks from 2 March 2026, in fast-forward.\n")?;
    writeln!(out, "  mails sent     {:>5}   by real SMTP to the built-in catcher", summary.mails)?;
    writeln!(out, "  reminders      {:>5}", summary.reminders)?;
    writeln!(
        out,
        "  escalations    {:>5}   to leaders and coordinators, after the holder had been told",
        summary.escalations
    )?;
    writeln!(
        out,
        "  spared         {:>5}   steps that a later one overtook: one clear mail instead of several",
        summary.spared
    )?;
    writeln!(
        out,
        "  reports        {:>5}   mails on a schedule: the week to each leader, month and lists to the coordinator",
        summary.reports
    )?;
    if summary.unsent > 0 {
        writeln!(out, "  not sent       {:>5}", summary.unsent)?;
    }
    let differences = summary.differences;
    writeln!(
        out,
        "  differences    {differences:>5}   between what was sent and what the daily reconciliation worked out anew"
    )?;
    counts(out, "obligations", &summary.obligations)?;
    counts(out, "deviations", &summary.deviations)?;
    writeln!(out, "\nWho got what\n\n  {:<34} {:>5} {:>10} {:>12}", "", "mails", "reminders", "escalations")?;
    for reader in &summary.readers {
        let name = format!("{}/{}", reader.tenant, reader.recipient);
        writeln!(out, "  {name:<34} {:>5} {:>10} {:>12}", reader.mails, reader.reminders, reader.escalations)?;
    }
    let (config, facts) = (places.config.display(), places.facts.display());
    writeln!(out, "\nWhere to look\n")?;
    writeln!(out, "  the mails            {}", places.mails.display())?;
    for (scheduled, mail) in &places.scheduled {
        let what = match scheduled {
            Scheduled::Weekly => "a leader's week",
            Scheduled::Lists => "what to look after",
            Scheduled::Monthly => "the month",
            Scheduled::Quarterly => "the quarter",
            Scheduled::Yearly => "the year",
        };
        writeln!(out, "  {what:<20} {}", mail.display())?;
    }
    writeln!(out, "  why a date is so     fristvakt explain F-03 --config {config} --now 2026-03-16T08:00:00+01:00")?;
    writeln!(out, "  what stands open     fristvakt deviations list --open --config {config}")?;
    writeln!(out, "  a rule, tried out    fristvakt simulate --facts {facts} --from 2026-03-02 --to 2026-05-10")?;
    writeln!(out, "\nThe ten weeks in one report, for a leader who has ten seconds\n")?;
    writeln!(out, "  a page to open       {}", places.report.display())?;
    writeln!(out, "  a workbook           {}", places.workbook.display())?;
    Ok(())
}

fn counts(out: &mut impl Write, what: &str, counts: &std::collections::BTreeMap<String, usize>) -> std::io::Result<()> {
    let total: usize = counts.values().sum();
    let parts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {}", word.replace('_', " "))).collect();
    writeln!(out, "  {what:<14} {total:>5}   {}", parts.join(", "))
}
