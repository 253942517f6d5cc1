//! `fristvakt deviations explain-away`, `withdraw`, `reopen` and `causes`

use std::io::Write;

use chrono::NaiveDate;
use serde_json::json;

use super::super::store::{Author, with_store};
use super::super::table::{Look, Table};
use super::super::{ConfigArgument, FAILED, Failed, Format, RulesArgument, USAGE};
use super::found;
use crate::clock::Clock;
use crate::language::Language;
use crate::register::{Decision, Unusable, Written};
use crate::store::{Access, Decided};

/// What is said of free text wherever somebody may write some.
const NO_NAMES: &str = "Texts stand in the register, its reports and the audit trail: name no child, no parent and no colleague. \
                        A text with a national identity number, an e-mail address or a telephone number is refused.";

/// Arguments of `deviations explain-away`.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{NO_NAMES}\n\nExamples:\n  \
                        fristvakt deviations causes\n  \
                        fristvakt deviations explain-away 7k3qm9x2ab4t --cause absence --reason \"nobody stood in\" --by kari\n  \
                        fristvakt deviations explain-away 7k3qm9x2ab4t --cause capacity --reason \"two at once\" \\\n    \
                        --action \"a second evening a month\" --action-due 2026-05-01"))]
pub(in super::super) struct ExplainAway {
    /// The deviation's id, as `deviations list` prints it.
    #[arg(value_name = "ID")]
    deviation: String,
    /// Why it happened: a code, as `deviations causes` prints them.
    #[arg(long, value_name = "CODE")]
    cause: String,
    /// What was or will be done about it.
    #[arg(long, value_name = "TEXT")]
    action: Option<String>,
    /// The day by which that will be done.
    #[arg(long, value_name = "DATE", requires = "action")]
    action_due: Option<NaiveDate>,
    #[command(flatten)]
    author: Author,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Arguments of `deviations withdraw` and `deviations reopen`.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{NO_NAMES}\n\nExamples:\n  \
                        fristvakt deviations withdraw 7k3qm9x2ab4t --reason \"entered twice\" --by kari\n  \
                        fristvakt deviations reopen 7k3qm9x2ab4t --reason \"the other one was withdrawn\" --by kari"))]
pub(in super::super) struct Change {
    /// The deviation's id, as `deviations list` prints it.
    #[arg(value_name = "ID")]
    deviation: String,
    #[command(flatten)]
    author: Author,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Arguments of `deviations causes`.
#[derive(Debug, clap::Args)]
#[command(after_help = "A municipality adds its own in `vocabulary.toml`:\n  \
                        [causes.school_trip]\n  \
                        title = { nb = \"Skoletur\", nn = \"Skuletur\", en = \"School trip\" }")]
pub(in super::super) struct ListCauses {
    /// How to print it; json: one object a line.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    config: ConfigArgument,
}

impl ExplainAway {
    pub(super) fn run(self) -> Result<(), Failed> {
        let by = self.author.name()?;
        let rules = self.rules.load_or(&self.config.load()?)?;
        let written = Written {
            cause: &self.cause,
            reason: &self.author.reason,
            action: self.action.as_deref(),
            action_due: self.action_due,
        };
        let decision = Decision::explain(&rules.causes, &by, written).map_err(unusable)?;
        decide(&self.config, &self.deviation, &decision, &format!("is explained: {}", self.cause))
    }
}

impl Change {
    pub(super) fn withdraw(self) -> Result<(), Failed> {
        let decision = Decision::withdraw(&self.author.name()?, &self.author.reason).map_err(unusable)?;
        decide(&self.config, &self.deviation, &decision, "is withdrawn")
    }

    pub(super) fn reopen(self) -> Result<(), Failed> {
        let decision = Decision::reopen(&self.author.name()?, &self.author.reason).map_err(unusable)?;
        decide(&self.config, &self.deviation, &decision, "stands as the facts say again")
    }
}

fn unusable(unusable: Unusable) -> Failed {
    let option = unusable.part.replace('_', "-");
    Failed::with(USAGE, format!("--{option} {}", unusable.problem))
}

fn decide(config: &ConfigArgument, deviation: &str, decision: &Decision, done: &str) -> Result<(), Failed> {
    let id = with_store(config, Access::Write, async |store, _| {
        let row = found(store, deviation).await?;
        match store.decide(row.name(), decision, "", Clock::System.now()).await? {
            Decided::Done => Ok(row.id),
            Decided::Unknown => Err(Failed::with(FAILED, format!("deviation {} is gone", row.id))),
            Decided::Impossible(why) => Err(Failed::with(FAILED, format!("deviation {}: {why}", row.id))),
        }
    })?;
    let (by, reason) = (decision.by(), decision.reason());
    writeln!(std::io::stdout().lock(), "deviation {id} {done} (by {by}: {reason})")?;
    Ok(())
}

impl ListCauses {
    pub(super) fn run(self) -> Result<(), Failed> {
        let rules = self.rules.load_or(&self.config.load()?)?;
        let mut out = std::io::stdout().lock();
        let mut table = Table::new(&["CODE", "NB", "NN", "EN"]);
        for cause in rules.causes.iter() {
            let [nb, nn, en] = Language::ALL.map(|language| cause.title.text(language).to_string());
            match self.format {
                Format::Json => writeln!(out, "{}", json!({ "code": &*cause.code, "nb": nb, "nn": nn, "en": en }))?,
                Format::Table => table.row([cause.code.to_string(), nb, nn, en]),
            }
        }
        if self.format == Format::Table {
            table.write(&mut out, Look::of_stdout())?;
        }
        Ok(())
    }
}
