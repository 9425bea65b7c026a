//! Remedies: from a finding and the text it stands in to edits that remove it.
//!
//! Only files that findings stand in are parsed once more. A remedy that cannot keep comments, formatting and meaning is
//! not offered.

mod apply;
mod cancel;
mod containers;
mod guarded;
mod habits;
mod imports;
mod locks;
mod offload;
mod page;
mod pools;
mod processes;
mod tasks;
mod wrap;

use std::collections::BTreeMap;
use std::sync::Arc;

use raddle_source::syntax::{TextRange, range};
use raddle_vocabulary::{Edit, Finding, Message, Remedy};
use rayon::prelude::*;

pub use apply::{applied, chosen};
pub use habits::{Habit, Habits, Shape};

use crate::page::{Page, Way};

/// What a remedy is made from.
struct Asked<'a> {
    page: &'a Page,
    finding: &'a Finding,
    habits: &'a Habits,
    way: Way<'a>,
    at: TextRange,
}

/// Makes the remedy of a rule's finding.
type Mend = fn(&Asked<'_>) -> Option<Remedy>;

const MENDS: &[(&str, Mend)] = &[
    ("await-splits-update", guarded::by_the_only_lock),
    ("blocking-call-in-coroutine", offload::off_the_loop),
    ("cancellation-swallowed", cancel::passed_on),
    ("check-then-act", checked),
    ("condition-wait-without-loop", locks::looped),
    ("executor-not-shut-down", pools::closed),
    ("inconsistent-guard", guarded::as_elsewhere),
    ("lazy-init-race", guarded::by_the_only_lock),
    ("lock-not-released", locks::released),
    ("lock-order-cycle", locks::ordered),
    ("missing-main-guard", processes::main_guard),
    ("queue-empty-then-get", containers::without_waiting),
    ("task-not-kept", tasks::kept),
    ("unguarded-shared-write", guarded::by_the_only_lock),
    ("unpicklable-argument", processes::named),
];

/// A check and an act: one operation that does both, or a lock over them.
fn checked(asked: &Asked<'_>) -> Option<Remedy> {
    containers::at_once(asked).or_else(|| guarded::by_the_only_lock(asked))
}

/// Gives each finding the remedy that can be made for it.
pub fn give(
    findings: &mut [Finding],
    habits: &Habits,
    texts: &(dyn Fn(&str) -> Option<Arc<str>> + Sync),
    version: (u8, u8),
) {
    let mut by_file: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
    for (at, finding) in findings.iter().enumerate() {
        let is_python = !finding.site.path.ends_with(".ipynb");
        if is_python && finding.remedy.is_none() && mend_of(finding).is_some() {
            by_file.entry(finding.site.path.clone()).or_default().push(at);
        }
    }
    let by_file: Vec<(Arc<str>, Vec<usize>)> = by_file.into_iter().collect();
    let made: Vec<(usize, Remedy)> = by_file
        .par_iter()
        .flat_map_iter(|(path, places)| {
            let page = texts(path).and_then(|text| Page::of(&text, path, version));
            let findings = &*findings;
            let made: Vec<(usize, Remedy)> = match &page {
                Some(page) => page.deep(|page| {
                    places.iter().filter_map(|at| Some((*at, remedy(page, &findings[*at], habits)?))).collect()
                }),
                None => Vec::new(),
            };
            made
        })
        .collect();
    for (at, remedy) in made {
        findings[at].remedy = Some(remedy);
    }
}

fn mend_of(finding: &Finding) -> Option<Mend> {
    MENDS.iter().find(|(rule, _)| *rule == finding.rule.0).map(|(_, mend)| *mend)
}

fn remedy(page: &Page, finding: &Finding, habits: &Habits) -> Option<Remedy> {
    let at = range(finding.site.span);
    let inside = at.end().to_usize() <= page.text().len();
    let way = inside.then(|| page.way(at))?;
    mend_of(finding)?(&Asked { page, finding, habits, way, at })
}

/// A remedy that changes nothing but the fault.
fn safe(key: &str, edits: Vec<Edit>) -> Remedy {
    Remedy { message: Message::new(key), safe: true, edits }
}

/// A remedy that a person should look over.
fn to_look_over(key: &str, edits: Vec<Edit>) -> Remedy {
    Remedy { message: Message::new(key), safe: false, edits }
}
