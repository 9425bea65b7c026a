//! `raddle completions` and `raddle man`: what a shell and `man` know of the command line, made from the command line itself.

use std::process::ExitCode;

use anyhow::{Context, Result};
use raddle_vocabulary::Message;

use crate::arguments::{self, CompletionsArguments, ManArguments};
use crate::output::print;
use crate::refusal::Refusal;
use crate::session::Session;

/// Prints the completions for a shell.
pub(crate) fn completions(session: &Session, arguments: &CompletionsArguments) -> Result<ExitCode> {
    let mut page = Vec::new();
    clap_complete::generate(arguments.shell, &mut arguments::command(session.lang), "raddle", &mut page);
    print(session, &page)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints a page of the manual: of raddle, or of one of its commands.
pub(crate) fn man(session: &Session, arguments: &ManArguments) -> Result<ExitCode> {
    let mut command = arguments::command(session.lang);
    command.build();
    let command = match &arguments.command {
        None => command,
        Some(name) => {
            let found = command.find_subcommand(name).cloned();
            let unknown = || Refusal::new(Message::new("usage-unknown-command").arg("command", &**name));
            found.ok_or_else(unknown)?.version(env!("CARGO_PKG_VERSION"))
        }
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).context("could not write the page")?;
    print(session, &page)?;
    Ok(ExitCode::SUCCESS)
}
