//! Reading reports back, as their readers' programs do: each format by something that did not write it.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{Data, Reader, Xlsx};
use fristvakt::report::{Format, Report};

/// A table: by column, a row each.
pub(super) type Rows = Vec<BTreeMap<String, String>>;

/// What a report is in a format.
pub(super) fn bytes(report: &mut Report, format: Format) -> Vec<u8> {
    let mut out = vec![];
    report.write(format, &mut out).expect("written");
    out
}

pub(super) fn text(report: &mut Report, format: Format) -> String {
    String::from_utf8(bytes(report, format)).expect("text")
}

/// A CSV file, of either dialect.
pub(super) fn csv(bytes: &[u8], delimiter: u8) -> Rows {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(bytes);
    let header: Vec<String> = reader.headers().expect("a header").iter().map(str::to_owned).collect();
    let records = reader.records().map(|record| record.expect("a record"));
    records.map(|record| header.iter().cloned().zip(record.iter().map(str::to_owned)).collect()).collect()
}

/// A sheet of a workbook by its place; numbers and dates as a spreadsheet knows them: `n:…` and `d:…`.
pub(super) fn sheet(bytes: &[u8], place: usize) -> Rows {
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).expect("a workbook");
    let range = book.worksheet_range_at(place).expect("a sheet").expect("cells");
    let mut rows = range.rows();
    let header: Vec<String> = rows.next().expect("a header").iter().map(ToString::to_string).collect();
    rows.map(|row| header.iter().cloned().zip(row.iter().map(cell)).collect()).collect()
}

/// How many formulas a workbook has.
pub(super) fn formulas(bytes: &[u8]) -> usize {
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).expect("a workbook");
    let names = book.sheet_names();
    let of = |name: &String| book.worksheet_formula(name).map_or(0, |range| range.used_cells().count());
    names.iter().map(of).sum()
}

fn cell(data: &Data) -> String {
    match data {
        Data::Empty => String::new(),
        Data::String(text) => text.clone(),
        Data::Float(number) => format!("n:{number}"),
        Data::Int(number) => format!("n:{number}"),
        Data::DateTime(date) => format!("d:{}", date.as_datetime().expect("a date").date()),
        other => panic!("a cell of another kind: {other:?}"),
    }
}

/// The tables of a page: rows of cells, without markup.
pub(super) fn tables(page: &str) -> Vec<Vec<Vec<String>>> {
    let inside = |text: &str, open: &str, close: &str| -> Vec<String> {
        let parts = text.split(open).skip(1);
        parts.map(|part| part.split(close).next().unwrap_or_default().to_owned()).collect()
    };
    let cells = |row: &String| {
        let row = row.replace("<th", "<td").replace("</th>", "</td>");
        inside(&row, "<td", "</td>")
            .iter()
            .map(|cell| plain(cell.split_once('>').map_or("", |(_, rest)| rest)))
            .collect()
    };
    let tables = inside(page, "<table", "</table>");
    tables.iter().map(|table| inside(table, "<tr", "</tr>").iter().map(cells).collect()).collect()
}

/// What a page says, without markup: blocks on lines of their own.
pub(super) fn plain(markup: &str) -> String {
    let mut text = String::new();
    for (place, part) in markup.split('<').enumerate() {
        let rest = if place == 0 { part } else { part.split_once('>').map_or("", |(_, rest)| rest) };
        text.push_str(rest);
    }
    unescaped(&text)
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    text.replace("&amp;", "&")
}

/// The elements of a page, by name, with their attributes' names.
pub(super) fn elements(page: &str) -> Vec<(String, Vec<String>)> {
    let style = page.find("<style>").zip(page.find("</style>"));
    let page = style.map_or_else(|| page.to_owned(), |(from, to)| format!("{}{}", &page[..from], &page[to..]));
    let opened = page.split('<').skip(1).filter(|part| !part.starts_with('/'));
    let parsed = opened.map(|part| {
        let tag = part.split('>').next().unwrap_or_default();
        let name = tag.split([' ', '\n', '/']).next().unwrap_or_default().to_lowercase();
        // Quoted values hold no quotation marks: those are escaped.
        let names = tag[name.len()..].split('"').step_by(2).flat_map(str::split_whitespace);
        (name, names.map(|name| name.trim_end_matches('=').to_lowercase()).filter(|name| name != "/").collect())
    });
    parsed.collect()
}

/// Every cell of a workbook.
pub(super) fn cells(bytes: &[u8]) -> Vec<String> {
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).expect("a workbook");
    let sheets = book.worksheets();
    sheets.iter().flat_map(|(_, range)| range.rows().flatten().map(cell).collect::<Vec<_>>()).collect()
}
