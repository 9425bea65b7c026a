//! `raddle explore` and `raddle replay`: finds the Python that has raddle's package and the program's own, and hands over to it.

mod python;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use raddle_rulebook::{Lang, say_shared};
use raddle_vocabulary::Message;
use serde::Serialize;

use crate::arguments::{ExploreArguments, ReplayArguments};
use crate::session::Session;

/// Runs the request, or says what it was given: that this interpreter has no such package.
const START: &str = "import sys
try:
    from raddle._command import main
except ImportError as reason:
    print(sys.argv[2], f'({reason})', file=sys.stderr)
    sys.exit(2)
sys.exit(main(sys.argv[1]))
";

/// What the Python package is asked to do.
#[derive(Serialize)]
struct Request<'a> {
    target: &'a str,
    token: Option<&'a str>,
    format: &'a str,
    lang: &'a str,
    options: serde_json::Map<String, serde_json::Value>,
}

/// Looks for a schedule that breaks the program.
pub(crate) fn explore(session: &Session, arguments: &ExploreArguments) -> Result<ExitCode> {
    let mut options = serde_json::Map::new();
    let mut set = |name: &str, value: Option<serde_json::Value>| value.map(|it| options.insert(name.to_owned(), it));
    set("seconds", arguments.seconds.map(Into::into));
    set("schedules", arguments.schedules.map(|it| it.get().into()));
    set("strategy", arguments.strategy.map(|it| it.name().into()));
    set("model", arguments.model.map(|it| it.name().into()));
    set("seed", arguments.seed.map(Into::into));
    set("jobs", arguments.jobs.map(|it| it.get().into()));
    let request = Request {
        target: &arguments.target,
        token: None,
        format: arguments.format.name(),
        lang: language(session),
        options,
    };
    hand_over(session, &arguments.target, arguments.python.as_deref(), &request)
}

/// Runs one schedule again.
pub(crate) fn replay(session: &Session, arguments: &ReplayArguments) -> Result<ExitCode> {
    let mut options = serde_json::Map::new();
    if let Some(model) = arguments.model {
        options.insert("model".to_owned(), model.name().into());
    }
    let request = Request {
        target: &arguments.target,
        token: Some(&arguments.token),
        format: arguments.format.name(),
        lang: language(session),
        options,
    };
    hand_over(session, &arguments.target, arguments.python.as_deref(), &request)
}

fn language(session: &Session) -> &'static str {
    match session.lang {
        Lang::En => "en",
        Lang::Zh => "zh",
    }
}

fn hand_over(
    session: &Session,
    target: &str,
    python: Option<&std::path::Path>,
    request: &Request<'_>,
) -> Result<ExitCode> {
    let file = target.split("::").next().unwrap_or_default();
    let python = python::find(python, file.as_ref())?;
    let place = python.display().to_string();
    let said = |key: &str| say_shared(session.lang, &Message::new(key).arg("place", place.as_str()));
    let label = |key: &str, text: String| say_shared(session.lang, &Message::new(key).arg("text", text));
    let missing =
        [label("label-error", said("explore-no-package")), label("label-help", said("explore-no-package-help"))];
    let request = serde_json::to_string(request).context("a request is plain data")?;
    python::run(&python, START, &[request, missing.join("\n")])
}
