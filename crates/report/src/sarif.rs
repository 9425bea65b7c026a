//! Findings as SARIF 2.1.0, which code hosts and editors read: stories become code flows, remedies become fixes.

use std::collections::BTreeMap;
use std::io::{self, Write};

use raddle_rulebook::explain_in_markdown;
use raddle_vocabulary::{Finding, Level, Remedy, Site, Step};
use serde_sarif::sarif::{
    ArtifactChange, ArtifactContent, ArtifactLocation, CodeFlow, Fix, Invocation, Location, Message as SarifMessage,
    MultiformatMessageString, Notification, PhysicalLocation, PropertyBag, Region, Replacement, ReportingConfiguration,
    ReportingDescriptor, Result as SarifResult, ResultLevel, Run, Sarif, ThreadFlow, ThreadFlowLocation, Tool,
    ToolComponent,
};

use crate::fingerprints;
use crate::outcome::Outcome;
use crate::places::Places;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// The name under which a fingerprint is kept; grows when fingerprints are made otherwise.
const FINGERPRINT: &str = "raddle/v1";

/// Writes everything as one SARIF document.
///
/// # Errors
///
/// When `out` does not take it.
pub fn sarif(outcome: &Outcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut places = Places::new(outcome.sources);
    let rules: Vec<&str> = {
        let names: std::collections::BTreeSet<&str> = outcome.findings.iter().map(|it| it.rule.0.as_str()).collect();
        names.into_iter().collect()
    };
    let results: Vec<SarifResult> = outcome
        .findings
        .iter()
        .zip(fingerprints(outcome.findings, outcome.sources))
        .map(|(finding, fingerprint)| result(outcome, &mut places, finding, fingerprint, &rules))
        .collect();
    let driver = ToolComponent::builder()
        .name("raddle")
        .version(env!("CARGO_PKG_VERSION"))
        .semantic_version(env!("CARGO_PKG_VERSION"))
        .rules(rules.iter().map(|name| descriptor(outcome, name)).collect::<Vec<_>>())
        .build();
    let run = Run::builder()
        .tool(Tool::builder().driver(driver).build())
        .column_kind("unicodeCodePoints")
        .results(results)
        .invocations(vec![invocation(outcome)])
        .build();
    let document = Sarif::builder().schema(SCHEMA).version("2.1.0").runs(vec![run]).build();
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

/// What could not be read is a notification, so that a clean report is not taken for a clean project.
fn invocation(outcome: &Outcome<'_>) -> Invocation {
    let notifications: Vec<Notification> = outcome
        .troubles
        .iter()
        .map(|trouble| {
            let artifact = ArtifactLocation::builder().uri(uri(&trouble.path)).build();
            let physical = PhysicalLocation::builder().artifact_location(artifact);
            let physical = match trouble.place {
                Some(place) => {
                    let region = Region::builder().start_line(place.line as i64).start_column(place.column as i64);
                    physical.region(region.build()).build()
                }
                None => physical.build(),
            };
            Notification::builder()
                .message(SarifMessage::builder().text(trouble.reason.as_str()).build())
                .level("error")
                .locations(vec![Location::builder().physical_location(physical).build()])
                .build()
        })
        .collect();
    Invocation::builder().execution_successful(true).tool_execution_notifications(notifications).build()
}

fn descriptor(outcome: &Outcome<'_>, name: &str) -> ReportingDescriptor {
    let bare = ReportingDescriptor::builder().id(name);
    let Some(card) = outcome.rulebook.card(name) else { return bare.build() };
    let page = explain_in_markdown(card, outcome.lang);
    let tags = vec!["concurrency".to_owned(), format!("pitfall-{}", card.head.pitfall)];
    let configuration = ReportingConfiguration::builder().level(word(card.head.level)).build();
    bare.short_description(MultiformatMessageString::builder().text(name.replace('-', " ")).build())
        .help(MultiformatMessageString::builder().text(page.as_str()).markdown(page.as_str()).build())
        .default_configuration(configuration)
        .properties(PropertyBag::builder().tags(tags).build())
        .build()
}

fn result(
    outcome: &Outcome<'_>,
    places: &mut Places<'_>,
    finding: &Finding,
    fingerprint: String,
    rules: &[&str],
) -> SarifResult {
    let mut text = outcome.say(finding, &finding.message);
    if let Some(help) = &finding.help {
        text = format!("{text}\n{}", outcome.say(finding, help));
    }
    let steps: Vec<ThreadFlowLocation> =
        finding.story.iter().map(|step| flow_location(outcome, places, finding, step)).collect();
    let flow = CodeFlow::builder().thread_flows(vec![ThreadFlow::builder().locations(steps).build()]).build();
    let fixes: Vec<Fix> = finding.remedy.iter().map(|remedy| fix(outcome, places, finding, remedy)).collect();
    let index = rules.iter().position(|name| *name == finding.rule.0).expect("the rules are those of the findings");
    let bare = SarifResult::builder()
        .rule_id(finding.rule.0.as_str())
        .rule_index(index as i64)
        .level(match finding.level {
            Level::Error => ResultLevel::Error,
            Level::Warning => ResultLevel::Warning,
            Level::Note => ResultLevel::Note,
        })
        .message(SarifMessage::builder().text(text).build())
        .locations(vec![location(places, &finding.site, None)])
        .partial_fingerprints(BTreeMap::from([(FINGERPRINT.to_owned(), fingerprint)]))
        .fixes(fixes);
    if finding.story.is_empty() { bare.build() } else { bare.code_flows(vec![flow]).build() }
}

fn flow_location(outcome: &Outcome<'_>, places: &mut Places<'_>, finding: &Finding, step: &Step) -> ThreadFlowLocation {
    let said = outcome.say(finding, &step.message);
    ThreadFlowLocation::builder().location(location(places, &step.site, Some(said))).build()
}

fn location(places: &mut Places<'_>, site: &Site, message: Option<String>) -> Location {
    let physical = PhysicalLocation::builder()
        .artifact_location(ArtifactLocation::builder().uri(uri(&site.path)).build())
        .region(region(places, site))
        .build();
    let bare = Location::builder().physical_location(physical);
    match message {
        Some(text) => bare.message(SarifMessage::builder().text(text).build()).build(),
        None => bare.build(),
    }
}

fn region(places: &mut Places<'_>, site: &Site) -> Region {
    let (start, end) = (places.start(site), places.end(site));
    Region::builder()
        .start_line(start.line as i64)
        .start_column(start.column as i64)
        .end_line(end.line as i64)
        .end_column(end.column as i64)
        .build()
}

fn fix(outcome: &Outcome<'_>, places: &mut Places<'_>, finding: &Finding, remedy: &Remedy) -> Fix {
    let mut by_file: BTreeMap<&str, Vec<Replacement>> = BTreeMap::new();
    for edit in &remedy.edits {
        let replacement = Replacement::builder()
            .deleted_region(region(places, &edit.site))
            .inserted_content(ArtifactContent::builder().text(edit.text.as_str()).build())
            .build();
        by_file.entry(&edit.site.path).or_default().push(replacement);
    }
    let changes: Vec<ArtifactChange> = by_file
        .into_iter()
        .map(|(path, replacements)| {
            let artifact = ArtifactLocation::builder().uri(uri(path)).build();
            ArtifactChange::builder().artifact_location(artifact).replacements(replacements).build()
        })
        .collect();
    let said = outcome.say(finding, &remedy.message);
    Fix::builder().description(SarifMessage::builder().text(said).build()).artifact_changes(changes).build()
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    }
}

/// A path as a relative URI: what RFC 3986 does not allow in a path is written as `%XX`.
fn uri(path: &str) -> String {
    let mut acc = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=@".contains(&byte) {
            acc.push(char::from(byte));
        } else {
            acc.push_str(&format!("%{byte:02X}"));
        }
    }
    acc
}
