//! Figures for `docs/figures`: tables, and what is said of the day and the machine.

use std::fs;
use std::thread;

use anyhow::{Context, Result};

use crate::{child, places};

/// The day and the size of the machine, which is all that a figure says of where it was measured.
pub(crate) struct Occasion {
    pub(crate) date: String,
    pub(crate) cores: usize,
    pub(crate) memory: String,
}

impl Occasion {
    /// Today, here.
    ///
    /// # Errors
    ///
    /// When the day or the number of cores cannot be had.
    pub(crate) fn now() -> Result<Occasion> {
        let date = child::output(&mut child::command("date", &["-u", "+%Y-%m-%d"]))?.trim().to_owned();
        let cores = thread::available_parallelism().context("cannot count the cores")?.get();
        Ok(Occasion { date, cores, memory: memory() })
    }

    /// In a sentence.
    pub(crate) fn sentence(&self) -> String {
        format!("Measured on {}, on {} cores and {} of memory.", self.date, self.cores, self.memory)
    }
}

fn memory() -> String {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes =
        text.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse().ok());
    match kilobytes {
        Some(kilobytes) => format!("{} GiB", u64::div_ceil(kilobytes, 1 << 20)),
        None => "an unknown amount".to_owned(),
    }
}

/// A Markdown table; the first column is text, the others are numbers.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &mut dyn Iterator<Item = &str>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
    let mut acc = line(&mut head.iter().copied());
    acc += &line(&mut (0..head.len()).map(|column| if column == 0 { "---" } else { "---:" }));
    for row in rows {
        acc += &line(&mut row.iter().map(String::as_str));
    }
    acc
}

/// A whole number with its thousands apart.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut acc = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            acc.push(',');
        }
        acc.push(digit);
    }
    acc
}

/// Writes a file of `docs/figures`.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn write(name: &str, text: &str) -> Result<()> {
    let folder = places::root().join("docs/figures");
    fs::create_dir_all(&folder).context("cannot make docs/figures")?;
    fs::write(folder.join(name), text).with_context(|| format!("cannot write docs/figures/{name}"))?;
    println!("wrote docs/figures/{name}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_table() {
        let rows = [vec!["mix".to_owned(), grouped(7)], vec!["shop".to_owned(), grouped(1_234_567)]];
        expect![[r#"
            | tree | lines |
            | --- | ---: |
            | mix | 7 |
            | shop | 1,234,567 |
        "#]]
        .assert_eq(&table(&["tree", "lines"], &rows));
    }
}
