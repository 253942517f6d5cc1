//! Pictures: deadlines kept week by week, deviations by rule, and how long open ones have waited. Each has its numbers beside
//! it, for those who do not see it. Two colours that everybody can tell apart, and never colour alone.

mod bars;
mod weeks;

use maud::{Markup, PreEscaped, html};
use plotters::style::RGBColor;

use crate::language::Language;
use crate::words::by;

use super::super::figure::Figure;
use super::super::figures::{Age, RuleFigures, Week};
use super::super::{Report, words};

/// Both stand out against white and from each other, for whatever eyes and on grey paper.
const BLUE: RGBColor = RGBColor(0, 99, 156);
const WARM: RGBColor = RGBColor(213, 94, 0);
const INK: RGBColor = RGBColor(20, 33, 43);
const SOFT: RGBColor = RGBColor(74, 90, 102);
const GRID: RGBColor = RGBColor(213, 221, 227);

/// The most rules of a picture.
const RULES: usize = 6;

/// A picture as a browser takes it, or nothing where it cannot be drawn.
type Drawn = Option<String>;

pub(super) fn section(report: &Report) -> Markup {
    let (language, figures) = (report.language, &report.figures);
    let kept = figures.weeks.iter().any(|week| week.share_in_time.value().is_some());
    let mut rules: Vec<&RuleFigures> = figures.rules.iter().filter(|rule| tells(rule)).collect();
    rules.sort_by_key(|rule| std::cmp::Reverse((count(rule.row.opened), count(rule.row.open))));
    let left = rules.len().saturating_sub(RULES);
    rules.truncate(RULES);
    let ages = figures.ages.iter().any(|age| count(age.open) > 0);
    html! {
        @if kept || ages || !rules.is_empty() {
            section {
                h2 { (by(language, ["Utvikling og fordeling", "Utvikling og fordeling", "Trend and distribution"])) }
                div.charts {
                    @if kept { (weeks_figure(language, &figures.weeks)) }
                    @if !rules.is_empty() { (rules_figure(language, &rules, left)) }
                    @if ages { (ages_figure(language, &figures.ages)) }
                }
            }
        }
    }
}

fn tells(rule: &RuleFigures) -> bool {
    count(rule.row.opened) > 0 || count(rule.row.open) > 0
}

fn count(figure: Figure<u64>) -> u64 {
    figure.value().copied().unwrap_or(0)
}

fn weeks_figure(language: Language, weeks: &[Week]) -> Markup {
    let [caption, about, due] = by(
        language,
        [
            [
                "Holdt i tide, uke for uke",
                "Andel av ukens frister som ble holdt. Tallet under er hvor mange frister som falt i uken.",
                "frister",
            ],
            [
                "Haldne i tide, veke for veke",
                "Del av fristane i veka som vart haldne. Talet under er kor mange fristar som fall i veka.",
                "fristar",
            ],
            [
                "Met in time, week by week",
                "Share of the week's deadlines that were met. The number below is how many deadlines fell in the week.",
                "deadlines",
            ],
        ],
    );
    let rows = weeks.iter().map(|week| {
        let share = words::shown(week.share_in_time, |share| words::percent(language, share));
        let due_count = words::shown(week.due, |due| words::count(language, due));
        [
            format!("{} · {}", words::week(language, week.monday), words::short_day(language, week.monday)),
            share,
            due_count,
        ]
    });
    let share = by(language, ["andel i tide", "del i tide", "share in time"]);
    let head = [words::capital_week(language), share, due];
    figure(
        language,
        ("weeks", "wide"),
        (caption, about),
        weeks::draw(language, weeks),
        &[],
        &head,
        &rows.collect::<Vec<_>>(),
    )
}

