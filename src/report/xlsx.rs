//! The workbook: an overview, the figures, the deviations, and what the words mean. Dates are dates and numbers are
//! numbers; texts are always written as texts, so nothing in them is ever a formula or a link.

use std::io::{Seek, SeekFrom, Write};

use rust_xlsxwriter::{
    Chart, ChartLegendPosition, ChartType, Color, DocProperties, Format, FormatAlign, FormatBorder, Workbook, Worksheet,
};

use crate::language::Language;
use crate::words::by;

use super::cells::{Cell, Column, FIGURES, LINES, groups};
use super::figures::{Age, Figure, Week};
use super::words::{self, definitions};
use super::{Report, ReportError, text};

/// The most rows of deviations on a sheet; a sheet takes a little more.
const ROWS: usize = 1_000_000;

/// The last column of deviations that is printed.
const PRINTED: u16 = 14;

const INK: Color = Color::RGB(0x0014_212B);
const SOFT: Color = Color::RGB(0x004A_5A66);
const TINT: Color = Color::RGB(0x00E8_EEF2);
const BLUE: Color = Color::RGB(0x0000_639C);

pub(super) fn write(report: &mut Report, out: &mut dyn Write) -> Result<(), ReportError> {
    let language = report.language;
    let mut book = Workbook::new();
    let title = text::limited(&report.summary().title).into_owned();
    book.set_properties(&DocProperties::new().set_title(title).set_creation_datetime(&report.now));
    let looks = Looks::new(language);
    overview(report, book.add_worksheet(), &looks)?;
    figures(report, book.add_worksheet(), &looks)?;
    if !report.about.hide_small {
        lines(report, &mut book, &looks)?;
    }
    words_sheet(report, book.add_worksheet(), &looks)?;
    // A workbook is packed when it is whole: into a file without a name, and from there on.
    let mut file = tempfile::tempfile()?;
    book.save_to_writer(&mut file)?;
    file.seek(SeekFrom::Start(0))?;
    std::io::copy(&mut file, out)?;
    Ok(())
}

/// How cells look.
struct Looks {
    title: Format,
    sentence: Format,
    soft: Format,
    big: Format,
    bold: Format,
    header: Format,
    text: Format,
    wrapped: Format,
    date: Format,
    number: Format,
    share: Format,
    whole: [Format; 4],
}

impl Looks {
    fn new(language: Language) -> Self {
        let plain = || Format::new().set_font_name("Calibri").set_font_size(11).set_align(FormatAlign::Top);
        let date = by(language, ["dd\\.mm\\.yyyy", "dd\\.mm\\.yyyy", "d mmm yyyy"]);
        let whole = || plain().set_bold().set_background_color(TINT);
        // Whole numbers as such, and halves with their half.
        let number = "General";
        Self {
            title: plain().set_font_size(12).set_bold().set_font_color(SOFT),
            sentence: plain().set_font_size(16).set_bold().set_font_color(INK).set_text_wrap(),
            soft: plain().set_font_color(SOFT),
            big: plain().set_font_size(20).set_bold().set_font_color(BLUE).set_align(FormatAlign::Left),
            bold: plain().set_bold(),
            header: plain()
                .set_bold()
                .set_text_wrap()
                .set_background_color(TINT)
                .set_border_bottom(FormatBorder::Medium),
            text: plain(),
            wrapped: plain().set_text_wrap(),
            date: plain().set_num_format(date).set_align(FormatAlign::Center),
            number: plain().set_num_format(number),
            share: plain().set_num_format("0\\ %"),
            whole: [
                whole(),
                whole().set_num_format(date),
                whole().set_num_format(number),
                whole().set_num_format("0\\ %"),
            ],
        }
    }
}

fn overview(report: &Report, sheet: &mut Worksheet, looks: &Looks) -> Result<(), ReportError> {
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
    series.set_format(
        rust_xlsxwriter::ChartFormat::new().set_solid_fill(rust_xlsxwriter::ChartSolidFill::new().set_color(BLUE)),
    );
    chart.title().set_name(by(
        language,
        ["Holdt i tide, uke for uke", "Haldne i tide, veke for veke", "Met in time, week by week"],
    ));
    chart.y_axis().set_min(0).set_max(1).set_num_format("0\\ %");
    chart.legend().set_position(ChartLegendPosition::Bottom).set_hidden();
    chart.set_width(760).set_height(300);
    Ok(chart)
}

fn figures(report: &Report, sheet: &mut Worksheet, looks: &Looks) -> Result<(), ReportError> {
    let language = report.language;
    let groups = groups(&report.figures, language);
    head(language, (sheet, by(language, ["Tall", "Tal", "Figures"])), &FIGURES, looks, groups.len())?;
    for (row, group) in (1..).zip(&groups) {
        for (column, of) in (0..).zip(&FIGURES) {
            cell(sheet, (row, column), (of.cell)(group, language), looks, group.of == "total")?;
        }
    }
    Ok(())
}

