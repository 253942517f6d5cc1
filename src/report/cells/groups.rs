//! The columns of figures: a row each group.

use crate::language::Language;
use crate::words::by;

use super::super::figure::Figure;
use super::super::figures::{Figures, Row};
use super::super::words;
use super::{Cell, Column, column, date, number, plain, word};

/// A group of deviations and obligations, with its figures.
#[derive(Debug)]
pub(in super::super) struct Group {
    /// `total`, `unit`, `rule`, `kind`, `level`.
    pub(in super::super) of: &'static str,
    /// The id, full name or word; empty for the whole.
    id: String,
    name: String,
    tenant: String,
    pub(in super::super) row: Row,
}

/// A group each.
pub(in super::super) const FIGURES: [Column<Group>; 25] = [
    column("of", ["Gruppe", "Gruppe", "Group"], 13.0, |group, language| word(group.of, group_word(language, group.of))),
    column("name", ["Navn", "Namn", "Name"], 40.0, |group, _| plain(&group.name)),
    column("open", ["Åpne ved utgangen", "Opne ved utgangen", "Open at the end"], 11.0, |group, _| {
        counted(group.row.open)
    }),
    column("opened", ["Åpnet", "Opna", "Opened"], 9.0, |group, _| counted(group.row.opened)),
    column("closed", ["Lukket", "Lukka", "Closed"], 9.0, |group, _| counted(group.row.closed)),
    column("met_late", ["Oppfylt for sent", "Oppfylt for seint", "Met late"], 10.0, |group, _| {
        counted(group.row.met_late)
    }),
    column("explained", ["Forklart", "Forklart", "Explained"], 10.0, |group, _| counted(group.row.explained)),
    column("withdrawn", ["Trukket tilbake", "Trekt tilbake", "Withdrawn"], 10.0, |group, _| {
        counted(group.row.withdrawn)
    }),
    column("due", ["Frister", "Fristar", "Deadlines"], 9.0, |group, _| counted(group.row.due)),
    column("in_time", ["Holdt i tide", "Haldne i tide", "Met in time"], 9.0, |group, _| counted(group.row.in_time)),
    column("share_in_time", ["Andel i tide", "Del i tide", "Share in time"], 9.0, |group, _| {
        share(group.row.share_in_time)
    }),
    column(
        "median_days_late",
        ["Dager for sent, median", "Dagar for seint, median", "Days late, median"],
        10.0,
        |group, _| figure(group.row.median_days_late, Cell::Number),
    ),
    column(
        "worst_days_late",
        ["Dager for sent, verst", "Dagar for seint, verst", "Days late, worst"],
        10.0,
        |group, _| figure(group.row.worst_days_late, number),
    ),
    column(
        "oldest_open_due_on",
        ["Eldste åpne: frist", "Eldste opne: frist", "Oldest open: due"],
        11.0,
        |group, _| figure(group.row.oldest_open.clone(), |oldest| Cell::Date(oldest.due_on)),
    ),
    column("oldest_open_ref", ["Eldste åpne: sak", "Eldste opne: sak", "Oldest open: case"], 10.0, |group, _| {
        figure(group.row.oldest_open.clone(), |oldest| plain(&oldest.reference))
    }),
    column(
        "before_open",
        ["Forrige periode: åpne", "Førre periode: opne", "Period before: open"],
        10.0,
        |group, _| counted(group.row.before.open),
    ),
    column(
        "before_opened",
        ["Forrige periode: åpnet", "Førre periode: opna", "Period before: opened"],
        10.0,
        |group, _| counted(group.row.before.opened),
    ),
    column(
        "before_closed",
        ["Forrige periode: lukket", "Førre periode: lukka", "Period before: closed"],
        10.0,
        |group, _| counted(group.row.before.closed),
    ),
    column(
        "before_due",
        ["Forrige periode: frister", "Førre periode: fristar", "Period before: deadlines"],
        10.0,
        |group, _| counted(group.row.before.due),
    ),
    column(
        "before_in_time",
        ["Forrige periode: i tide", "Førre periode: i tide", "Period before: in time"],
        10.0,
        |group, _| counted(group.row.before.in_time),
    ),
    column(
        "before_share_in_time",
        ["Forrige periode: andel i tide", "Førre periode: del i tide", "Period before: share in time"],
        10.0,
        |group, _| share(group.row.before.share_in_time),
    ),
    column("before_from", ["Forrige periode: fra", "Førre periode: frå", "Period before: from"], 11.0, |group, _| {
        date(group.row.before.from)
    }),
    column("before_to", ["Forrige periode: til", "Førre periode: til", "Period before: to"], 11.0, |group, _| {
        date(group.row.before.to)
    }),
    column("id", ["Id", "Id", "Id"], 26.0, |group, _| plain(&group.id)),
    column("tenant", ["Kommune", "Kommune", "Municipality"], 12.0, |group, _| plain(&group.tenant)),
];

/// All groups: the whole, units, kinds, rules, levels.
pub(in super::super) fn groups(figures: &Figures, language: Language) -> Vec<Group> {
    let none = String::new;
    let mut groups = vec![Group {
        of: "total",
        id: none(),
        name: group_word(language, "total").into(),
        tenant: none(),
        row: figures.total.clone(),
    }];
    groups.extend(figures.units.iter().map(|one| Group {
        of: if one.own {
            "unit_own"
        } else if one.unit.is_none() && !one.name.is_empty() {
            "tenant"
        } else {
            "unit"
        },
        id: one.unit.clone().unwrap_or_default(),
        name: if one.own {
            words::own_cases(language, &one.name)
        } else {
            words::unit_name(language, &one.name).to_owned()
        },
        tenant: one.tenant.clone().unwrap_or_default(),
        row: one.row.clone(),
    }));
    groups.extend(figures.kinds.iter().map(|one| {
        let id = one.kind.map_or("", |kind| kind.word()).to_owned();
        Group { of: "kind", id, name: words::kind(language, one.kind).to_owned(), tenant: none(), row: one.row.clone() }
    }));
    groups.extend(figures.rules.iter().map(|one| {
        let name =
            [&*one.code, &*one.title].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
        Group { of: "rule", id: one.rule.clone(), name, tenant: none(), row: one.row.clone() }
    }));
    groups.extend(figures.levels.iter().map(|one| {
        let id = one.level.map_or("", |level| level.word()).to_owned();
        Group {
            of: "level",
            id,
            name: words::level(language, one.level).to_owned(),
            tenant: none(),
            row: one.row.clone(),
        }
    }));
    groups
}

fn group_word(language: Language, of: &str) -> &'static str {
    let words = match of {
        "total" => ["Alt", "Alt", "All"],
        "tenant" => ["Kommune", "Kommune", "Municipality"],
        "unit" => ["Enhet", "Eining", "Unit"],
        "unit_own" => ["Enhetens egne saker", "Eigne saker i eininga", "The unit's own cases"],
        "kind" => ["Type", "Type", "Kind"],
        "rule" => ["Regel", "Regel", "Rule"],
        _ => ["Skal/bør", "Skal/bør", "Must/should"],
    };
    by(language, words)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn counted(count: Figure<u64>) -> Cell {
    figure(count, |count| Cell::Number(count as f64))
}

fn share(share: Figure<f64>) -> Cell {
    figure(share, Cell::Share)
}

fn figure<T>(figure: Figure<T>, cell: impl FnOnce(T) -> Cell) -> Cell {
    match figure {
        Figure::Is(value) => cell(value),
        Figure::Nothing => Cell::Empty,
        Figure::Hidden => Cell::Hidden,
    }
}
