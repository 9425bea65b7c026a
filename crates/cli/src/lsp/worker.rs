//! The thread that checks: one job after the other, and only the last of those that came meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::options::Options;
use crate::panics::guarded;
use crate::pipeline::live::{Buffers, Live, Pulse, View};
use crate::progress::Phase;

/// A check waits this long for the next key stroke.
const QUIET: Duration = Duration::from_millis(20);

/// What is to be checked.
pub(super) struct Job {
    /// Folders, and files that stand in none of them.
    pub(super) roots: Vec<PathBuf>,
    /// What the editor holds.
    pub(super) buffers: Buffers,
    /// Files that have changed on the disk or in the editor since the last job.
    pub(super) touched: BTreeSet<PathBuf>,
    /// Whether to look for files and settings again.
    pub(super) anew: bool,
    /// The settings.
    pub(super) options: Options,
    /// The number of the job.
    pub(super) generation: u64,
}

/// What the worker has to say.
pub(super) enum Told {
    /// How far a job is that looks for files anew.
    Phase(u64, Phase),
    /// The views of a job by root. A root is missing where nothing that it holds has changed.
    Done(u64, BTreeMap<PathBuf, Result<Arc<View>, String>>),
}

/// Works until nobody sends jobs any more.
pub(super) fn work(jobs: &Receiver<Job>, told: &Sender<Told>, latest: &AtomicU64) {
    let mut worker =
        Worker { lives: BTreeMap::new(), options: Options::default(), waiting: BTreeSet::new(), anew: true };
    while let Ok(job) = jobs.recv() {
        let Some(job) = last_of(jobs, job) else { return };
        let generation = job.generation;
        if let Some(views) = worker.job(job, told, latest)
            && told.send(Told::Done(generation, views)).is_err()
        {
            return;
        }
    }
}

/// Waits until no more jobs come, and joins what has come.
fn last_of(jobs: &Receiver<Job>, mut job: Job) -> Option<Job> {
    loop {
        match jobs.recv_timeout(QUIET) {
            Ok(next) => {
                let mut touched = std::mem::take(&mut job.touched);
                let anew = job.anew || next.anew;
                touched.extend(next.touched.iter().cloned());
                job = Job { touched, anew, ..next };
            }
            Err(RecvTimeoutError::Timeout) => return Some(job),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

struct Worker {
    lives: BTreeMap<PathBuf, Live>,
    options: Options,
    /// What has changed since each root was last looked at to the end.
    waiting: BTreeSet<PathBuf>,
    anew: bool,
}

impl Worker {
    /// Checks every root that something has changed in; nothing where a newer job has come.
    fn job(
        &mut self,
        job: Job,
        told: &Sender<Told>,
        latest: &AtomicU64,
    ) -> Option<BTreeMap<PathBuf, Result<Arc<View>, String>>> {
        if self.options != job.options {
            self.lives.clear();
            self.options = job.options.clone();
        }
        self.anew |= job.anew;
        self.waiting.extend(job.touched.iter().cloned());
        self.lives.retain(|root, _| job.roots.contains(root));
        let is_over = || latest.load(Ordering::Relaxed) != job.generation;
        let anew = self.anew;
        let phase = |phase| {
            if anew {
                let _nobody_listens = told.send(Told::Phase(job.generation, phase));
            }
        };
        let pulse = Pulse { phase: &phase, is_over: &is_over };
        let mut views = BTreeMap::new();
        for root in &job.roots {
            let concerned =
                self.anew || self.waiting.iter().any(|it| it.starts_with(root)) || !self.lives.contains_key(root);
            if !concerned {
                continue;
            }
            match self.check(root, &job, &pulse) {
                Ok(None) => return None,
                Ok(Some(view)) => {
                    views.insert(root.clone(), Ok(Arc::new(view)));
                }
                Err(reason) => {
                    // Whatever went wrong, the next check starts from nothing.
                    self.lives.remove(root);
                    views.insert(root.clone(), Err(reason));
                }
            }
        }
        self.anew = false;
        self.waiting.clear();
        Some(views)
    }

    fn check(&mut self, root: &Path, job: &Job, pulse: &Pulse<'_>) -> Result<Option<View>, String> {
        let live = match self.lives.entry(root.to_path_buf()) {
            std::collections::btree_map::Entry::Occupied(live) => live.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let live = Live::new(self.options.request(root)).map_err(|error| format!("{error:#}"))?;
                place.insert(live)
            }
        };
        guarded(|| live.check(&job.buffers, &self.waiting, self.anew, pulse))?.map_err(|error| format!("{error:#}"))
    }
}
