//! Findings for a program. `schema/findings.schema.json` describes what is written here.

use std::collections::BTreeMap;
use std::io::{self, Write};

use raddle_vocabulary::{Act, Actor, Confidence, Edit, Finding, Level, Message, Proof, Remedy, Site, Step};
use serde::Serialize;

use crate::outcome::Outcome;
use crate::places::Places;
use crate::{FileTrouble, TroubleKind, fingerprints};

/// The JSON Schema (draft 2020-12) of what [`json`] writes.
pub const SCHEMA: &str = include_str!("../schema/findings.schema.json");

/// Grows when a reader of the last version would misread the next; new fields do not count.
const VERSION: u32 = 1;

/// Writes everything as one JSON document.
///
/// # Errors
///
/// When `out` does not take it.
pub fn json(outcome: &Outcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut places = Places::new(outcome.sources);
    let rules = outcome.rulebook;
    let findings = outcome
        .findings
        .iter()
        .zip(fingerprints(outcome.findings, outcome.sources))
        .map(|(finding, fingerprint)| JsonFinding {
            rule: &finding.rule.0,
            pitfall: rules.card(&finding.rule.0).map(|card| card.head.pitfall),
            level: finding.level,
            confidence: finding.confidence,
            place: JsonPlace::new(&mut places, &finding.site),
            function: &finding.function,
            message: outcome.say(finding, &finding.message),
            help: finding.help.as_ref().map(|message| outcome.say(finding, message)),
            story: finding.story.iter().map(|step| JsonStep::new(outcome, &mut places, finding, step)).collect(),
            proof: JsonProof::new(outcome, finding),
            fingerprint,
            fix: finding.remedy.as_ref().map(|remedy| JsonFix::new(outcome, &mut places, finding, remedy)),
        })
        .collect();
    let document = Document {
        version: VERSION,
        tool: JsonTool { name: "raddle", version: env!("CARGO_PKG_VERSION") },
        files: outcome.files,
        findings,
        errors: outcome.troubles.iter().map(JsonError::new).collect(),
        unknown: outcome.unknown,
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    tool: JsonTool,
    files: usize,
    findings: Vec<JsonFinding<'a>>,
    errors: Vec<JsonError<'a>>,
    unknown: &'a BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct JsonTool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    rule: &'a str,
    pitfall: Option<u8>,
    level: Level,
    confidence: Confidence,
    #[serde(flatten)]
    place: JsonPlace<'a>,
    function: &'a str,
    message: String,
    help: Option<String>,
    story: Vec<JsonStep<'a>>,
    proof: JsonProof<'a>,
    fingerprint: String,
    fix: Option<JsonFix<'a>>,
}

#[derive(Serialize)]
struct JsonPlace<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

impl<'a> JsonPlace<'a> {
    fn new(places: &mut Places<'_>, site: &'a Site) -> JsonPlace<'a> {
        let (start, end) = (places.start(site), places.end(site));
        JsonPlace {
            file: &site.path,
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
        }
    }
}

#[derive(Serialize)]
struct JsonStep<'a> {
    actor: Actor,
    act: Act,
    #[serde(flatten)]
    place: JsonPlace<'a>,
    text: String,
}

impl<'a> JsonStep<'a> {
    fn new(outcome: &Outcome<'_>, places: &mut Places<'_>, finding: &Finding, step: &'a Step) -> JsonStep<'a> {
        JsonStep {
            actor: step.actor,
            act: step.act,
            place: JsonPlace::new(places, &step.site),
            text: outcome.say(finding, &step.message),
        }
    }
}

#[derive(Serialize)]
struct JsonProof<'a> {
    kind: &'static str,
    because: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u64>,
}

impl<'a> JsonProof<'a> {
    fn new(outcome: &Outcome<'_>, finding: &'a Finding) -> JsonProof<'a> {
        let say = |messages: &[Message]| messages.iter().map(|it| outcome.say(finding, it)).collect();
        match &finding.proof {
            Proof::Inferred { because } => {
                JsonProof { kind: "inferred", because: say(because), schedule: None, times: None }
            }
            Proof::Replayed { schedule } => {
                JsonProof { kind: "replayed", because: Vec::new(), schedule: Some(schedule), times: None }
            }
            Proof::Seen { times } => {
                JsonProof { kind: "seen", because: Vec::new(), schedule: None, times: Some(*times) }
            }
        }
    }
}

#[derive(Serialize)]
struct JsonFix<'a> {
    message: String,
    safe: bool,
    edits: Vec<JsonEdit<'a>>,
}

impl<'a> JsonFix<'a> {
    fn new(outcome: &Outcome<'_>, places: &mut Places<'_>, finding: &Finding, remedy: &'a Remedy) -> JsonFix<'a> {
        let mut edit = |edit: &'a Edit| JsonEdit { place: JsonPlace::new(places, &edit.site), text: &edit.text };
        JsonFix {
            message: outcome.say(finding, &remedy.message),
            safe: remedy.safe,
            edits: remedy.edits.iter().map(&mut edit).collect(),
        }
    }
}

#[derive(Serialize)]
struct JsonEdit<'a> {
    #[serde(flatten)]
    place: JsonPlace<'a>,
    text: &'a str,
}

#[derive(Serialize)]
struct JsonError<'a> {
    file: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    cell: Option<u32>,
    kind: TroubleKind,
    message: &'a str,
}

impl<'a> JsonError<'a> {
    fn new(trouble: &'a FileTrouble) -> JsonError<'a> {
        JsonError {
            file: &trouble.path,
            line: trouble.place.map(|place| place.line),
            column: trouble.place.map(|place| place.column),
            cell: trouble.cell,
            kind: trouble.kind,
            message: &trouble.reason,
        }
    }
}
