//! The databases that facts are read from: does each answer, does it only let us read, does each query run, and how old
//! are its facts.

use chrono::TimeDelta;

use super::finding::Finding;
use super::time::{lasting, local};
use crate::calendar::Instant;
use crate::config::Config;
use crate::daemon::Rules;
use crate::source::{Failure, Source, load, probe};
use crate::store::{SourceState, Store};

pub(super) async fn check(config: &Config, store: Option<&Store>, rules: Option<&Rules>, now: Instant) -> Vec<Finding> {
    let (sources, warnings) = match load(&config.sources) {
        Ok(loaded) => loaded,
        Err(error) => {
            let finding = Finding::error("settings", error.to_string());
            return vec![finding.means("The daemon does not start with this.")];
        }
    };
    // Who may read files with secrets is told elsewhere.
    let warnings = warnings.iter().filter(|warning| !warning.problem.contains("can be read by other users"));
    let mut findings: Vec<Finding> = warnings
        .map(|warning| Finding::warning("settings", format!("`{}`", warning.key)).means(warning.problem.clone()))
        .collect();
    let states = match store {
        Some(store) => store.source_states().await.unwrap_or_default(),
        None => vec![],
    };
    for source in &sources {
        let known = states.iter().find(|state| state.name == source.name);
        findings.extend(of_one(source, known, rules, now).await);
    }
    findings
}

async fn of_one(source: &Source, known: Option<&SourceState>, rules: Option<&Rules>, now: Instant) -> Vec<Finding> {
    let none = SourceState::default();
    let mut findings = vec![];
    if let Some(rules) = rules {
        let probed = probe(source, known.unwrap_or(&none), &rules.set, now).await;
        let name = &source.name;
        match &probed.version {
            Ok(version) => findings.push(Finding::ok(name, format!("{version} at {}", source.place()))),
            Err(failure) => findings.push(unreachable(source, failure)),
        }
        match &probed.writes {
            None => {}
            Some(Ok(None)) => findings.push(Finding::ok(format!("{name} rights"), "its role only reads")),
            Some(Ok(Some(what))) => findings.push(may_write(source, what)),
            Some(Err(failure)) => {
                let finding = Finding::warning(format!("{name} rights"), failure.text.clone());
                findings.push(
                    finding.means("Whether the role may write is not known. fristvakt only reads, all the same."),
                );
            }
        }
        for query in &probed.queries {
            let check = format!("{name} {}", query.record_type.word());
            findings.push(match &query.found {
                Ok((columns, true)) => Finding::ok(check, format!("runs, {columns} columns")),
                Ok((columns, false)) => Finding::warning(check, format!("runs, {columns} columns, and gives no row"))
                    .means("Nothing of this kind is known from here.")
                    .mend("run the query by hand, as the same role"),
                Err(failure) => Finding::error(check, failure.text.clone())
                    .means("Nothing of this kind is read, and nothing of it is removed.")
                    .mend(format!(
                        "edit [source.query.{}] or the view, then: fristvakt source check {name}",
                        query.record_type.word()
                    )),
            });
        }
    }
    findings.push(age(source, known, now));
    findings.extend(known.into_iter().flat_map(|state| held(source, state)));
    if let Some(state) = known.filter(|state| state.set_aside > 0) {
        let finding = Finding::warning(format!("{} rows", source.name), format!("{} set aside", state.set_aside));
        findings.push(finding.means("They stop nothing else.").mend("fristvakt quarantine list"));
    }
    findings
}

fn unreachable(source: &Source, failure: &Failure) -> Finding {
    let finding = Finding::error(&source.name, format!("{}: {}", source.place(), failure.text))
        .means("Known deadlines go on; what happens from now on is not known, and no reminder stops because of it.");
    finding.mend(match source.database() {
        "postgres" => {
            "psql as the same role from this machine; check host, port, password_file and pg_hba.conf".to_owned()
        }
        "mysql" => "mariadb as the same role from this machine; check host, port, password_file and grants".to_owned(),
        _ => format!("ls -l {}", source.place()),
    })
}

fn may_write(source: &Source, what: &str) -> Finding {
    let finding = Finding::warning(format!("{} rights", source.name), what);
    let finding = finding.means("fristvakt only reads. But whoever learns the password could change the case system.");
    finding.mend("give it a role of its own with SELECT on the views alone: see the README")
}

/// How old its facts are.
fn age(source: &Source, known: Option<&SourceState>, now: Instant) -> Finding {
    let check = format!("{} facts", source.name);
    let Some(state) = known else {
        return Finding::warning(check, "never read").mend("systemctl restart fristvakt");
    };
    let as_of = match state.ok_at {
        Some(at) => format!("as of {}, {} ago", local(at), lasting(now - at)),
        None => "never read to the end".to_owned(),
    };
    if let Some(failure) = &state.failure {
        let since = state.failed_since.map(|since| format!(" since {}", local(since))).unwrap_or_default();
        return Finding::error(check, format!("{as_of}; failing{since}: {failure}"))
            .means("Known deadlines go on. It is tried again every minute.")
            .mend(format!("fristvakt source check {}", source.name));
    }
    // Missed by more than one turn.
    let late = TimeDelta::from_std(source.every * 2).unwrap_or(TimeDelta::MAX) + TimeDelta::minutes(5);
    match state.ok_at {
        Some(at) if now - at <= late => Finding::ok(check, as_of),
        _ => Finding::warning(check, as_of)
            .means("It is not read as often as `every` says: the service does not run, or is busy.")
            .mend("systemctl status fristvakt"),
    }
}

/// Full loads that nobody believes.
fn held(source: &Source, state: &SourceState) -> Vec<Finding> {
    let held = state.counts.iter().filter_map(|count| Some((count, count.held?)));
    let finding = |(count, held): (&crate::store::TenantCount, crate::store::HeldCount)| {
        let (word, tenant, since) = (count.record_type.word(), &count.tenant, local(held.since));
        let found = format!("{word} of {tenant}: {} rows where {} were, since {since}", held.rows, count.rows);
        Finding::error(format!("{} rows", source.name), found)
            .means("A source that is half loaded looks like this. What is missing is kept until the rows are back.")
            .mend(format!("if it is meant: fristvakt source accept {} --reason \"…\"", source.name))
    };
    held.map(finding).collect()
}
