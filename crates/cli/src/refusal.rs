//! Why raddle could not run: what, where, and what to do next. Ends with 2.

use std::fmt;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use anyhow::Error;
use raddle_report::printable;
use raddle_rulebook::{Lang, say_shared};
use raddle_vocabulary::Message;

use crate::output::tell;
use crate::session::Session;

const ERROR: Style = AnsiColor::BrightRed.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HELP: Style = AnsiColor::BrightCyan.on_default().bold();

/// A refusal in the reader's language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    what: Message,
    help: Option<Message>,
}

impl Refusal {
    pub(crate) fn new(what: Message) -> Refusal {
        Refusal { what, help: None }
    }

    pub(crate) fn help(self, help: Message) -> Refusal {
        Refusal { help: Some(help), ..self }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&say_shared(Lang::En, &self.what))
    }
}

impl std::error::Error for Refusal {}

/// Says why raddle could not run.
pub(crate) fn show(session: &Session, error: &Error) -> ExitCode {
    match error.downcast_ref::<Refusal>() {
        Some(Refusal { what, help }) => {
            tell(session, &label(session.lang, ERROR, "label-error", &say_shared(session.lang, what)));
            if let Some(help) = help {
                tell(session, &label(session.lang, HELP, "label-help", &say_shared(session.lang, help)));
            }
        }
        None => {
            tell(session, &label(session.lang, ERROR, "label-error", &error.to_string()));
            for cause in error.chain().skip(1) {
                tell(session, &label(session.lang, HELP, "label-cause", &cause.to_string()));
            }
        }
    }
    ExitCode::from(2)
}

/// Says that raddle is wrong, and how to report it.
pub(crate) fn bug(session: &Session, reason: &str) -> ExitCode {
    let refusal = Refusal::new(Message::new("bug").arg("reason", reason)).help(Message::new("bug-help"));
    show(session, &refusal.into())
}

/// Says that the system gives no thread.
pub(crate) fn no_threads(session: &Session, reason: &dyn fmt::Display) -> ExitCode {
    let what = Message::new("cannot-start-threads").arg("reason", reason.to_string());
    show(session, &Refusal::new(what).help(Message::new("cannot-start-threads-help")).into())
}

/// Says what the reader should know although the run goes on.
pub(crate) fn warn(session: &Session, text: &str) {
    tell(session, &label(session.lang, WARNING, "label-warning", text));
}

/// Says what to do about what was said before.
pub(crate) fn advise(session: &Session, text: &str) {
    tell(session, &label(session.lang, HELP, "label-help", text));
}

/// A line that starts with a coloured word and the colon of its language.
fn label(lang: Lang, style: Style, key: &str, text: &str) -> String {
    let start = say_shared(lang, &Message::new(key).arg("text", ""));
    format!("{style}{start}{style:#}{}\n", printable(text))
}