fn rules_figure(language: Language, rules: &[&RuleFigures], left: usize) -> Markup {
    let [caption, about, rule, opened, open] = by(
        language,
        [
            [
                "Avvik etter regel",
                "Åpnet i perioden, og åpne ved utgangen av den.",
                "Regel",
                "åpnet",
                "åpne ved utgangen",
            ],
            [
                "Avvik etter regel",
                "Opna i perioden, og opne ved utgangen av han.",
                "Regel",
                "opna",
                "opne ved utgangen",
            ],
            ["Deviations by rule", "Opened in the period, and open at its end.", "Rule", "opened", "open at the end"],
        ],
    );
    let count = words::count(language, u64::try_from(left).unwrap_or(u64::MAX));
    let rest = by(
        language,
        [
            format!(" {count} andre regler står i tabellen."),
            format!(" {count} andre reglar står i tabellen."),
            format!(" {count} other rules stand in the table."),
        ],
    );
    let about = if left > 0 { format!("{about}{rest}") } else { about.to_owned() };
    let name = |rule: &RuleFigures| words::rule_name(&rule.code, &rule.title);
    let groups = rules
        .iter()
        .map(|rule| bars::Group { label: name(rule), bars: vec![(rule.row.opened, BLUE), (rule.row.open, WARM)] });
    let rows = rules.iter().map(|rule| {
        let [opened, open] =
            [rule.row.opened, rule.row.open].map(|count| words::shown(count, |count| words::count(language, count)));
        [name(rule), opened, open]
    });
    let rows: Vec<[String; 3]> = rows.collect();
    let drawn = bars::draw(language, &groups.collect::<Vec<_>>());
    figure(
        language,
        ("rules", ""),
        (caption, &about),
        drawn,
        &[(BLUE, opened), (WARM, open)],
        &[rule, opened, open],
        &rows,
    )
}

fn ages_figure(language: Language, ages: &[Age]) -> Markup {
    let [caption, about, late, open] = by(
        language,
        [
            [
                "Hvor lenge de åpne har ventet",
                "Åpne avvik etter hvor mange dager de er over fristen.",
                "Over fristen",
                "åpne",
            ],
            [
                "Kor lenge dei opne har venta",
                "Opne avvik etter kor mange dagar dei er over fristen.",
                "Over fristen",
                "opne",
            ],
            [
                "How long the open ones have waited",
                "Open deviations by how many days they are past the deadline.",
                "Past the deadline",
                "open",
            ],
        ],
    );
    let label = |age: &Age| words::age(language, age.from_days, age.to_days);
    let colour = |age: &Age| if age.from_days > 30 { WARM } else { BLUE };
    let groups = ages.iter().map(|age| bars::Group { label: label(age), bars: vec![(age.open, colour(age))] });
    let rows = ages.iter().map(|age| [label(age), words::shown(age.open, |open| words::count(language, open))]);
    let rows: Vec<[String; 2]> = rows.collect();
    let drawn = bars::draw(language, &groups.collect::<Vec<_>>());
    figure(language, ("ages", ""), (caption, about), drawn, &[], &[late, open], &rows)
}

/// A picture with what it shows, and its numbers.
fn figure<const N: usize>(
    language: Language,
    (name, class): (&str, &str),
    (caption, about): (&str, &str),
    drawn: Drawn,
    key: &[(RGBColor, &str)],
    head: &[&str; N],
    rows: &[[String; N]],
) -> Markup {
    let numbers = by(language, ["Tallene bak", "Tala bak", "The numbers behind it"]);
    let said = rows.iter().map(|row| row.join(" ")).collect::<Vec<_>>().join("; ");
    html! {
        figure class=(class) {
            figcaption { (caption) span { (about) } }
            @if !key.is_empty() {
                ul.key aria-hidden="true" {
                    @for (RGBColor(r, g, b), word) in key { li { i style=(format!("background:rgb({r},{g},{b})")) {} (word) } }
                }
            }
            @if let Some(svg) = drawn {
                div.plot tabindex="0" role="region" aria-label=(caption) { (PreEscaped(titled(&svg, name, caption, &said))) }
            }
            details {
                summary { (numbers) }
                table.small {
                    thead { tr { @for word in head { th scope="col" { (word) } } } }
                    tbody {
                        @for row in rows {
                            tr { @for (place, cell) in row.iter().enumerate() { @if place == 0 { th scope="row" { (cell) } } @else { td.n { (cell) } } } }
                        }
                    }
                }
            }
        }
    }
}

/// The picture with its name and what it says, for those who hear it, and as wide as there is room.
fn titled(svg: &str, name: &str, title: &str, said: &str) -> String {
    let labels = html! { title id=(format!("{name}-title")) { (title) } desc id=(format!("{name}-desc")) { (said) } };
    let Some((opening, rest)) = svg.split_once('>') else { return String::new() };
    let view = opening.find("viewBox").map_or("", |at| &opening[at..]);
    format!(
        "<svg {view} role=\"img\" aria-labelledby=\"{name}-title\" aria-describedby=\"{name}-desc\">{}{rest}",
        labels.into_string()
    )
}
