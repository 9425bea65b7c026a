//! Every case on every card, judged by its own rule.
//!
//! `UPDATE_CARDS=1` rewrites the `report` blocks. A case runs as a project of its own in a temporary folder, so that
//! it is found, read and walked as a user's files are.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use raddle_facts::models::Models;
use raddle_facts::{Depth, Environment};
use raddle_program::library::{library_facts, library_units};
use raddle_program::{Origin, Program, Unit};
use raddle_remedies::{Habits, applied};
use raddle_report::{Outcome, Sources};
use raddle_rulebook::{Card, Case, Expectation, Rulebook};
use raddle_source::{Library, LineIndex, Project, Request, Text, discover, parse};
use raddle_verdicts::{Judged, VERDICTS, judge};
use raddle_vocabulary::{Confidence, Finding, Level, Remedy};

struct Texts(BTreeMap<Arc<str>, Text>);

impl Sources for Texts {
    fn text(&self, path: &str) -> Option<Arc<str>> {
        self.0.get(path).map(|it| it.content.clone())
    }
}

fn card(path: &Path) -> datatest_stable::Result<()> {
    let text = std::fs::read_to_string(path)?;
    let card = Card::parse(&text).map_err(|fault| fault.to_string())?;
    let mut rewritten = text.clone();
    let mut failures = Vec::new();
    let mut fired = false;
    for case in card.cases.iter().rev() {
        let files: Vec<(String, String)> = case.files.iter().map(|it| (it.path.clone(), it.text.clone())).collect();
        let (findings, texts) = judged(&card, &files)?;
        remedied(&card, case, &files, &findings, &mut failures)?;
        fired |= !findings.is_empty();
        compare(case, &findings, &texts, &mut failures);
        reports(&card, case, &findings, &texts, &mut rewritten, &mut failures);
    }
    if !fired {
        failures.push(format!("{}: no case fires", card.name));
    }
    if std::env::var_os("UPDATE_CARDS").is_some() && rewritten != text {
        std::fs::write(path, rewritten)?;
    }
    if failures.is_empty() { Ok(()) } else { Err(format!("{} wrong\n{}", failures.len(), failures.join("\n")).into()) }
}

/// What the card's rule finds in a case at the default level.
fn judged(card: &Card, files: &[(String, String)]) -> datatest_stable::Result<(Vec<Finding>, Texts)> {
    let folder = tempfile::tempdir()?;
    for (path, text) in files {
        let path = folder.path().join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)?;
    }
    let project = discover(&Request {
        paths: vec![folder.path().to_owned()],
        working_directory: folder.path().to_owned(),
        python: None,
        python_version: None,
        config: None,
        isolated: false,
        exclude: Vec::new(),
    })?;
    let (program, texts) = program(&project)?;
    let loop_code = program.loop_code();
    let judged = Judged { program: &program, loop_code };
    let (_, verdict) = VERDICTS.iter().find(|(name, _)| *name == card.name).ok_or("every card has a verdict")?;
    let findings = judge(&judged, *verdict)
        .into_iter()
        .filter(|it| it.confidence >= Confidence::Likely && it.level > Level::Note)
        .collect::<Vec<_>>();
    let mut findings = findings;
    let habits = Habits::of(&program);
    raddle_remedies::give(&mut findings, &habits, &|path| texts.text(path), project.settings.python_version);
    Ok((findings, texts))
}

/// So many rounds are enough for any case.
const ROUNDS: usize = 8;

/// Remedies do what they promise: with them the case parses, their findings are gone, and no new ones have come.
fn remedied(
    card: &Card,
    case: &Case,
    files: &[(String, String)],
    findings: &[Finding],
    failures: &mut Vec<String>,
) -> datatest_stable::Result<()> {
    let promised = findings.iter().filter(|it| it.remedy.is_some()).count();
    if case.title.en.starts_with("Mended") && promised < findings.len() {
        let without: Vec<_> = findings.iter().filter(|it| it.remedy.is_none()).map(|it| it.site.span.start).collect();
        failures.push(format!("{}: no remedy at {without:?}", case.title.en));
    }
    let mut mended = files.to_vec();
    let mut left = findings.to_vec();
    for round in 0.. {
        if left.iter().all(|it| it.remedy.is_none()) {
            break;
        }
        if round == ROUNDS {
            failures.push(format!("{}: remedies without end:\n{}", case.title.en, mended[0].1));
            return Ok(());
        }
        for (path, text) in &mut mended {
            let ours = |it: &&Remedy| it.edits.iter().all(|edit| *edit.site.path == **path);
            let remedies: Vec<&Remedy> = left.iter().filter_map(|it| it.remedy.as_ref()).filter(ours).collect();
            *text = applied(text, &remedies).0;
        }
        match judged(card, &mended) {
            Ok((findings, _)) => left = findings,
            Err(error) => {
                let texts: Vec<&str> = mended.iter().map(|(_, text)| &**text).collect();
                failures.push(format!("{}: broken once remedied: {error}\n{}", case.title.en, texts.join("\n---\n")));
                return Ok(());
            }
        }
    }
    if left.len() + promised != findings.len() {
        let left: Vec<String> = left.iter().map(|it| format!("{}:{}", it.site.path, it.site.span.start)).collect();
        let texts: Vec<&str> = mended.iter().map(|(_, text)| &**text).collect();
        let (title, all, texts) = (&case.title.en, findings.len(), texts.join("\n---\n"));
        failures.push(format!("{title}: {all} findings, {promised} remedies, and then {left:?}\n{texts}"));
    }
    Ok(())
}

