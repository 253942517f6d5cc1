//! Tables: framed on a terminal, plain columns when piped. Dates are ISO in both, so that they sort and compare.

use std::io::{IsTerminal, Write};

use comfy_table::{Attribute, Cell, ContentArrangement, TableComponent, presets};

/// How a table looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Columns of text, for other programs.
    Plain,
    /// Frames that fit the terminal.
    Terminal {
        /// Whether the header stands out.
        coloured: bool,
    },
}

impl Look {
    /// What suits stdout.
    pub(super) fn of_stdout() -> Self {
        if std::io::stdout().is_terminal() {
            Self::Terminal { coloured: !crate::config::no_color() }
        } else {
            Self::Plain
        }
    }

    /// A bar as long as `count` in a row of which the longest is `most`.
    pub(super) fn bar(self, count: usize, most: usize) -> String {
        const LONGEST: usize = 40;
        let length = if most <= LONGEST { count } else { (count * LONGEST).div_ceil(most) };
        let block = if self == Self::Plain { "#" } else { "█" };
        block.repeat(length)
    }
}

/// Rows under a header.
#[derive(Debug)]
pub(super) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: vec![] }
    }

    /// Adds a row with as many cells as the header.
    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Leaves out a column.
    pub(super) fn without(mut self, name: &str) -> Self {
        if let Some(column) = self.header.iter().position(|header| *header == name) {
            self.header.remove(column);
            for row in &mut self.rows {
                row.remove(column);
            }
        }
        self
    }

    pub(super) fn write(&self, out: &mut impl Write, look: Look) -> std::io::Result<()> {
        match look {
            Look::Plain => self.write_plain(out),
            Look::Terminal { coloured } => self.write_framed(out, coloured),
        }
    }

    /// The rows alone, for what goes on from an earlier page.
    pub(super) fn write_more(&self, out: &mut impl Write, look: Look) -> std::io::Result<()> {
        match look {
            Look::Plain => self.write_rows(out, false),
            Look::Terminal { coloured } => self.write_framed(out, coloured),
        }
    }

    /// Columns two spaces apart; an empty cell is a dash, so that columns can be counted.
    fn write_plain(&self, out: &mut impl Write) -> std::io::Result<()> {
        self.write_rows(out, true)
    }

    fn write_rows(&self, out: &mut impl Write, with_header: bool) -> std::io::Result<()> {
        let header = self.header.iter().map(|name| (*name).to_owned()).collect();
        let lines: Vec<&Vec<String>> = std::iter::once(&header).chain(&self.rows).collect();
        let width = |column: usize| lines.iter().map(|cells| shown(&cells[column]).chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        for cells in lines.iter().skip(usize::from(!with_header)) {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{:width$}", shown(cell)));
            writeln!(out, "{}", padded.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }

    fn write_framed(&self, out: &mut impl Write, coloured: bool) -> std::io::Result<()> {
        let mut table = comfy_table::Table::new();
        table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        // No line between rows: more of them fit a screen.
        let between = [
            TableComponent::HorizontalLines,
            TableComponent::MiddleIntersections,
            TableComponent::LeftBorderIntersections,
            TableComponent::RightBorderIntersections,
        ];
        for component in between {
            table.remove_style(component);
        }
        let header = self.header.iter().map(|name| {
            let cell = Cell::new(name);
            if coloured { cell.add_attribute(Attribute::Bold) } else { cell }
        });
        table.set_header(header);
        for row in &self.rows {
            table.add_row(row);
        }
        writeln!(out, "{table}")
    }
}

fn shown(cell: &str) -> &str {
    if cell.is_empty() { "-" } else { cell }
}

/// What a value says, or nothing.
pub(super) fn or_empty(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(look: Look) -> String {
        let mut table = Table::new(&["DATE", "TO"]);
        table.row(["2026-03-02".to_owned(), "lærer".to_owned()]);
        table.row([String::new(), "p2".to_owned()]);
        let mut out = Vec::new();
        table.write(&mut out, look).expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn plain_tables_are_columns_without_trailing_blanks() {
        assert_eq!(written(Look::Plain), "DATE        TO\n2026-03-02  lærer\n-           p2\n");
    }

    #[test]
    fn framed_tables_hold_no_escape_codes_unless_coloured() {
        assert!(!written(Look::Terminal { coloured: false }).contains('\u{1b}'));
        assert!(written(Look::Terminal { coloured: false }).contains('─'));
    }

    #[test]
    fn bars_fit_a_line() {
        assert_eq!(Look::Plain.bar(3, 10), "###");
        assert_eq!(Look::Plain.bar(1, 4000).len(), 1);
        assert_eq!(Look::Plain.bar(4000, 4000).len(), 40);
    }
}
