//! `simulate --compare`: what other rules would change, per rule, per person, and line by line.

use std::io::Write;

use serde_json::json;

use crate::cli::table::{Look, Table};
use crate::comparison::{Change, Difference, Tally, by_person, by_rule, compare};
use crate::simulate::Line;

/// One object a line.
pub(super) fn json(before: &[Line], after: &[Line], out: &mut impl Write) -> std::io::Result<()> {
    for difference in compare(before, after) {
        let Difference { of, change, before, after } = difference;
        writeln!(out, "{}", json!({ "type": "change", "of": of, "change": change, "before": before, "after": after }))?;
    }
    Ok(())
}

/// Tables for people.
pub(super) fn table(before: &[Line], after: &[Line], look: Look, out: &mut impl Write) -> std::io::Result<()> {
    let differences = compare(before, after);
    if differences.is_empty() {
        return writeln!(out, "The other rules change nothing for these facts.");
    }
    section(out, look, "Changes", &changes(&differences))?;
    section(out, look, "Per rule: added, dropped, moved", &rules(&differences))?;
    section(out, look, "Per person: notices", &people(before, after))?;
    let count = |change| differences.iter().filter(|one| one.of == "notice" && one.change == change).count();
    let [added, dropped, moved] = [Change::Added, Change::Dropped, Change::Moved].map(count);
    writeln!(out, "With the other rules: {added} notices added, {dropped} dropped, {moved} moved")
}

fn section(out: &mut impl Write, look: Look, heading: &str, table: &Table) -> std::io::Result<()> {
    if table.is_empty() {
        return Ok(());
    }
    writeln!(out, "{heading}")?;
    table.write(out, look)?;
    writeln!(out)
}

fn changes(differences: &[Difference]) -> Table {
    let mut table = Table::new(&["CHANGE", "OF", "CASE", "RULE", "START", "STEP", "AS IT IS", "AS IT WOULD BE"]);
    for one in differences {
        let word = match one.change {
            Change::Added => "+ added",
            Change::Dropped => "- dropped",
            Change::Moved => "~ moved",
        };
        let [case, rule, start, step] = ["case", "rule", "start", "step"].map(|field| one.field(field).to_owned());
        let [before, after] = [&one.before, &one.after].map(|line| line.as_ref().map_or_else(String::new, shown));
        table.row([word.to_owned(), one.of.clone(), case, rule, start, step, before, after]);
    }
    table
}

/// What matters of a line: when and to whom; the due date and how it stands.
fn shown(line: &serde_json::Value) -> String {
    let text = |field: &str| line[field].as_str().unwrap_or("-").to_owned();
    let day = |field: &str| text(field).chars().take(10).collect::<String>();
    match line["type"].as_str() {
        Some("notice") => format!("{} to {}, due {}", day("at"), text("to"), text("due_on")),
        Some("deviation") => format!("{} {}", day("opened_at"), line["closed_as"].as_str().unwrap_or("open")),
        _ => format!("due {}, {}", text("due_on"), text("status")),
    }
}

fn rules(differences: &[Difference]) -> Table {
    let mut table = Table::new(&["RULE", "OBLIGATIONS", "NOTICES", "DEVIATIONS"]);
    for (rule, kinds) in by_rule(differences) {
        let cell = |kind: &str| {
            let Tally { added, dropped, moved } = kinds.get(kind).copied().unwrap_or_default();
            if added + dropped + moved == 0 { "-".to_owned() } else { format!("+{added} -{dropped} ~{moved}") }
        };
        table.row([rule, cell("obligation"), cell("notice"), cell("deviation")]);
    }
    table
}

fn people(before: &[Line], after: &[Line]) -> Table {
    let mut table = Table::new(&["TENANT", "TO", "NOW", "THEN"]);
    for ((tenant, to), (now, then)) in by_person(before, after) {
        table.row([tenant, to, now.to_string(), then.to_string()]);
    }
    table
}
