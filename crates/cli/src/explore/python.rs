//! Which Python runs the program, and how it is started.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Result;
use raddle_vocabulary::Message;

use crate::refusal::Refusal;

const NAMES: &[&str] = if cfg!(windows) { &["python.exe"] } else { &["python3", "python"] };
const INSIDE: &str = if cfg!(windows) { "Scripts" } else { "bin" };

/// The interpreter: the one that is named, that of the active environment, that of the nearest `.venv` above the file, or the
/// first on the path.
///
/// # Errors
///
/// When the one that is named is none, or there is none at all.
pub(super) fn find(named: Option<&Path>, file: &Path) -> Result<PathBuf> {
    if let Some(named) = named {
        let found = if named.is_dir() { inside(named) } else { named.is_file().then(|| named.to_owned()) };
        return found.ok_or_else(|| {
            Refusal::new(Message::new("explore-not-python").arg("place", named.display().to_string()))
                .help(Message::new("explore-no-python-help"))
                .into()
        });
    }
    let active = env::var_os("VIRTUAL_ENV").filter(|it| !it.is_empty()).and_then(|it| inside(Path::new(&it)));
    active.or_else(|| nearest(file)).or_else(on_path).ok_or_else(|| {
        Refusal::new(Message::new("explore-no-python")).help(Message::new("explore-no-python-help")).into()
    })
}

fn inside(environment: &Path) -> Option<PathBuf> {
    NAMES.iter().map(|name| environment.join(INSIDE).join(name)).find(|it| it.is_file())
}

fn nearest(file: &Path) -> Option<PathBuf> {
    let file = std::path::absolute(file).ok()?;
    file.ancestors().skip(1).find_map(|folder| inside(&folder.join(".venv")))
}

fn on_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    NAMES.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|it| it.is_file()))
}

/// Becomes the interpreter, so that signals and exit codes are its own.
///
/// # Errors
///
/// When it cannot be started.
#[cfg(unix)]
pub(super) fn run(python: &Path, code: &str, arguments: &[String]) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;

    let reason = command(python, code, arguments).exec();
    Err(cannot_start(python, &reason).into())
}

/// Runs the interpreter and ends as it ends.
///
/// # Errors
///
/// When it cannot be started.
#[cfg(not(unix))]
pub(super) fn run(python: &Path, code: &str, arguments: &[String]) -> Result<ExitCode> {
    let status = command(python, code, arguments).status().map_err(|reason| cannot_start(python, &reason))?;
    Ok(ExitCode::from(status.code().and_then(|it| u8::try_from(it).ok()).unwrap_or(2)))
}

fn command(python: &Path, code: &str, arguments: &[String]) -> Command {
    let mut command = Command::new(python);
    command.arg("-c").arg(code).args(arguments);
    command
}

fn cannot_start(python: &Path, reason: &std::io::Error) -> Refusal {
    let what = Message::new("explore-cannot-start");
    Refusal::new(what.arg("place", python.display().to_string()).arg("reason", reason.to_string()))
        .help(Message::new("explore-no-python-help"))
}
