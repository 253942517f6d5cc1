//! Tables of figures.

use maud::{Markup, html};

use crate::language::Language;
use crate::words::by;

use super::super::figure::Figure;
use super::super::figures::{Figures, Row};
use super::super::{Report, words};

pub(super) fn section(report: &Report) -> Markup {
    let (language, figures) = (report.language, &report.figures);
    let [units, rules, kinds, levels] = by(
        language,
        [
            [["Enheter", "Enhet"], ["Regler", "Regel"], ["Typer", "Type"], ["Skal og bør", "Rutinen sier"]],
            [["Einingar", "Eining"], ["Reglar", "Regel"], ["Typar", "Type"], ["Skal og bør", "Rutinen seier"]],
            [["Units", "Unit"], ["Rules", "Rule"], ["Kinds", "Kind"], ["Must and should", "The routine says"]],
        ],
    );
    html! {
        section {
            h2 { (units[0]) }
            (table(report, units, &unit_rows(language, figures)))
            h2 { (rules[0]) }
            (table(report, rules, &rule_rows(language, figures, report.about.hide_small)))
            @if !figures.kinds.is_empty() {
                h2 { (kinds[0]) }
                (table(report, kinds, &kind_rows(language, figures)))
            }
            @if !figures.levels.is_empty() {
                h2 { (levels[0]) }
                (table(report, levels, &level_rows(language, figures)))
            }
        }
    }
}

/// A row of a table: its name, what stands below it, how far it is indented, and its figures.
struct Named<'f> {
    name: String,
    below: Option<String>,
    depth: usize,
    row: &'f Row,
}

fn unit_rows(language: Language, figures: &Figures) -> Vec<Named<'_>> {
    let named = figures.units.iter().map(|one| {
        let name = if one.own {
            words::own_cases(language, &one.name)
        } else {
            words::unit_name(language, &one.name).to_owned()
        };
        Named { name, below: None, depth: one.depth.saturating_sub(1), row: &one.row }
    });
    named.collect()
}

/// The rules, those with most open deviations first. Where small counts are hidden their order must not tell of them.
fn rule_rows<'f>(language: Language, figures: &'f Figures, hide: bool) -> Vec<Named<'f>> {
    let mut rules: Vec<_> = figures.rules.iter().collect();
    if !hide {
        let counts = |row: &Row| [row.open, row.opened].map(|count| count.value().copied());
        rules.sort_by_key(|one| std::cmp::Reverse(counts(&one.row)));
    }
    let named = rules.into_iter().map(|one| {
        let level = words::level(language, one.level);
        let below = one.cite.as_ref().map_or_else(|| level.to_owned(), |cite| format!("{level}; {cite}"));
        Named { name: words::rule_name(&one.code, &one.title), below: Some(below), depth: 0, row: &one.row }
    });
    named.collect()
}

fn kind_rows(language: Language, figures: &Figures) -> Vec<Named<'_>> {
    let named = |name: &str, row| Named { name: name.to_owned(), below: None, depth: 0, row };
    figures.kinds.iter().map(|one| named(words::kind(language, one.kind), &one.row)).collect()
}

fn level_rows(language: Language, figures: &Figures) -> Vec<Named<'_>> {
    let named = |name: &str, row| Named { name: crate::words::capital(name), below: None, depth: 0, row };
    figures.levels.iter().map(|one| named(words::level(language, one.level), &one.row)).collect()
}

/// How many columns of each group are for every report: of the rest, rows of a report that hides small counts tell nothing.
const TOLD: [usize; 3] = [2, 3, 1];

