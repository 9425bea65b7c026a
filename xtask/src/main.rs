//! Tasks of the workshop: `cargo xtask --help` lists them.

mod beliefs;
mod bench;
mod book;
mod chance;
mod child;
mod compare;
mod corpus;
mod editor;
mod figures;
mod fuzz;
mod peers;
mod places;
mod python;
mod raddle;
mod steps;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Tasks of the workshop")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds raddle and checks PATH with it; the example shop when no path is given
    Try {
        /// What to check
        path: Option<PathBuf>,
    },
    /// Runs everything that CI runs, in order, or only the named steps
    Test {
        /// Steps to run, in CI's order; all when none is named
        #[arg(value_parser = steps::names())]
        steps: Vec<String>,
    },
    /// Checks what the compiler does not: arrows between crates, sizes, words, lists
    Tidy,
    /// Builds the book of both languages below `target/book` with mdBook
    Book,
    /// Public code that raddle is checked on
    #[command(subcommand)]
    Corpus(corpus::Task),
    /// Measures time and memory of raddle and its peers in one run
    Bench(bench::Task),
    /// Counts what raddle and its peers find on the same code
    Compare(compare::Task),
    /// Feeds mutated Python to raddle and watches it
    Fuzz(fuzz::Task),
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        // Not returned from here: the backtrace that would be shown is of no use to whoever runs a task.
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Try { path } => raddle::try_out(path),
        Task::Test { steps } => steps::test(&steps),
        Task::Tidy => tidy::tidy(),
        Task::Book => book::build(),
        Task::Corpus(task) => corpus::run(&task),
        Task::Bench(task) => bench::run(&task),
        Task::Compare(task) => compare::run(&task),
        Task::Fuzz(task) => fuzz::run(&task),
    }
}
