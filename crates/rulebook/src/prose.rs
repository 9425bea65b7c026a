//! Markdown prose for a terminal: wrapped, with code, emphasis and lists set apart.

use anstyle::{AnsiColor, Style};

use crate::wrap::{is_han, is_wide, wrap};

const CODE: Style = AnsiColor::Cyan.on_default();
const BOLD: Style = Style::new().bold();

/// Sets Markdown prose for a terminal of some width, every line starting with `indent`.
pub(crate) fn set(markdown: &str, indent: &str, width: usize) -> String {
    let mut acc = String::new();
    let mut paragraph = String::new();
    let mut in_fence = false;
    for line in markdown.lines() {
        if line.starts_with("```") {
            flush(&mut paragraph, indent, width, &mut acc);
            in_fence = !in_fence;
        } else if in_fence {
            push_line(&format!("{indent}    {line}"), &mut acc);
        } else if line.trim().is_empty() {
            flush(&mut paragraph, indent, width, &mut acc);
            push_line("", &mut acc);
        } else if line.trim_start().starts_with('|') {
            flush(&mut paragraph, indent, width, &mut acc);
            push_line(&format!("{indent}{line}"), &mut acc);
        } else {
            if bullet(line).is_some() {
                flush(&mut paragraph, indent, width, &mut acc);
            }
            join(&mut paragraph, line.trim());
        }
    }
    flush(&mut paragraph, indent, width, &mut acc);
    acc
}

/// Adds a line of a paragraph. Between Han characters, and beside full-width punctuation, lines join without a space.
fn join(paragraph: &mut String, line: &str) {
    if let (Some(end), Some(start)) = (paragraph.chars().next_back(), line.chars().next()) {
        let is_tight = |char| is_wide(char) && !is_han(char);
        let joins = (is_wide(end) && is_wide(start)) || is_tight(end) || is_tight(start);
        if !joins {
            paragraph.push(' ');
        }
    }
    paragraph.push_str(line);
}

fn flush(paragraph: &mut String, indent: &str, width: usize, acc: &mut String) {
    if paragraph.is_empty() {
        return;
    }
    let (marker, text) =
        bullet(paragraph).map_or((String::new(), paragraph.as_str()), |(marker, text)| (format!("{marker} "), text));
    let hanging = " ".repeat(marker.len());
    let lines = wrap(text, width.saturating_sub(indent.len() + marker.len()).max(20));
    let whole = format!("{indent}{marker}{}", lines.join(&format!("\n{indent}{hanging}")));
    push_line(&styled(&whole), acc);
    paragraph.clear();
}

/// The marker and the text of a list item.
fn bullet(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let (marker, text) = line.split_once(' ')?;
    let number = marker.strip_suffix('.').is_some_and(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit()));
    (matches!(marker, "-" | "*") || number).then_some((marker, text))
}

fn push_line(line: &str, acc: &mut String) {
    acc.push_str(line);
    acc.push('\n');
}

/// Colours code in backticks and sets `**words**` in bold; bold words may hold code.
pub(crate) fn styled(text: &str) -> String {
    let mut acc = String::with_capacity(text.len() + 64);
    let mut bold = false;
    for (index, piece) in text.split('`').enumerate() {
        if index % 2 == 1 {
            acc.push_str(&format!("{CODE}`{piece}`{CODE:#}"));
            continue;
        }
        for (index, words) in piece.split("**").enumerate() {
            bold ^= index > 0;
            if bold && !words.is_empty() {
                acc.push_str(&format!("{BOLD}{words}{BOLD:#}"));
            } else {
                acc.push_str(words);
            }
        }
    }
    acc
}