fn lines(report: &mut Report, book: &mut Workbook, looks: &Looks) -> Result<(), ReportError> {
    let language = report.language;
    let all = report.spool.len();
    let name = by(language, ["Avvik", "Avvik", "Deviations"]);
    let mut lines = report.spool.lines();
    for number in 1..=all.div_ceil(ROWS).max(1) {
        let name = if number == 1 { name.to_owned() } else { format!("{name} {number}") };
        let rows = (all - (number - 1) * ROWS).min(ROWS);
        let sheet = book.add_worksheet_with_constant_memory()?;
        head(language, (sheet, &name), &LINES, looks, rows)?;
        // On paper, what people read; the rest is for programs and for whoever looks further.
        sheet.set_print_area(0, 0, u32::try_from(rows).unwrap_or(u32::MAX), PRINTED)?;
        for (row, line) in (1..).zip(lines.by_ref().take(rows)) {
            let line = line?;
            for (column, of) in (0..).zip(&LINES) {
                cell(sheet, (row, column), (of.cell)(&line, language), looks, false)?;
            }
        }
    }
    Ok(())
}

/// Names a sheet and writes its header, which stays in sight and can be filtered by.
fn head<T>(
    language: Language,
    (sheet, name): (&mut Worksheet, &str),
    columns: &[Column<T>],
    looks: &Looks,
    rows: usize,
) -> Result<(), ReportError> {
    sheet.set_name(name)?.set_landscape().set_paper_size(9).set_print_fit_to_pages(1, 0);
    sheet.set_repeat_rows(0, 0)?.set_freeze_panes(1, 1)?;
    let last = u16::try_from(columns.len() - 1).unwrap_or(u16::MAX);
    sheet.autofilter(0, 0, u32::try_from(rows).unwrap_or(u32::MAX).max(1), last)?;
    for (place, column) in (0..).zip(columns) {
        sheet.set_column_width(place, column.width)?;
    }
    sheet.set_row_height(0, 48)?;
    for (place, column) in (0..).zip(columns) {
        put(sheet, (0, place), column.header(language), &looks.header)?;
    }
    Ok(())
}

fn words_sheet(report: &Report, sheet: &mut Worksheet, looks: &Looks) -> Result<(), ReportError> {
    let language = report.language;
    sheet.set_name(by(language, ["Forklaringer", "Forklaringar", "Definitions"]))?.set_screen_gridlines(false);
    sheet.set_paper_size(9).set_print_fit_to_pages(1, 0);
    sheet.set_column_width(0, 20)?.set_column_width(1, 95)?;
    for (row, (word, meaning)) in (0..).zip(definitions(language, &report.about)) {
        put(sheet, (row, 0), word, &looks.bold)?;
        put(sheet, (row, 1), &meaning, &looks.wrapped)?;
    }
    Ok(())
}

fn put(sheet: &mut Worksheet, (row, column): (u32, u16), text: &str, look: &Format) -> Result<(), ReportError> {
    sheet.write_string_with_format(row, column, &*text::limited(text), look)?;
    Ok(())
}

fn cell(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    cell: Cell,
    looks: &Looks,
    whole: bool,
) -> Result<(), ReportError> {
    let [text_look, date, number, share] =
        if whole { looks.whole.each_ref() } else { [&looks.text, &looks.date, &looks.number, &looks.share] };
    match cell {
        Cell::Empty if whole => sheet.write_blank(row, column, text_look)?,
        Cell::Empty => sheet,
        Cell::Hidden => sheet.write_string_with_format(row, column, words::hidden(), text_look)?,
        Cell::Text(text) => sheet.write_string_with_format(row, column, &*text::limited(&text), text_look)?,
        Cell::Word(_, word) => sheet.write_string_with_format(row, column, crate::words::capital(&word), text_look)?,
        Cell::Date(day) => match sheet.write_datetime_with_format(row, column, &day, date) {
            Ok(sheet) => sheet,
            // Spreadsheets know no day before 1900.
            Err(_) => sheet.write_string_with_format(row, column, day.to_string(), text_look)?,
        },
        Cell::Number(value) => sheet.write_number_with_format(row, column, value, number)?,
        Cell::Share(value) => sheet.write_number_with_format(row, column, value, share)?,
    };
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn count(count: Figure<u64>) -> Cell {
    figure(count, |count| Cell::Number(count as f64))
}

fn figure<T>(figure: Figure<T>, cell: impl FnOnce(T) -> Cell) -> Cell {
    match figure {
        Figure::Is(value) => cell(value),
        Figure::Nothing => Cell::Empty,
        Figure::Hidden => Cell::Hidden,
    }
}
