//! `raddle rules`.

use std::process::ExitCode;

use anyhow::Result;
use raddle_report::{Table, level_word, table};
use raddle_rulebook::{Card, Lang, Rulebook, word};

use crate::output::print;
use crate::session::Session;

/// Lists every rule.
pub(crate) fn rules(session: &Session) -> Result<ExitCode> {
    let lang = session.lang;
    let rows: Vec<Vec<String>> = Rulebook::built_in().cards().map(|card| row(card, lang)).collect();
    let headings = ["column-rule", "column-name", "column-pitfall", "column-level", "column-default"];
    let headings = headings.map(|key| word(lang, key).to_owned()).into();
    let page = format!("{}\n{}\n", table(&Table { headings, rows }), word(lang, "rules-footer"));
    print(session, page.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn row(card: &Card, lang: Lang) -> Vec<String> {
    let name = match lang {
        Lang::En => "",
        Lang::Zh => &card.name_zh,
    };
    let pitfall = word(lang, &format!("pitfall-{}", card.head.pitfall)).to_owned();
    let level = word(lang, level_word(card.head.level)).to_owned();
    let default = word(lang, if card.head.pedantic { "rules-pedantic" } else { "rules-on" }).to_owned();
    vec![card.name.clone(), name.to_owned(), pitfall, level, default]
}
