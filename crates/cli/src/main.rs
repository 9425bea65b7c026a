//! The one binary: reads the command line, runs the command, and ends with 0 (nothing found), 1 (found) or 2 (could not
//! run).

mod arguments;
mod baseline;
mod check;
mod explain;
mod explore;
mod fix;
mod interrupt;
mod look;
mod output;
mod panics;
mod pipeline;
mod progress;
mod refusal;
mod request;
mod rules;
mod session;
mod usage;

use std::process::ExitCode;
use std::thread;

use arguments::Command;
use session::Session;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Stack of the thread that everything starts on. Python nests deeper than a default stack allows; the system hands out
/// only the pages that are touched.
const STACK: usize = 256 << 20;

/// Something was found.
const FOUND: ExitCode = ExitCode::FAILURE;

fn main() -> ExitCode {
    panics::keep_quiet();
    match thread::Builder::new().name("raddle".to_owned()).stack_size(STACK).spawn(run).map(thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        Ok(Err(payload)) => refusal::bug(&Session::early(), &panics::words(payload.as_ref())),
        Err(reason) => refusal::no_threads(&Session::early(), &reason),
    }
}

fn run() -> ExitCode {
    let arguments = match arguments::parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage::show(&Session::early(), &error),
    };
    let session = Session::new(&arguments);
    let ended = interrupt::end_at_once().and_then(|()| match arguments.command {
        Command::Check(arguments) => check::check(&session, *arguments),
        Command::Explain(arguments) => explain::explain(&session, &arguments),
        Command::ExplainPlace(arguments) => look::explain_place(&session, &arguments),
        Command::Explore(arguments) => explore::explore(&session, &arguments),
        Command::Fix(arguments) => fix::fix(&session, &arguments),
        Command::Graph(arguments) => look::graph(&session, &arguments),
        Command::Replay(arguments) => explore::replay(&session, &arguments),
        Command::Rules => rules::rules(&session),
    });
    ended.unwrap_or_else(|error| refusal::show(&session, &error))
}
