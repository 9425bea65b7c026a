//! `raddle init`: a settings file that says what was found, and what to put into continuous integration.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use raddle_rulebook::say_shared;
use raddle_vocabulary::Message;

use crate::arguments::InitArguments;
use crate::output::{print, tell};
use crate::pipeline::{self, Seen};
use crate::refusal::Refusal;
use crate::request::CheckRequest;
use crate::session::Session;

/// What code that runs side by side is built on: the module, and its name among people.
const KNOWN: &[(&str, &str)] = &[
    ("aiogram", "aiogram"),
    ("aiohttp", "aiohttp"),
    ("anyio", "anyio"),
    ("asyncio", "asyncio"),
    ("celery", "Celery"),
    ("concurrent.futures", "concurrent.futures"),
    ("discord", "discord.py"),
    ("django", "Django"),
    ("dramatiq", "Dramatiq"),
    ("fastapi", "FastAPI"),
    ("flask", "Flask"),
    ("gevent", "gevent"),
    ("grpc", "gRPC"),
    ("multiprocessing", "multiprocessing"),
    ("pytest_asyncio", "pytest-asyncio"),
    ("quart", "Quart"),
    ("rq", "RQ"),
    ("sanic", "Sanic"),
    ("socketserver", "socketserver"),
    ("starlette", "Starlette"),
    ("threading", "threading"),
    ("tornado", "Tornado"),
    ("trio", "trio"),
    ("twisted", "Twisted"),
];

const GITHUB: &str = include_str!("init/github.yml");
const GITLAB: &str = include_str!("init/gitlab.yml");

/// Writes the settings and prints the rest.
pub(crate) fn init(session: &Session, arguments: &InitArguments) -> Result<ExitCode> {
    let folder = &arguments.folder;
    let place = folder.join("raddle.toml");
    if has_settings(folder) {
        let what = Message::new("init-exists").arg("folder", folder.display().to_string());
        return Err(Refusal::new(what).help(Message::new("init-exists-help")).into());
    }
    let request = CheckRequest::to_look(std::slice::from_ref(folder), None);
    let found = pipeline::look(&request, built_on)?;
    let said = |key: &str, args: &[(&str, &str)]| {
        let message = args.iter().fold(Message::new(key), |message, (name, value)| message.arg(name, *value));
        say_shared(session.lang, &message)
    };
    let names: Vec<&str> = found.into_iter().collect();
    let mut page = format!("# {}\n", said("init-head", &[]));
    if !names.is_empty() {
        page.push_str(&format!("# {}\n", said("init-found", &[("names", &names.join(", "))])));
    }
    page.push_str("preset = \"recommended\"\n");
    if without_gil(folder) {
        page.push_str(&format!("# {}\ngil = false\n", said("init-gil", &[])));
    }
    write_new(&place, &page)?;
    let shown = place.display().to_string();
    tell(session, &format!("{}\n{}\n\n", said("init-did", &[("file", &shown)]), said("init-next", &[])));
    print(session, if folder.join(".gitlab-ci.yml").exists() { GITLAB } else { GITHUB }.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Never writes over a file, not even one that came a moment ago.
fn write_new(place: &Path, page: &str) -> Result<()> {
    let written = OpenOptions::new().write(true).create_new(true).open(place);
    written.and_then(|mut file| file.write_all(page.as_bytes())).map_err(|error| {
        let folder = place.parent().unwrap_or(place).display().to_string();
        let refusal = match error.kind() {
            ErrorKind::AlreadyExists => Refusal::new(Message::new("init-exists").arg("folder", folder)),
            _ => Refusal::new(
                Message::new("cannot-write").arg("place", place.display().to_string()).arg("reason", error.to_string()),
            ),
        };
        refusal.into()
    })
}

fn has_settings(folder: &Path) -> bool {
    let table = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name)).ok()?;
        toml::from_str::<toml::Table>(&text).ok()
    };
    let own = table("pyproject.toml").and_then(|it| it.get("tool")?.get("raddle").cloned());
    folder.join("raddle.toml").exists() || own.is_some()
}

/// Whether the package says that it is made for builds without a GIL.
fn without_gil(folder: &Path) -> bool {
    let text = std::fs::read_to_string(folder.join("pyproject.toml")).unwrap_or_default();
    let table = toml::from_str::<toml::Table>(&text).unwrap_or_default();
    let classifiers = table.get("project").and_then(|it| it.get("classifiers")?.as_array());
    let says = |it: &toml::Value| it.as_str().is_some_and(|it| it.contains(":: Free Threading ::"));
    classifiers.is_some_and(|all| all.iter().any(says))
}

/// What the project's own files import of it.
fn built_on(seen: &Seen<'_>) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    for (_, unit) in seen.program.own_units() {
        for import in &unit.facts.imports {
            let name = unit.absolute(unit.facts.text(*import));
            let is =
                |module: &str| name == module || name.strip_prefix(module).is_some_and(|rest| rest.starts_with('.'));
            found.extend(KNOWN.iter().filter(|(module, _)| is(module)).map(|(_, shown)| *shown));
        }
    }
    found
}
