//! How far the work is: a bar on standard error once it takes more than a second.

use std::io::{IsTerminal, stderr};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use raddle_rulebook::{Lang, word};

/// Work shorter than this needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);

/// The bar that an interrupt has to take away.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Discover,
    Read,
    Facts,
    Library,
    Program,
    Verdicts,
    Report,
}

impl Phase {
    /// The key of the phase's name among the shared words.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Phase::Discover => "phase-discover",
            Phase::Read => "phase-read",
            Phase::Facts => "phase-facts",
            Phase::Library => "phase-library",
            Phase::Program => "phase-program",
            Phase::Verdicts => "phase-verdicts",
            Phase::Report => "phase-report",
        }
    }
}

/// Tells how far the work is, from any thread.
pub(crate) struct Progress {
    bar: ProgressBar,
    lang: Lang,
    /// Dropped with the progress, which ends the thread that waits to show the bar.
    _waiting: Option<Sender<()>>,
}

impl Progress {
    /// A bar that shows itself when the work takes long, if standard error is a terminal.
    pub(crate) fn shown(lang: Lang) -> Progress {
        if !stderr().is_terminal() {
            return Progress::hidden(lang);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
        let (sender, receiver) = channel();
        let waiting = bar.clone();
        thread::spawn(move || {
            if receiver.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                waiting.set_draw_target(ProgressDrawTarget::stderr());
                waiting.enable_steady_tick(TICK);
            }
        });
        Progress { bar, lang, _waiting: Some(sender) }
    }

    /// Progress that nobody sees.
    pub(crate) fn hidden(lang: Lang) -> Progress {
        Progress { bar: ProgressBar::hidden(), lang, _waiting: None }
    }

    /// Starts a part of the work with a known number of pieces; zero when it is not known.
    pub(crate) fn start(&self, phase: Phase, pieces: usize) {
        let template = if pieces == 0 { "{spinner} {msg}" } else { "{spinner} {msg} {wide_bar} {pos}/{len}" };
        let style = ProgressStyle::with_template(template).expect("the templates above are well formed");
        self.bar.set_style(style.progress_chars("━━ "));
        self.bar.set_length(pieces as u64);
        self.bar.set_position(0);
        self.bar.set_message(word(self.lang, phase.word()));
    }

    /// One piece is done.
    pub(crate) fn advance(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        clear();
    }
}

/// Takes the bar away, for good.
pub(crate) fn clear() {
    if let Some(bar) = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).take() {
        bar.finish_and_clear();
    }
}
