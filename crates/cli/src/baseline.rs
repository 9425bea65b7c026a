//! A baseline: the findings a project has when it turns raddle on, so that only new ones count.
//!
//! It is a ratchet. A finding that is mended must leave the file, or it could come back unseen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use raddle_report::{Sources, fingerprints};
use raddle_vocabulary::{Confidence, Finding, Level, Message};
use serde::{Deserialize, Serialize};

use crate::output::write;
use crate::pipeline::{Shown, Texts};
use crate::refusal::Refusal;

/// Grows when an older raddle would misread the file.
const VERSION: u32 = 1;

/// Findings that are known.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Baseline {
    version: u32,
    /// By fingerprint, with what a reader of a change wants to see.
    findings: BTreeMap<String, Known>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Known {
    rule: String,
    file: String,
    function: String,
    level: Level,
    confidence: Confidence,
}

/// What a run could have found: only what it looked for can be gone.
pub(crate) struct Scope<'a> {
    /// Files that were read in full.
    pub(crate) files: &'a BTreeSet<Arc<str>>,
    /// Rules that were on.
    pub(crate) rules: &'a BTreeSet<String>,
    /// The folder that lasting paths start from.
    pub(crate) root: &'a Path,
    /// Findings below were left out.
    pub(crate) shown: Shown,
    /// The files.
    pub(crate) sources: &'a Texts,
}

impl Scope<'_> {
    fn holds(&self, known: &Known) -> bool {
        // A file that is no longer there was looked for in vain.
        let looked = self.files.contains(known.file.as_str()) || !self.root.join(&known.file).exists();
        looked && self.shown.holds(known.confidence, known.level) && self.rules.contains(&known.rule)
    }
}

impl Baseline {
    /// A baseline of these findings.
    pub(crate) fn of(findings: &[Finding], sources: &Texts) -> Baseline {
        let known = findings.iter().zip(fingerprints(findings, sources)).map(|(finding, fingerprint)| {
            let known = Known {
                rule: finding.rule.0.clone(),
                file: sources.lasting(&finding.site.path).to_string(),
                function: finding.function.clone(),
                level: finding.level,
                confidence: finding.confidence,
            };
            (fingerprint, known)
        });
        Baseline { version: VERSION, findings: known.collect() }
    }

    /// Reads a baseline.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or is none.
    pub(crate) fn read(path: &Path) -> Result<Baseline> {
        let place = path.display().to_string();
        let refuse = |key: &str, reason: String| {
            let what = Message::new(key).arg("place", place.clone()).arg("reason", reason);
            Refusal::new(what).help(Message::new("baseline-help"))
        };
        let text = fs::read_to_string(path).map_err(|error| refuse("baseline-unread", error.to_string()))?;
        let baseline: Baseline =
            serde_json::from_str(&text).map_err(|error| refuse("baseline-broken", error.to_string()))?;
        if baseline.version != VERSION {
            return Err(refuse("baseline-broken", format!("version {}", baseline.version)).into());
        }
        Ok(baseline)
    }

    /// Writes it.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        write(path, &text)
    }

    /// How many findings are known.
    pub(crate) fn len(&self) -> usize {
        self.findings.len()
    }

    /// Leaves the findings that are new; gives how many known ones the run looked for and did not find.
    pub(crate) fn leave_new(&self, findings: &mut Vec<Finding>, scope: &Scope<'_>) -> usize {
        let names = fingerprints(findings, scope.sources);
        let present: BTreeSet<&String> = names.iter().collect();
        let gone = self.findings.iter().filter(|(name, known)| !present.contains(name) && scope.holds(known));
        let outgrown = gone.count();
        let mut names = names.iter();
        findings.retain(|_| !names.next().is_some_and(|it| self.findings.contains_key(it)));
        outgrown
    }
}
