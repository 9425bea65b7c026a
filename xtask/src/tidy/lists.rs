//! Lists that have to keep up with folders, and data that has to parse.

use super::{Fault, Text};

const CARDS: &str = "crates/rulebook/cards/";
const CARD_LIST: &str = "crates/rulebook/src/cards.rs";

/// Cards that are not compiled in, and TOML that is none.
pub(super) fn faults(texts: &[Text], acc: &mut Vec<Fault>) {
    let list = texts.iter().find(|text| text.path == CARD_LIST).map_or("", |text| &text.text);
    for text in texts {
        let card = text.path.strip_prefix(CARDS).and_then(|name| name.strip_suffix(".md"));
        if let Some(name) = card
            && !list.contains(&format!("\"{name}\""))
            && !list.contains(&format!("/{name}.md"))
        {
            acc.push(Fault::new(&text.path, 0, format!("the card is not in {CARD_LIST}")));
        }
        if text.is(".toml")
            && let Err(error) = text.text.parse::<toml::Table>()
        {
            let line = error.span().map_or(0, |span| text.text[..span.start].matches('\n').count() + 1);
            acc.push(Fault::new(&text.path, line, error.message()));
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(files: &[(&str, &str)], expected: &Expect) {
        let texts: Vec<Text> =
            files.iter().map(|&(path, text)| Text { path: path.to_owned(), text: text.to_owned() }).collect();
        let mut acc = Vec::new();
        faults(&texts, &mut acc);
        expected.assert_eq(&acc.iter().map(Fault::show).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn a_card_that_nobody_reads() {
        check(
            &[
                ("crates/rulebook/cards/task-not-kept.md", ""),
                ("crates/rulebook/cards/self-deadlock.md", ""),
                (CARD_LIST, r#"("self-deadlock", include_str!("../cards/self-deadlock.md"))"#),
            ],
            &expect!["crates/rulebook/cards/task-not-kept.md: the card is not in crates/rulebook/src/cards.rs"],
        );
    }

    #[test]
    fn a_model_with_a_slip() {
        check(
            &[("crates/facts/models/time.toml", "distribution = \"stdlib\"\nblocks = [\n")],
            &expect!["crates/facts/models/time.toml:2: unclosed array, expected `]`"],
        );
    }
}
