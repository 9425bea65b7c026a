//! Lines of a chosen width, in English and 中文.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many columns of a terminal a text takes.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.width()
}

/// Breaks a text into lines of at most `width` columns.
///
/// A line ends at a space, or next to a Han character but never before the punctuation that follows it. Code in
/// backticks stays whole, so a line of one long word may be too long.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for unit in units(text) {
        let gap = usize::from(unit.after_space && used > 0);
        let line = lines.len() - 1;
        if used > 0 && used + gap + unit.text.width() > width {
            lines.push(unit.text.to_owned());
            used = unit.text.width();
        } else {
            lines[line].push_str(&" ".repeat(gap));
            lines[line].push_str(unit.text);
            used += gap + unit.text.width();
        }
    }
    lines
}

/// A piece of text that is not broken.
struct Unit<'a> {
    text: &'a str,
    after_space: bool,
}

fn units(text: &str) -> Vec<Unit<'_>> {
    let mut acc = Vec::new();
    let mut start = 0;
    let mut after_space = false;
    let mut in_code = false;
    let mut previous = None;
    for (at, char) in text.char_indices() {
        let between = previous.is_some_and(|previous| !in_code && may_break(previous, char));
        if between || (char == ' ' && !in_code) {
            if at > start {
                acc.push(Unit { text: &text[start..at], after_space });
                after_space = false;
            }
            start = at;
        }
        if char == ' ' && !in_code {
            start = at + 1;
            after_space = true;
        }
        if char == '`' {
            in_code = !in_code;
        }
        previous = Some(char);
    }
    if start < text.len() {
        acc.push(Unit { text: &text[start..], after_space });
    }
    acc
}

fn may_break(previous: char, next: char) -> bool {
    (is_wide(previous) || is_wide(next)) && !is_opening(previous) && !is_closing(next)
}

/// Whether a character takes two columns: Han characters and full-width punctuation.
pub(crate) fn is_wide(char: char) -> bool {
    char.width() == Some(2)
}

pub(crate) fn is_han(char: char) -> bool {
    matches!(char, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

fn is_opening(char: char) -> bool {
    matches!(char, '（' | '《' | '「' | '『' | '【' | '“' | '‘' | '(' | '[')
}

fn is_closing(char: char) -> bool {
    matches!(char, '，' | '。' | '、' | '；' | '：' | '！' | '？' | '）' | '》' | '」' | '』' | '】' | '”' | '’' | '…')
        || matches!(char, ',' | '.' | ';' | ':' | '!' | '?' | ')' | ']')
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::wrap;

    fn check(text: &str, width: usize, expected: Expect) {
        expected.assert_eq(&wrap(text, width).join("\n"));
    }

    #[test]
    fn english_breaks_at_spaces_and_not_in_code() {
        check(
            "every call on the way to `open(path, mode)` is known",
            20,
            expect![[r#"
                every call on the
                way to
                `open(path, mode)`
                is known"#]],
        );
    }

    #[test]
    fn chinese_breaks_between_characters_and_keeps_punctuation_with_them() {
        check(
            "途中的每个调用都已确认，包括 `open`（磁盘）",
            16,
            expect![[r#"
                途中的每个调用都
                已确认，包括
                `open`（磁盘）"#]],
        );
    }
}
