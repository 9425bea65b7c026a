//! How Chinese is set: full-width punctuation, and a space between code and Han characters.

use crate::wrap::is_han;

/// What is wrong with a Chinese text. Fenced blocks and code in backticks are not looked into.
pub(crate) fn faults(text: &str) -> Vec<String> {
    let mut acc = Vec::new();
    let mut in_fence = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_fence = !in_fence;
        } else if !in_fence {
            line_faults(line, &mut acc);
        }
    }
    acc
}

fn line_faults(line: &str, acc: &mut Vec<String>) {
    let pieces: Vec<&str> = line.split('`').collect();
    for (index, piece) in pieces.iter().enumerate() {
        if index % 2 == 1 {
            continue;
        }
        let touches_before = index > 0 && piece.starts_with(is_han);
        let touches_after = index + 1 < pieces.len() && piece.ends_with(is_han);
        if touches_before || touches_after {
            acc.push(format!("a space belongs between code and Han characters: {line}"));
        }
        let chars: Vec<char> = piece.chars().collect();
        let half_width = chars
            .windows(2)
            .any(|pair| (is_han(pair[0]) && is_half_width(pair[1])) || (is_half_width(pair[0]) && is_han(pair[1])));
        if half_width {
            acc.push(format!("punctuation next to Han characters is full-width: {line}"));
        }
    }
}

fn is_half_width(char: char) -> bool {
    matches!(char, ',' | ';' | ':' | '?' | '!' | '(' | ')')
}

#[cfg(test)]
mod tests {
    use super::faults;

    #[test]
    fn notices_what_is_set_wrong() {
        assert_eq!(faults("改用 `await x`，让其他任务运行").len(), 0);
        assert_eq!(faults("改用`await x`").len(), 1);
        assert_eq!(faults("`open` 会等磁盘, 事件循环停住").len(), 1);
        assert_eq!(faults("```py\n代码,代码\n```").len(), 0);
    }
}
