//! `raddle explore`, `replay` and `prove`: finds the Python that has raddle's package and the program's own, and hands over to it.

pub(crate) mod prove;
mod python;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use raddle_rulebook::{Lang, say_shared};
use raddle_vocabulary::Message;
use serde::Serialize;
use serde_json::{Map, Value};

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
struct Request {
    target: String,
    token: Option<String>,
    format: &'static str,
    lang: &'static str,
    options: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Vec<Value>>,
}

impl Request {
    fn new(session: &Session, target: &str, format: &'static str) -> Request {
        let lang = match session.lang {
            Lang::En => "en",
            Lang::Zh => "zh",
        };
        Request { target: target.to_owned(), token: None, format, lang, options: Map::new(), findings: None }
    }

    /// An option that was given; the package knows what holds unless it was.
    fn set(&mut self, name: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.options.insert(name.to_owned(), value);
        }
    }
}

/// Looks for a schedule that breaks the program.
pub(crate) fn explore(session: &Session, arguments: &ExploreArguments) -> Result<ExitCode> {
    let mut request = Request::new(session, &arguments.target, arguments.format.name());
    request.set("seconds", arguments.seconds.map(Into::into));
    request.set("schedules", arguments.schedules.map(|it| it.get().into()));
    request.set("strategy", arguments.strategy.map(|it| it.name().into()));
    request.set("model", arguments.model.map(|it| it.name().into()));
    request.set("seed", arguments.seed.map(Into::into));
    request.set("jobs", arguments.jobs.map(|it| it.get().into()));
    hand_over(session, arguments.python.as_deref(), &request)
}

/// Runs one schedule again.
pub(crate) fn replay(session: &Session, arguments: &ReplayArguments) -> Result<ExitCode> {
    let mut request = Request::new(session, &arguments.target, arguments.format.name());
    request.token = Some(arguments.token.clone());
    request.set("model", arguments.model.map(|it| it.name().into()));
    hand_over(session, arguments.python.as_deref(), &request)
}

/// Finds the interpreter and becomes it.
fn hand_over(session: &Session, python: Option<&Path>, request: &Request) -> Result<ExitCode> {
    let file = request.target.split("::").next().unwrap_or_default();
    let python = python::find(python, file.as_ref())?;
    let place = python.display().to_string();
    let said = |key: &str| say_shared(session.lang, &Message::new(key).arg("place", place.as_str()));
    let label = |key: &str, text: String| say_shared(session.lang, &Message::new(key).arg("text", text));
    let missing =
        [label("label-error", said("explore-no-package")), label("label-help", said("explore-no-package-help"))];
    let request = serde_json::to_string(request).context("a request is plain data")?;
    python::run(&python, START, &[request, missing.join("\n")])
}
