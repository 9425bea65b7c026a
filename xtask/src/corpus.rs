//! Public code that raddle is checked on, and what came of it.

mod check;
mod recall;
pub(crate) mod trees;
mod triage;

use anyhow::Result;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Task {
    /// Downloads the packages of `corpus/packages.toml`
    Fetch,
    /// Runs raddle on every tree and writes `corpus/counts.toml`
    Check {
        /// Trees to check, without writing the counts; all when none is named
        trees: Vec<String>,
    },
    /// Runs the shared scorers and writes `corpus/recall.toml`
    Recall {
        /// Name each case
        #[arg(long)]
        verbose: bool,
    },
    /// Reads findings and keeps what was made of them
    #[command(subcommand)]
    Triage(triage::Task),
}

/// Carries out a task.
///
/// # Errors
///
/// When something cannot be downloaded, built, run, read or written.
pub(crate) fn run(task: &Task) -> Result<()> {
    match task {
        Task::Fetch => {
            for tree in trees::fetched(&[])? {
                println!("{:24}{}", tree.name, tree.folder.display());
            }
            Ok(())
        }
        Task::Check { trees } => check::check(trees),
        Task::Recall { verbose } => recall::recall(*verbose),
        Task::Triage(task) => triage::run(task),
    }
}
