//! Tables for spreadsheets and programs: which columns there are, and what stands in them. CSV and workbook share them.

use chrono::NaiveDate;

use crate::language::Language;
use crate::notice::Role;
use crate::rules::{Force, RuleKind};
use crate::words::{by, role_name};

use super::figures::{Figure, Figures, Row};
use super::line::Line;
use super::tally::State;
use super::{text, words};

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// Nothing.
    Empty,
    /// A figure that is hidden.
    Hidden,
    Text(String),
    /// A word of ours: what programs call it, and what people do.
    Word(String, String),
    Date(NaiveDate),
    Number(f64),
    /// From 0 to 1.
    Share(f64),
}

/// A column of a table of `T`.
#[derive(Debug)]
pub(super) struct Column<T> {
    /// What programs call it, for good.
    pub(super) name: &'static str,
    /// What people call it: nb, nn, en.
    header: [&'static str; 3],
    /// How wide it is in a workbook, in characters.
    pub(super) width: f64,
    pub(super) cell: fn(&T, Language) -> Cell,
}

impl<T> Column<T> {
    pub(super) fn header(&self, language: Language) -> &'static str {
        by(language, self.header)
    }
}

const fn column<T>(
    name: &'static str,
    header: [&'static str; 3],
    width: f64,
    cell: fn(&T, Language) -> Cell,
) -> Column<T> {
    Column { name, header, width, cell }
}

/// A deviation each.
pub(super) const LINES: [Column<Line>; 34] = [
    column("ref", ["Sak", "Sak", "Case"], 9.0, |line, _| plain(&line.reference)),
    column("state", ["Status", "Status", "State"], 15.0, |line, language| {
        word(line.state().word(), words::state(language, line.state()))
    }),
    column("days_late", ["Dager for sent", "Dagar for seint", "Days late"], 10.0, |line, _| number(line.days_late)),
    column("due_on", ["Frist", "Frist", "Due"], 11.0, |line, _| Cell::Date(line.due_on)),
    column("title", ["Hva skulle gjøres", "Kva skulle gjerast", "What was to be done"], 38.0, |line, _| {
        plain(&line.title)
    }),
    column("unit_name", ["Enhet", "Eining", "Unit"], 22.0, |line, language| {
        Cell::Text(text::shown(words::unit_name(language, line.unit_name.as_deref().unwrap_or_default())))
    }),
    column("done_on", ["Gjort", "Gjort", "Done"], 11.0, |line, _| date(line.done_on)),
    column("stopped_on", ["Stanset", "Stansa", "Stopped"], 11.0, |line, _| date(line.stopped_on)),
    column("opened_on", ["Åpnet", "Opna", "Opened"], 11.0, |line, _| Cell::Date(line.opened_on)),
    column("closed_on", ["Lukket", "Lukka", "Closed"], 11.0, |line, _| date(line.closed_on)),
    column("escalated_on", ["Eskalert", "Eskalert", "Escalated"], 11.0, |line, _| date(line.escalated_on)),
    column("escalated_to", ["Eskalert til", "Eskalert til", "Escalated to"], 16.0, |line, language| {
        role(language, line.escalated_to.as_ref())
    }),
    column("cause", ["Årsak", "Årsak", "Cause"], 26.0, |line, _| optional(line.cause_title.as_deref())),
    column("action", ["Tiltak", "Tiltak", "Action"], 30.0, |line, _| optional(line.action.as_deref())),
    column("action_due", ["Tiltak innen", "Tiltak innan", "Action by"], 11.0, |line, _| date(line.action_due)),
    column("closed_as", ["Lukket som", "Lukka som", "Closed as"], 16.0, |line, language| {
        let state = line.closed_as.as_deref().and_then(State::parse);
        state.map_or(Cell::Empty, |state| word(state.word(), words::state(language, state)))
    }),
    column("explained_on", ["Forklart dato", "Forklart dato", "Explained on"], 11.0, |line, _| date(line.explained_on)),
    column("withdrawn_because", ["Trukket fordi", "Trekt fordi", "Withdrawn because"], 26.0, |line, _| {
        optional(line.withdrawn_because.as_deref())
    }),
    column("cause_text", ["Årsak med egne ord", "Årsak med eigne ord", "Cause in own words"], 30.0, |line, _| {
        optional(line.cause.as_deref())
    }),
    column("responsible", ["Ansvarlig rolle", "Ansvarleg rolle", "Responsible role"], 16.0, |line, language| {
        role(language, Some(&line.responsible))
    }),
    column("notices_sent", ["Varsler sendt", "Varsel sende", "Notices sent"], 9.0, |line, _| number(line.notices_sent)),
    column("kind", ["Type", "Type", "Kind"], 13.0, |line, language| {
        let kind = line.kind.as_deref().and_then(RuleKind::parse);
        word(kind.map_or("", RuleKind::word), words::kind(language, kind))
    }),
    column("level", ["Skal/bør", "Skal/bør", "Must/should"], 8.0, |line, language| {
        let level = line.level.as_deref().and_then(Force::parse);
        word(level.map_or("", Force::word), words::level(language, level))
    }),
    column("code", ["Kode", "Kode", "Code"], 7.0, |line, _| plain(&line.code)),
    column("rule", ["Regel", "Regel", "Rule"], 30.0, |line, _| plain(&line.rule)),
    column("cite", ["Hjemmel", "Heimel", "Source"], 34.0, |line, _| {
        optional(line.source.as_deref().or(line.cite.as_deref()))
    }),
    column("proof", ["Slik er fristen regnet", "Slik er fristen rekna", "How the date is counted"], 60.0, |line, _| {
        plain(&line.proof.join(" → "))
    }),
    column("unit", ["Enhets-id", "Einings-id", "Unit id"], 14.0, |line, _| optional(line.unit.as_deref())),
    column("case", ["Saks-id", "Saks-id", "Case id"], 10.0, |line, _| plain(&line.case)),
    column("start", ["Start", "Start", "Start"], 10.0, |line, _| plain(&line.start)),
    column("number", ["Nr.", "Nr.", "Number"], 6.0, |line, _| number(line.number)),
    column("id", ["Avviks-id", "Avviks-id", "Deviation id"], 15.0, |line, _| plain(&line.id)),
    column("cause_code", ["Årsakskode", "Årsakskode", "Cause code"], 14.0, |line, _| {
        optional(line.cause_code.as_deref())
    }),
    column("tenant", ["Kommune", "Kommune", "Municipality"], 12.0, |line, _| plain(&line.tenant)),
];

/// A group of deviations and obligations, with its figures.
#[derive(Debug)]
pub(super) struct Group {
    /// `total`, `unit`, `rule`, `kind`, `level`.
    pub(super) of: &'static str,
    /// The id, full name or word; empty for the whole.
    id: String,
    name: String,
    tenant: String,
    pub(super) row: Row,
}

/// A group each.
pub(super) const FIGURES: [Column<Group>; 23] = [
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
    column("id", ["Id", "Id", "Id"], 26.0, |group, _| plain(&group.id)),
    column("tenant", ["Kommune", "Kommune", "Municipality"], 12.0, |group, _| plain(&group.tenant)),
];

/// All groups: the whole, units, kinds, rules, levels.
pub(super) fn groups(figures: &Figures, language: Language) -> Vec<Group> {
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

fn plain(text: &str) -> Cell {
    let shown = text::shown(text);
    if shown.is_empty() { Cell::Empty } else { Cell::Text(shown) }
}

/// A role; what names none is shown as it is.
fn role(language: Language, name: Option<&String>) -> Cell {
    match name.map(|name| (name, Role::parse(name))) {
        Some((name, Some(role))) => word(&text::shown(name), &role_name(language, &role)),
        Some((name, None)) => plain(name),
        None => Cell::Empty,
    }
}

fn word(name: &str, word: &str) -> Cell {
    Cell::Word(name.to_owned(), text::shown(word))
}

fn date(day: Option<NaiveDate>) -> Cell {
    day.map_or(Cell::Empty, Cell::Date)
}

fn optional(text: Option<&str>) -> Cell {
    text.map_or(Cell::Empty, plain)
}

#[expect(clippy::cast_precision_loss, reason = "counts and days are far below 2^52")]
fn number(number: i64) -> Cell {
    Cell::Number(number as f64)
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
