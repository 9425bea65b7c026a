//! A command line that raddle does not understand, in the reader's language.

use std::error::Error as _;
use std::process::ExitCode;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use raddle_vocabulary::Message;

use crate::output::{print, tell};
use crate::refusal::{Refusal, show as refuse};
use crate::session::Session;

/// Shows help or the version when they were asked for, else what is wrong.
pub(crate) fn show(session: &Session, error: &Error) -> ExitCode {
    let styled = error.render().ansi().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match print(session, styled.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => refuse(session, &error),
        },
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            tell(session, &styled);
            ExitCode::from(2)
        }
        _ => match what(error) {
            Some(what) => refuse(session, &Refusal::new(what).help(help(error)).into()),
            None => {
                tell(session, &styled);
                ExitCode::from(2)
            }
        },
    }
}

/// What is wrong, for the mistakes that have words of their own.
fn what(error: &Error) -> Option<Message> {
    let argument = || context(error, ContextKind::InvalidArg);
    let message = match error.kind() {
        ErrorKind::UnknownArgument => Message::new("usage-unknown-argument").arg("argument", argument()?),
        ErrorKind::InvalidSubcommand => {
            Message::new("usage-unknown-command").arg("command", context(error, ContextKind::InvalidSubcommand)?)
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => match context(error, ContextKind::InvalidValue)? {
            value if value.is_empty() => Message::new("usage-no-value").arg("argument", argument()?),
            value => Message::new("usage-bad-value").arg("value", value).arg("argument", argument()?),
        },
        ErrorKind::MissingRequiredArgument => Message::new("usage-missing").arg("argument", argument()?),
        ErrorKind::ArgumentConflict => match (argument()?, context(error, ContextKind::PriorArg)?) {
            (argument, other) if argument == other => Message::new("usage-twice").arg("argument", argument),
            (argument, other) => Message::new("usage-conflict").arg("argument", argument).arg("other", other),
        },
        _ => return None,
    };
    Some(message)
}

/// What to do about it: the nearest name, the values there are, or where to read on.
fn help(error: &Error) -> Message {
    let nearest = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue]
        .into_iter()
        .find_map(|kind| context(error, kind));
    if let Some(nearest) = nearest {
        return Message::new("usage-nearest").arg("nearest", nearest);
    }
    if let Some(choices) = context(error, ContextKind::ValidValue).filter(|choices| !choices.is_empty()) {
        return Message::new("usage-choices").arg("choices", choices);
    }
    if let Some(reason) = error.source() {
        // Our own parsers fail with the key of a shared word.
        return Message::new(&reason.to_string());
    }
    let command = std::env::args()
        .nth(1)
        .filter(|name| matches!(name.as_str(), "check" | "explain" | "explore" | "replay" | "rules"));
    let command = command.map_or("raddle".to_owned(), |name| format!("raddle {name}"));
    Message::new("usage-more").arg("command", command)
}

fn context(error: &Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        _ => None,
    }
}
