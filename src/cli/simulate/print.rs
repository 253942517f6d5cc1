//! The tables of `simulate`: every notice, then what they come to, and in one line at the end what it all is.

use std::io::Write;

use chrono::NaiveDate;

use super::summary::{Count, Summary};
use crate::cli::table::{Look, Table, or_empty};
use crate::language::Language;
use crate::rules::RuleSet;
use crate::words::{plural, weekday};

pub(super) fn all(summary: &Summary, rules: &RuleSet, look: Look, out: &mut impl Write) -> std::io::Result<()> {
    let is_single = summary.tenants.len() < 2;
    let fit = |table: Table| if is_single { table.without("TENANT") } else { table };
    section(out, look, "Notices", &fit(notices(summary)))?;
    section(out, look, "Notices per day", &days(summary, look))?;
    section(out, look, "Recipients, those who hear most first", &recipients(summary))?;
    section(out, look, "Rules", &per_rule(summary, rules))?;
    section(out, look, "Deviations", &fit(deviations(summary)))?;
    section(out, look, "Obligations at the end", &statuses(summary))?;
    section(out, look, "Problems to mend", &fit(problems(summary)))?;
    writeln!(out, "{}", headline(summary))
}

/// A table under its heading; nothing where it is empty.
fn section(out: &mut impl Write, look: Look, heading: &str, table: &Table) -> std::io::Result<()> {
    if table.is_empty() {
        return Ok(());
    }
    writeln!(out, "{heading}")?;
    table.write(out, look)?;
    writeln!(out)
}

fn notices(summary: &Summary) -> Table {
    let mut table = Table::new(&["DATE", "TIME", "TENANT", "TO", "ROLE", "AS", "CASE", "RULE", "STEP", "DUE"]);
    for notice in &summary.notices {
        table.row([
            notice.day.to_string(),
            notice.time.format("%H:%M").to_string(),
            notice.tenant.clone(),
            notice.recipient.clone(),
            notice.role.clone(),
            (if notice.is_escalation { "escalation" } else { "reminder" }).to_owned(),
            notice.reference.clone(),
            notice.code.clone(),
            notice.step.clone(),
            notice.due_on.to_string(),
        ]);
    }
    table
}

fn days(summary: &Summary, look: Look) -> Table {
    let days = summary.days();
    let most = days.values().map(Count::notices).max().unwrap_or(0);
    let mut table = Table::new(&["DATE", "DAY", "NOTICES", "ESCALATIONS", "RECIPIENTS", "MOST TO ONE", "LOAD"]);
    for (day, count) in &days {
        table.row([
            day.to_string(),
            day_name(*day),
            count.notices().to_string(),
            count.escalations.to_string(),
            count.by.len().to_string(),
            or_empty(count.most().map(|(name, most)| format!("{most} ({name})"))),
            look.bar(count.notices(), most),
        ]);
    }
    table
}

fn day_name(day: NaiveDate) -> String {
    use chrono::Datelike;
    weekday(Language::En, day.weekday()).chars().take(3).collect()
}

fn recipients(summary: &Summary) -> Table {
    let mut table = Table::new(&["TO", "NOTICES", "REMINDERS", "ESCALATIONS", "DAYS", "BUSIEST DAY"]);
    for (name, count) in summary.recipients() {
        table.row([
            name,
            count.notices().to_string(),
            count.reminders.to_string(),
            count.escalations.to_string(),
            count.by.len().to_string(),
            or_empty(count.most().map(|(day, most)| format!("{day} ({most})"))),
        ]);
    }
    table
}

fn per_rule(summary: &Summary, rules: &RuleSet) -> Table {
    let header = ["CODE", "RULE", "OBLIGATIONS", "OPEN", "LATE", "REMINDERS", "ESCALATIONS", "DEVIATIONS"];
    let mut table = Table::new(&header);
    for (index, count) in &summary.rules {
        let rule = rules.rule(*index);
        table.row([
            rule.code.to_string(),
            rule.name.to_string(),
            count.obligations.to_string(),
            count.open.to_string(),
            count.late.to_string(),
            count.reminders.to_string(),
            count.escalations.to_string(),
            count.deviations.to_string(),
        ]);
    }
    table
}

fn deviations(summary: &Summary) -> Table {
    let mut table = Table::new(&["OPENED", "TENANT", "CASE", "RULE", "DUE", "DAYS LATE", "CLOSED", "AS"]);
    for deviation in &summary.deviations {
        table.row([
            deviation.opened_on.to_string(),
            deviation.tenant.clone(),
            deviation.reference.clone(),
            deviation.code.clone(),
            deviation.due_on.to_string(),
            deviation.days_late.to_string(),
            or_empty(deviation.closed_on),
            deviation.closed_as.unwrap_or("open").to_owned(),
        ]);
    }
    table
}

fn statuses(summary: &Summary) -> Table {
    let mut table = Table::new(&["STATUS", "OBLIGATIONS"]);
    for (status, count) in &summary.statuses {
        table.row([status.clone(), count.to_string()]);
    }
    table
}

fn problems(summary: &Summary) -> Table {
    let mut table = Table::new(&["TENANT", "CASE", "PROBLEM"]);
    for problem in &summary.problems {
        table.row(problem.clone());
    }
    table
}

/// The whole run in a few words.
fn headline(summary: &Summary) -> String {
    let counted = |count: usize, one: &str, many: &str| plural(count as u64, one, many);
    let escalations = summary.notices.iter().filter(|notice| notice.is_escalation).count();
    let days = summary.days();
    let busiest = days.values().map(Count::notices).max().unwrap_or(0);
    let peak = days.iter().find(|(_, count)| count.notices() == busiest);
    let peak = peak.map(|(day, _)| format!("; busiest day {day} with {busiest}")).unwrap_or_default();
    format!(
        "{} to {}: {}, {} ({}) to {}{peak}; {}; {} overtaken, {} merged; {}",
        summary.from,
        summary.to,
        counted(summary.cases, "case", "cases"),
        counted(summary.notices.len(), "notice", "notices"),
        counted(escalations, "escalation", "escalations"),
        counted(summary.recipients().len(), "recipient", "recipients"),
        counted(summary.deviations.len(), "deviation", "deviations"),
        counted(summary.overtaken, "step", "steps"),
        summary.merged,
        counted(summary.problems.len(), "problem", "problems"),
    )
}
