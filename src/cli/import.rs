//! `fristvakt import`

use std::io::Write;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};

use super::{ConfigArgument, FAILED, Failed, block_on, load, open};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{Access, Appended, Counts, FileError, ImportError, Imported, Load, Progress, Store};

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Each file is taken as a whole or not at all, and taking it twice changes nothing.\n\n\
                        Examples:\n  fristvakt import facts.ndjson\n  fristvakt import units.csv persons.csv cases.csv events.csv\n  \
                        fristvakt import --replace everything.ndjson")]
pub(super) struct Import {
    /// Facts: NDJSON, or CSV where the name ends in `.csv`.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The files are a full load: what they leave out of their municipalities is gone.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Import {
    pub(super) fn run(self) -> Result<(), Failed> {
        let config = self.config.load()?;
        let mode = if self.replace { Load::Replace } else { Load::Append };
        let imported = block_on(import(&config, &self.files, mode))??;
        let mut out = std::io::stdout().lock();
        for done in imported {
            let names: Vec<String> = done.paths.iter().map(|path| path.display().to_string()).collect();
            writeln!(out, "{}: {}", names.join(", "), counted(&done.appended))?;
        }
        Ok(())
    }
}

async fn import(config: &Config, files: &[PathBuf], mode: Load) -> Result<Vec<Imported>, Failed> {
    let location = config.location().map_err(|error| Failed::with(super::CONFIGURATION, error))?;
    let store = Store::open(&location, Access::Write).await?;
    let rules = match load(&open(config.rules.as_deref())?) {
        Ok((rules, _)) => rules,
        Err(failed) => super::in_use(&store).await?.ok_or(failed)?,
    };
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    let imported = store.import(files, &rules, mode, Clock::System.now(), |progress| {
        bar.set_message(match progress {
            Progress::Read(path, lines) => format!("{}: {lines} lines read", path.display()),
            Progress::Writing(path, records) => format!("{}: {records} records written", path.display()),
        });
        bar.tick();
    });
    let imported = imported.await;
    bar.finish_and_clear();
    store.close().await;
    imported.map_err(|errors| Failed::with(FAILED, errors.iter().map(text).collect::<Vec<_>>().join("\n")))
}

/// "cases: 40 new; events: 3 new, 1 changed": what is not mentioned was there already.
fn counted(appended: &Appended) -> String {
    let types = [
        ("tenants", appended.tenants),
        ("units", appended.units),
        ("persons", appended.persons),
        ("cases", appended.cases),
        ("events", appended.events),
    ];
    let parts: Vec<String> = types.into_iter().filter_map(|(name, counts)| changes(name, counts)).collect();
    let unchanged: usize = types.iter().map(|(_, counts)| counts.unchanged).sum();
    match (parts.is_empty(), unchanged) {
        (true, _) => format!("nothing new ({unchanged} records were there already)"),
        (false, 0) => parts.join("; "),
        (false, _) => format!("{}; {unchanged} were there already", parts.join("; ")),
    }
}

fn changes(name: &str, counts: Counts) -> Option<String> {
    let words = [(counts.new, "new"), (counts.changed, "changed"), (counts.removed, "removed")];
    let words: Vec<String> =
        words.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    (!words.is_empty()).then(|| format!("{name}: {}", words.join(", ")))
}

/// Everything that is wrong with a file, by line.
fn text(error: &FileError) -> String {
    let path = error.path.display();
    match &error.error {
        ImportError::Facts(lines) => {
            let lines: Vec<String> = lines.iter().map(|line| format!("{path}: {line}")).collect();
            format!("{}\n{path}: {}; nothing of it was imported", lines.join("\n"), error.error)
        }
        other => format!("{path}: {other}; nothing of it was imported"),
    }
}
