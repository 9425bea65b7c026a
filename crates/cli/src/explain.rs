//! `raddle explain RULE`.

use std::process::ExitCode;

use anyhow::Result;
use raddle_rulebook::{Rulebook, explain_in_markdown, explain_in_terminal};

use crate::arguments::{ExplainArguments, PageFormat};
use crate::output::print;
use crate::request::rule;
use crate::session::Session;

/// Lines of prose longer than this are hard to read.
const PROSE: usize = 88;

/// Shows the card of a rule.
pub(crate) fn explain(session: &Session, arguments: &ExplainArguments) -> Result<ExitCode> {
    let rule = rule(&arguments.rule)?;
    let card = Rulebook::built_in().card(&rule.0).expect("a rule is named only when it has a card");
    let page = match arguments.output_format {
        PageFormat::Text => explain_in_terminal(card, session.lang, session.width.min(PROSE)),
        PageFormat::Markdown => explain_in_markdown(card, session.lang),
    };
    print(session, page.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
