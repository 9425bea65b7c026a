//! Files and functions that grew past the point where a second noun would help, and files that do not say what they are for.

use super::{Allowed, Fault, Text};

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 60;

/// Rust files that do not open with their sentence or are too long.
pub(super) fn faults(text: &Text, allowed: &Allowed, acc: &mut Vec<Fault>) {
    if !text.text.starts_with("//! ") {
        acc.push(Fault::new(&text.path, 1, "a file opens with `//!` and says what it is for"));
    }
    let lines = text.text.lines().count();
    if lines > FILE_LINES && !allowed.room.iter().any(|room| room.file == text.path) {
        acc.push(Fault::new(&text.path, 0, format!("{lines} lines, {FILE_LINES} are the limit")));
    }
}

/// Allowances for files that are gone or small again, or that give no reason.
pub(super) fn stale(texts: &[Text], allowed: &Allowed, acc: &mut Vec<Fault>) {
    for room in &allowed.room {
        let lines = texts.iter().find(|text| text.path == room.file).map_or(0, |text| text.text.lines().count());
        if lines <= FILE_LINES || room.reason.is_empty() {
            acc.push(Fault::new("xtask/tidy.toml", 0, format!("`{}` needs no allowance, or has no reason", room.file)));
        }
    }
}

/// Functions past the limit. rustfmt closes a function with a `}` below its first letter, which is all that is looked at.
pub(super) fn long_functions(text: &Text, acc: &mut Vec<Fault>) {
    let lines: Vec<&str> = text.text.lines().collect();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        // The first line below the first letter that ends the item: the brace of its body, or the semicolon of a signature.
        let ends = |line: &&str| {
            let rest = line.trim_start();
            line.len() - rest.len() == indent && (rest == "}" || rest.ends_with(';'))
        };
        let Some(length) = lines[start..].iter().position(ends) else { continue };
        let length = length + 1;
        if length > FUNCTION_LINES {
            acc.push(Fault::new(
                &text.path,
                start + 1,
                format!("`{name}` has {length} lines, {FUNCTION_LINES} are good"),
            ));
        }
    }
}

/// The name of the function whose body starts on or after this line.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.trim_start().split_once("fn ")?;
    let is_qualifier = |word: &str| {
        matches!(word, "pub" | "const" | "async" | "unsafe") || word.starts_with("pub(") || word == "super)"
    };
    if !before.split_whitespace().all(is_qualifier) || line.trim_end().ends_with([';', '}']) {
        return None;
    }
    after.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: &Expect) {
        let text = Text { path: "crates/facts/src/walk.rs".to_owned(), text: text.to_owned() };
        let mut acc = Vec::new();
        faults(&text, &Allowed::default(), &mut acc);
        long_functions(&text, &mut acc);
        expected.assert_eq(&acc.iter().map(Fault::show).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn a_file_without_a_sentence() {
        check(
            "use std::fs;\n",
            &expect!["crates/facts/src/walk.rs:1: a file opens with `//!` and says what it is for"],
        );
    }

    #[test]
    fn a_long_file() {
        check(
            &format!("//! Says what for.\n{}", "\n".repeat(600)),
            &expect!["crates/facts/src/walk.rs: 601 lines, 600 are the limit"],
        );
    }

    #[test]
    fn long_functions_are_named() {
        let body = "        step();\n".repeat(70);
        let short = "    fn short(&self);\n    pub(crate) fn one() {}\n";
        check(
            &format!(
                "//! Says what for.\nimpl Walk {{\n{short}    pub(crate) fn long<T>(it: T) {{\n{body}    }}\n}}\n"
            ),
            &expect!["crates/facts/src/walk.rs:5: `long` has 72 lines, 60 are good"],
        );
    }

    #[test]
    fn allowances_end() {
        let text = Text { path: "a.rs".to_owned(), text: String::new() };
        let allowed: Allowed = toml::from_str("[[room]]\nfile = \"a.rs\"\nreason = \"long\"").unwrap();
        let mut acc = Vec::new();
        stale(&[text], &allowed, &mut acc);
        expect!["xtask/tidy.toml: `a.rs` needs no allowance, or has no reason"].assert_eq(&acc[0].show());
    }
}