/// The columns after the name, in groups.
fn columns(language: Language, hide: bool) -> [(&'static str, &'static [&'static str]); 3] {
    let mut groups = all_columns(language);
    for ((_, columns), told) in groups.iter_mut().zip(TOLD).filter(|_| hide) {
        *columns = &columns[..told];
    }
    groups
}

fn all_columns(language: Language) -> [(&'static str, &'static [&'static str]); 3] {
    by(
        language,
        [
            [
                ("Avvik", &["Åpne ved utgangen", "Åpnet", "Oppfylt for sent", "Forklart", "Trukket tilbake"]),
                ("Frister", &["Antall", "I tide", "Andel i tide", "Endring"]),
                ("Dager for sent", &["Median", "Verst"]),
            ],
            [
                ("Avvik", &["Opne ved utgangen", "Opna", "Oppfylt for seint", "Forklart", "Trekt tilbake"]),
                ("Fristar", &["Tal", "I tide", "Del i tide", "Endring"]),
                ("Dagar for seint", &["Median", "Verst"]),
            ],
            [
                ("Deviations", &["Open at the end", "Opened", "Met late", "Explained", "Withdrawn"]),
                ("Deadlines", &["Count", "In time", "Share in time", "Change"]),
                ("Days late", &["Median", "Worst"]),
            ],
        ],
    )
}

/// The column that compares.
fn change(language: Language) -> &'static str {
    by(language, ["Endring", "Endring", "Change"])
}

/// What is compared with.
fn beside(report: &Report) -> Markup {
    let language = report.language;
    let since = by(language, ["fra", "frå", "from"]);
    html! { @if let Some(before) = report.about.compared { span.sub { (since) " " (words::period(language, before)) } } }
}

fn table(report: &Report, [many, one]: [&str; 2], rows: &[Named<'_>]) -> Markup {
    let (language, hide) = (report.language, report.about.hide_small);
    let all = by(language, ["Alt", "Alt", "All"]);
    let (rows, hidden): (Vec<&Named<'_>>, Vec<&Named<'_>>) = rows.iter().partition(|named| named.row.tells_anything());
    html! {
        div.scroll tabindex="0" role="region" aria-label=(many) {
            table.figures {
                thead {
                    tr.groups {
                        td {}
                        @for (group, columns) in columns(language, hide) { th scope="colgroup" colspan=(columns.len()) { (group) } }
                    }
                    tr {
                        th scope="col" { (one) }
                        @for (_, columns) in columns(language, hide) { @for column in columns { th.n scope="col" { (column) @if *column == change(language) { (beside(report)) } } } }
                    }
                }
                tbody {
                    tr.whole { th scope="row" { (all) } (cells(language, &report.figures.total, hide)) }
                    @for named in rows {
                        tr {
                            th scope="row" style=[(named.depth > 0).then(|| format!("padding-left:{}px", 9 + 18 * named.depth.min(8)))] {
                                bdi { (named.name) }
                                @if let Some(below) = &named.below { span.sub { bdi { (below) } } }
                            }
                            (cells(language, named.row, hide))
                        }
                    }
                }
            }
        }
        @if !hidden.is_empty() {
            p.sub {
                (by(language, ["Helt skjult", "Heilt skjult", "Hidden altogether"])) " (" (words::hidden()) "): "
                @for (place, named) in hidden.iter().enumerate() { @if place > 0 { ", " } bdi { (named.name) } }
                "."
            }
        }
    }
}

fn cells(language: Language, row: &Row, hide: bool) -> Markup {
    let count = |count: Figure<u64>| html! { td.n { (words::shown(count, |count| words::count(language, count))) } };
    let share = row.share_in_time;
    html! {
        (count(row.open)) (count(row.opened))
        @if !hide { (count(row.met_late)) (count(row.explained)) (count(row.withdrawn)) }
        (count(row.due)) (count(row.in_time))
        td.n {
            (words::shown(share, |share| words::percent(language, share)))
            @if let Some(share) = share.value() {
                span.bar aria-hidden="true" { span style=(format!("width:{:.0}%", share * 100.0)) {} }
            }
        }
        @if !hide { td.n { (words::shown(row.change_in_time(), |change| words::points(language, change))) } }
        td.n { (words::shown(row.median_days_late, |days| words::decimal(language, days))) }
        @if !hide { td.n { (words::shown(row.worst_days_late, |days| days.to_string())) } }
    }
}
