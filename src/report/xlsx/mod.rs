//! The workbook: an overview, the figures, the deviations, and what the words mean. Dates are dates and numbers are
//! numbers; texts are always written as texts, so nothing in them is ever a formula or a link.

mod looks;
mod overview;

use std::io::{Seek, SeekFrom, Write};

use rust_xlsxwriter::{DocProperties, Format, Workbook, Worksheet};

use crate::language::Language;
use crate::words::by;

use super::cells::{Cell, Column, FIGURES, LINES, groups};
use super::figure::Figure;
use super::words::{self, definitions};
use super::{Report, ReportError, text};

use self::looks::Looks;
use self::overview::overview;

/// The most rows of deviations on a sheet; a sheet takes a little more.
const ROWS: usize = 1_000_000;

/// The last column of deviations that is printed.
const PRINTED: u16 = 14;

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
        Cell::Date(day) => match sheet.write_datetime_with_format(row, column, day, date) {
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