fn program(project: &Project) -> datatest_stable::Result<(Program, Texts)> {
    let python_version = project.settings.python_version;
    let mut texts = BTreeMap::new();
    let mut units = Vec::new();
    for file in &project.files {
        let text = file.read().map_err(|error| error.detail)?;
        let tree = parse(&text, file.kind, python_version).map_err(|error| error.detail)?;
        units.push(Unit {
            path: file.display.clone(),
            module: file.module.clone(),
            root: file.root.display().to_string().into(),
            is_package: file.package,
            is_stub: false,
            origin: Origin::Project,
            facts: Arc::new(raddle_facts::read(
                &tree,
                &text.content,
                Depth::Everything,
                Environment { python_version },
            )),
        });
        texts.insert(file.display.clone(), text);
    }
    let library = Library::new(project)?;
    let stubs = library_units(&units, &library, &|file| {
        library_facts(&file.read().ok()?, file.kind(), python_version).map(Arc::new)
    });
    units.extend(stubs);
    let models = &project.settings.models;
    let models = Models::new((!models.is_empty()).then_some(models))?;
    let mut program = Program::link(units, Arc::new(models));
    program.python_version = python_version;
    Ok((program, Texts(texts)))
}

/// Each mark fires or stays silent as it says, and nothing fires where there is no mark.
fn compare(case: &Case, findings: &[Finding], texts: &Texts, failures: &mut Vec<String>) {
    for file in case.files.iter().filter(|it| it.path.ends_with(".py")) {
        let Some(text) = texts.0.get(file.path.as_str()) else { continue };
        let index = LineIndex::new(text);
        let mut found: BTreeMap<usize, Vec<&Finding>> = BTreeMap::new();
        for finding in findings.iter().filter(|it| *it.site.path == *file.path) {
            found.entry(index.line(finding.site.span.start) as usize).or_default().push(finding);
        }
        let place = |line: usize| format!("{} › {}:{line}", case.title.en, file.path);
        for mark in &file.marks {
            let here = found.remove(&mark.line).unwrap_or_default();
            match &mark.expectation {
                Expectation::Error { .. } | Expectation::FalseAlarm { .. } if here.is_empty() => {
                    failures.push(format!("{}: not found", place(mark.line)));
                }
                Expectation::Error { key: Some(key) } if here.iter().all(|it| it.message.key != *key) => {
                    let keys: Vec<&str> = here.iter().map(|it| it.message.key.as_str()).collect();
                    failures.push(format!("{}: says {keys:?}, wanted {key}", place(mark.line)));
                }
                Expectation::Missed { why } if !here.is_empty() => {
                    failures.push(format!("{}: found, though it should be missed: {why}", place(mark.line)));
                }
                _ => {}
            }
        }
        for (line, findings) in found {
            let keys: Vec<String> =
                findings.iter().map(|it| format!("{} {:?}", it.message.key, it.message.args)).collect();
            failures.push(format!("{}: a false alarm: {keys:?}", place(line)));
        }
    }
}

/// The rendered findings are as the card pins them.
fn reports(
    card: &Card,
    case: &Case,
    findings: &[Finding],
    texts: &Texts,
    rewritten: &mut String,
    failures: &mut Vec<String>,
) {
    let rulebook = Rulebook::of([card.clone()]);
    for report in case.reports.iter().rev() {
        let outcome = Outcome {
            findings,
            files: case.files.len(),
            troubles: &[],
            unknown: &BTreeMap::new(),
            sources: texts,
            rulebook: &rulebook,
            lang: report.lang,
        };
        let mut shown = Vec::new();
        raddle_report::text(&outcome, 100, &mut shown).expect("writing to memory cannot fail");
        let shown = plain(&String::from_utf8(shown).expect("reports are UTF-8"));
        if shown.trim_end() != report.text.trim_end() {
            failures.push(format!("{}: the {:?} report changed:\n{shown}", case.title.en, report.lang));
            rewritten.replace_range(report.range.clone(), &format!("{}\n", shown.trim_end()));
        }
    }
}

/// Text without ANSI styles.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        let end = rest[at..].find('m').map_or(rest.len(), |end| at + end + 1);
        rest = &rest[end..];
    }
    out + rest
}

datatest_stable::harness! {
    { test = card, root = "../rulebook/cards", pattern = r"\.md$" },
}
