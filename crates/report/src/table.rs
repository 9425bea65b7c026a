//! Tables for a terminal.

use anstyle::Style;
use raddle_rulebook::columns;

const HEADING: Style = Style::new().bold();

/// Rows under headings. A column that is empty in every row is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// One heading for each column.
    pub headings: Vec<String>,
    /// As many cells in each row as there are headings.
    pub rows: Vec<Vec<String>>,
}

/// Lays a table out: numbers to the right, words to the left, two spaces between columns.
#[must_use]
pub fn table(table: &Table) -> String {
    let cells = |column: usize| table.rows.iter().map(move |row| row[column].as_str());
    let shown: Vec<Column> = (0..table.headings.len())
        .filter(|column| cells(*column).any(|cell| !cell.is_empty()))
        .map(|column| Column {
            index: column,
            width: cells(column).chain([table.headings[column].as_str()]).map(columns).max().unwrap_or_default(),
            numbers: cells(column).all(|cell| cell.starts_with(|char: char| char.is_ascii_digit()) || cell.is_empty()),
        })
        .collect();
    let headings = line(&table.headings, &shown);
    let mut acc = format!("{HEADING}{headings}{HEADING:#}\n");
    for row in &table.rows {
        acc.push_str(&line(row, &shown));
        acc.push('\n');
    }
    acc
}

struct Column {
    index: usize,
    width: usize,
    numbers: bool,
}

fn line(row: &[String], shown: &[Column]) -> String {
    let cells: Vec<String> = shown
        .iter()
        .map(|column| {
            let cell = &row[column.index];
            let padding = " ".repeat(column.width.saturating_sub(columns(cell)));
            if column.numbers { format!("{padding}{cell}") } else { format!("{cell}{padding}") }
        })
        .collect();
    cells.join("  ").trim_end().to_owned()
}
