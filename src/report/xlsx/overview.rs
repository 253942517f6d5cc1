//! The first sheet: what a leader understands in ten seconds, and the weeks.

use rust_xlsxwriter::{Chart, ChartFormat, ChartSolidFill, ChartType, Worksheet};

use crate::language::Language;
use crate::words::by;

use super::super::cells::Cell;
use super::super::figures::{Age, Week};
use super::super::{Report, ReportError, text, words};
use super::looks::{BLUE, Looks};
use super::{cell, count, figure, put};

pub(super) fn overview(report: &Report, sheet: &mut Worksheet, looks: &Looks) -> Result<(), ReportError> {
    let language = report.language;
    let summary = report.summary();
    sheet.set_name(by(language, ["Oversikt", "Oversyn", "Overview"]))?.set_screen_gridlines(false);
    sheet.set_paper_size(9).set_print_fit_to_pages(1, 0);
    for (column, width) in [(0, 27.0), (1, 18.0), (2, 14.0), (3, 14.0), (4, 34.0)] {
        sheet.set_column_width(column, width)?;
    }
    let only: String = report.about.only.iter().map(|part| format!(" · {part}")).collect();
    put(sheet, (0, 0), &summary.title, &looks.title)?;
    put(sheet, (1, 0), &format!("{}{only}", summary.of), &looks.soft)?;
    sheet.set_row_height(2, 46)?;
    sheet.merge_range(2, 0, 2, 4, &text::limited(&summary.sentence), &looks.sentence)?;
    if let Some(running) = &summary.running {
        put(sheet, (3, 0), running, &looks.soft)?;
    }
    let mut row = 4;
    for headline in &summary.headlines {
        sheet.set_row_height(row, 27)?;
        put(sheet, (row, 0), headline.label, &looks.bold)?;
        put(sheet, (row, 1), &headline.value, &looks.big)?;
        put(sheet, (row, 2), &headline.notes.join(" · "), &looks.soft)?;
        row += 1;
    }
    row += 1;
    if !summary.waiting.is_empty() {
        let heading =
            by(language, ["Her er ventetiden lengst", "Her er ventetida lengst", "Where the wait is longest"]);
        put(sheet, (row, 0), heading, &looks.bold)?;
        for line in &summary.waiting {
            row += 1;
            put(sheet, (row, 0), line, &looks.text)?;
        }
        row += 2;
    }
    let first = row;
    let last = weeks(language, sheet, looks, first, &report.figures.weeks)?;
    if report.figures.weeks.iter().any(|week| week.share_in_time.value().is_some()) {
        let anchor = last + 2;
        sheet.insert_chart(anchor, 0, &chart(language, sheet, first + 1, last)?)?;
        row = anchor + 17;
    } else {
        row = last + 2;
    }
    ages(language, sheet, looks, row, &report.figures.ages)
}

/// Weeks from a row on; the last row.
fn weeks(
    language: Language,
    sheet: &mut Worksheet,
    looks: &Looks,
    first: u32,
    weeks: &[Week],
) -> Result<u32, ReportError> {
    let head = by(
        language,
        [
            ["Uke", "Fra mandag", "Frister", "Holdt i tide", "Andel i tide"],
            ["Veke", "Frå måndag", "Fristar", "Haldne i tide", "Del i tide"],
            ["Week", "From Monday", "Deadlines", "Met in time", "Share in time"],
        ],
    );
    for (column, word) in (0..).zip(head) {
        put(sheet, (first, column), word, &looks.header)?;
    }
    let mut row = first;
    for week in weeks {
        row += 1;
        put(sheet, (row, 0), &words::week_of_year(language, week.monday), &looks.text)?;
        cell(sheet, (row, 1), Cell::Date(week.monday), looks, false)?;
        cell(sheet, (row, 2), count(week.due), looks, false)?;
        cell(sheet, (row, 3), count(week.in_time), looks, false)?;
        cell(sheet, (row, 4), figure(week.share_in_time, Cell::Share), looks, false)?;
    }
    Ok(row)
}

fn ages(language: Language, sheet: &mut Worksheet, looks: &Looks, first: u32, ages: &[Age]) -> Result<(), ReportError> {
    let head = by(
        language,
        [
            ["Åpne, dager over fristen", "Antall"],
            ["Opne, dagar over fristen", "Tal"],
            ["Open, days past the deadline", "Count"],
        ],
    );
    for (column, word) in (0..).zip(head) {
        put(sheet, (first, column), word, &looks.header)?;
    }
    for (row, age) in (first + 1..).zip(ages) {
        put(sheet, (row, 0), &words::age(language, age.from_days, age.to_days), &looks.text)?;
        cell(sheet, (row, 1), count(age.open), looks, false)?;
    }
    Ok(())
}

/// The share in time, week by week.
fn chart(language: Language, sheet: &Worksheet, first: u32, last: u32) -> Result<Chart, ReportError> {
    let name = sheet.name();
    let mut chart = Chart::new(ChartType::Column);
    let series = chart.add_series();
    series.set_categories((name.as_str(), first, 0, last, 0)).set_values((name.as_str(), first, 4, last, 4));
    series.set_format(ChartFormat::new().set_solid_fill(ChartSolidFill::new().set_color(BLUE)));
    chart.title().set_name(by(
        language,
        ["Holdt i tide, uke for uke", "Haldne i tide, veke for veke", "Met in time, week by week"],
    ));
    chart.y_axis().set_min(0).set_max(1).set_num_format("0\\ %");
    chart.legend().set_hidden();
    chart.set_width(760).set_height(300);
    Ok(chart)
}
