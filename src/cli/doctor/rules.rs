//! The rules: do they load, what does the linter say, which calendars end, and does the daemon use those on disk.

use std::path::Path;

use chrono_tz::Europe::Oslo;

use super::finding::Finding;
use crate::calendar::{Instant, civil_date};
use crate::config::Config;
use crate::daemon::Rules;
use crate::delivery::message::Templates;
use crate::folder::{FolderError, RulesFolder};
use crate::lint::lint;
use crate::rules::diagnostics::Severity;
use crate::rules::{Code, RuleSet};
use crate::store::Store;

pub(super) fn check(config: &Config, now: Instant) -> (Option<Rules>, Vec<Finding>) {
    let folder = config.rules.as_deref();
    let command =
        folder.map_or_else(|| "fristvakt check".to_owned(), |folder| format!("fristvakt check {}", folder.display()));
    match load(folder, now) {
        Ok(loaded) => {
            let mut findings = vec![Finding::ok("folder", named(folder, &loaded.rules.set))];
            findings.extend(loaded.linted(&command));
            (Some(loaded.rules), findings)
        }
        Err(error) => (None, vec![unusable(&error, &command)]),
    }
}

/// Whether the daemon plans with these rules.
pub(super) async fn in_use(store: Option<&Store>, rules: Option<&Rules>, daemon_runs: bool) -> Vec<Finding> {
    let (Some(store), Some(rules)) = (store, rules) else { return vec![] };
    match store.rules_in_use().await {
        Ok(Some(used)) if used == rules.fingerprint => vec![Finding::ok("in use", "the ones on disk")],
        Ok(Some(_)) if daemon_runs => vec![
            Finding::warning("in use", "other rules than the ones on disk")
                .means(
                    "They were changed since the daemon read them, or it holds them because they would send far more.",
                )
                .mend("systemctl reload fristvakt; if they are held, fristvakt rules status says so and what to do"),
        ],
        // They are read when the daemon starts, or there was never a sweep.
        Ok(_) => vec![],
        Err(error) => vec![super::unreadable("in use", &error)],
    }
}

struct Loaded {
    rules: Rules,
    warnings: usize,
    ending: Vec<String>,
    templates: Vec<String>,
}

fn load(folder: Option<&Path>, now: Instant) -> Result<Loaded, FolderError> {
    let files = RulesFolder::open(folder)?;
    let (set, report) = files.load()?;
    let report = report.with(lint(&set, &files.written(), civil_date(Oslo, now)));
    let ending = report.findings.iter().filter(|finding| finding.code == Code::ClosedListEnds);
    let ending: Vec<String> = ending.map(|finding| finding.message.clone()).collect();
    let rules = Rules::load(folder)?;
    let (templates, mut problems) = Templates::new(&rules.set.templates);
    problems.extend(templates.check());
    let mut templates: Vec<String> = problems.iter().map(ToString::to_string).collect();
    templates.dedup();
    Ok(Loaded { rules, warnings: report.warnings() - ending.len(), ending, templates })
}

impl Loaded {
    fn linted(&self, command: &str) -> Vec<Finding> {
        let mut findings = vec![match self.warnings {
            0 => Finding::ok("linter", "no warnings"),
            warnings => Finding::warning("linter", format!("{warnings} warning(s)"))
                .means("Something parses that can hardly be meant so.")
                .mend(command),
        }];
        findings.extend(self.ending.iter().map(|message| {
            Finding::warning("calendar", message.clone())
                .means("Deadlines that are counted beyond it come out too early.")
                .mend("add the closed days of the coming year, then: systemctl reload fristvakt")
        }));
        findings.extend(self.templates.iter().map(|problem| {
            Finding::error("template", problem.clone()).means("A plain text goes out in its place.").mend(command)
        }));
        findings
    }
}

fn named(folder: Option<&Path>, rules: &RuleSet) -> String {
    let where_from = folder.map_or_else(|| "the shipped rules".to_owned(), |folder| folder.display().to_string());
    format!(
        "{where_from}: {} packs, {} rules, {} calendars",
        rules.packs.len(),
        rules.rules.len(),
        rules.calendars.len()
    )
}

fn unusable(error: &FolderError, command: &str) -> Finding {
    let first = match error {
        FolderError::Invalid(report) => report.findings.iter().find(|finding| finding.severity() == Severity::Error),
        FolderError::Read { .. } => None,
    };
    let found = first.map_or_else(|| error.to_string(), |first| format!("{error}; the first: {}", first.message));
    Finding::error("folder", found)
        .means("The daemon goes on with the rules that were last in use, also after a start.")
        .mend(command)
}
