//! Printing: whole pieces at a time, in colour where somebody sees it, and quietly over when nobody reads on.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anstream::{AutoStream, StripStream};
use anyhow::Result;
use raddle_vocabulary::Message;

use crate::refusal::Refusal;
use crate::session::Session;

/// Held while a piece is written, so that an interrupt does not cut it in two.
static PIECE: Mutex<()> = Mutex::new(());

fn piece() -> MutexGuard<'static, ()> {
    // What a panic left behind is half a piece at worst; the lock guards no data.
    PIECE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether nothing is being written at this moment.
pub(crate) fn is_between_pieces() -> bool {
    PIECE.try_lock().is_ok()
}

/// Prints to standard output. A reader who has gone away, such as `head`, has read enough.
pub(crate) fn print(session: &Session, text: &[u8]) -> Result<()> {
    let _piece = piece();
    let mut out = AutoStream::new(io::stdout().lock(), session.colour);
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Refusal::new(Message::new("cannot-print").arg("reason", error.to_string())).into())
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints to standard error, where nothing can be said about a failure to print.
pub(crate) fn tell(session: &Session, text: &str) {
    let _piece = piece();
    let mut out = AutoStream::new(io::stderr().lock(), session.colour);
    let _nobody_listens = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes a file, without styles.
pub(crate) fn write(path: &Path, text: &[u8]) -> Result<()> {
    let mut plain = StripStream::new(Vec::with_capacity(text.len()));
    plain.write_all(text)?;
    let _piece = piece();
    fs::write(path, plain.into_inner()).map_err(|error| {
        let what =
            Message::new("cannot-write").arg("place", path.display().to_string()).arg("reason", error.to_string());
        Refusal::new(what).help(Message::new("cannot-write-help")).into()
    })
}
