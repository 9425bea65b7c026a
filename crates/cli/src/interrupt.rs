//! Ctrl-C.

use std::process;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::{output, progress};

/// What a shell reports for a program that an interrupt ended.
const INTERRUPTED: i32 = 130;
/// How long a piece that is being written may take to end. Whoever reads it may have stopped for good.
const PATIENCE: Duration = Duration::from_millis(200);

/// From now on an interrupt ends the process: between two pieces of output, with the progress bar gone.
pub(crate) fn end_at_once() -> Result<()> {
    ctrlc::set_handler(|| {
        let asked = Instant::now();
        progress::clear();
        while !output::is_between_pieces() && asked.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(5));
        }
        process::exit(INTERRUPTED);
    })
    .context("the system takes no handler for interrupts")
}
