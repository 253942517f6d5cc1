//! CSV. Spreadsheets that open such a file would read some texts as formulas; those have an apostrophe before them.

use std::io::Write;

use csv::{QuoteStyle, Terminator, Writer, WriterBuilder};

use crate::language::Language;

use super::cells::{Cell, Column, FIGURES, LINES, groups};
use super::{Report, ReportError, Table, text, words};

/// How the file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// As spreadsheets that are set up for Norwegian read it without being asked.
    Norwegian,
    /// For programs.
    Rfc4180,
}

/// What tells a spreadsheet that the text is UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

pub(super) fn write(
    report: &mut Report,
    dialect: Dialect,
    table: Table,
    out: &mut dyn Write,
) -> Result<(), ReportError> {
    if dialect == Dialect::Norwegian {
        out.write_all(BOM)?;
    }
    let language = report.language;
    let mut file = Sheet { out: writer(dialect, out), dialect, language };
    // Lines that must not be shown are none: then there are figures alone.
    if table == Table::Figures || report.about.hide_small {
        file.header(&FIGURES)?;
        for group in groups(&report.figures, language) {
            file.row(&FIGURES, &group)?;
        }
    } else {
        file.header(&LINES)?;
        for line in report.spool.lines() {
            file.row(&LINES, &line?)?;
        }
    }
    Ok(file.out.flush()?)
}

fn writer(dialect: Dialect, out: &mut dyn Write) -> Writer<&mut dyn Write> {
    let delimiter = match dialect {
        Dialect::Norwegian => b';',
        Dialect::Rfc4180 => b',',
    };
    let mut builder = WriterBuilder::new();
    builder.delimiter(delimiter).terminator(Terminator::CRLF).quote_style(QuoteStyle::Necessary);
    builder.from_writer(out)
}

struct Sheet<'w> {
    out: Writer<&'w mut dyn Write>,
    dialect: Dialect,
    language: Language,
}

impl Sheet<'_> {
    fn header<T>(&mut self, columns: &[Column<T>]) -> Result<(), ReportError> {
        let header = |column: &Column<T>| match self.dialect {
            Dialect::Norwegian => column.header(self.language),
            Dialect::Rfc4180 => column.name,
        };
        Ok(self.out.write_record(columns.iter().map(header)).map_err(std::io::Error::from)?)
    }

    fn row<T>(&mut self, columns: &[Column<T>], row: &T) -> Result<(), ReportError> {
        let cells = columns.iter().map(|column| self.text((column.cell)(row, self.language)));
        let cells: Vec<String> = cells.collect();
        Ok(self.out.write_record(&cells).map_err(std::io::Error::from)?)
    }

    fn text(&self, cell: Cell) -> String {
        let number = |number: f64| match self.dialect {
            Dialect::Norwegian => number.to_string().replace('.', ","),
            Dialect::Rfc4180 => number.to_string(),
        };
        match cell {
            Cell::Empty => String::new(),
            Cell::Hidden => words::hidden().to_owned(),
            Cell::Text(text) => text::unarmed(&text).into_owned(),
            Cell::Word(name, word) => match self.dialect {
                Dialect::Norwegian => text::unarmed(&crate::words::capital(&word)).into_owned(),
                Dialect::Rfc4180 => text::unarmed(&name).into_owned(),
            },
            Cell::Date(date) => match self.dialect {
                Dialect::Norwegian => words::short_day(Language::Nb, date),
                Dialect::Rfc4180 => date.to_string(),
            },
            Cell::Number(value) => number(value),
            Cell::Share(share) => number((share * 10_000.0).round() / 10_000.0),
        }
    }
}
