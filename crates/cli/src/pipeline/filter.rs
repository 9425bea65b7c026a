//! Which findings are shown: suppressions, settings, level and confidence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use raddle_rulebook::Rulebook;
use raddle_source::{LineIndex, Preset, Project, ProjectFile, Suppressions, Text};
use raddle_vocabulary::{Confidence, Finding, Message, Proof};

use super::{Checked, Shown};
use crate::request::CheckRequest;

/// Keeps what is to be shown, with the texts it points into, and warns of suppressions that suppress nothing.
pub(super) fn settle(
    request: &CheckRequest,
    project: &Project,
    texts: &BTreeMap<&str, &Text>,
    suppressing: &BTreeMap<Arc<str>, Suppressions>,
    findings: Vec<Finding>,
    checked: &mut Checked,
) {
    let files: BTreeMap<&str, _> = project.files.iter().map(|file| (&*file.display, file)).collect();
    let troubled: BTreeSet<&str> = checked.errors.iter().map(|it| &*it.path).collect();
    checked.root.clone_from(&project.root);
    let from_root = |file: &ProjectFile| match file.path.strip_prefix(&project.root) {
        Ok(inside) => inside.to_string_lossy().replace('\\', "/").into(),
        Err(_) => file.display.clone(),
    };
    checked.sources.lasting = project.files.iter().map(|it| (it.display.clone(), from_root(it))).collect();
    checked.looked = files.iter().filter(|(path, _)| !troubled.contains(*path)).map(|(_, it)| from_root(it)).collect();
    let preset = request.preset.or(project.settings.preset).unwrap_or(Preset::Recommended);
    checked.shown = shown_with(request, preset);
    let cards = Rulebook::built_in().cards();
    checked.rules = cards.map(|it| it.name.clone()).filter(|rule| selected(request, project, rule)).collect();
    let mut suppressing = suppressing.clone();
    let mut indexes: BTreeMap<Arc<str>, LineIndex> = BTreeMap::new();
    for mut finding in findings {
        let Some(file) = files.get(&*finding.site.path) else { continue };
        if let Some(suppressions) = suppressing.get_mut(&finding.site.path) {
            let Some(text) = texts.get(&*finding.site.path) else { continue };
            let index = indexes.entry(finding.site.path.clone()).or_insert_with(|| LineIndex::new(text));
            if suppressions.covers(&finding.rule.0, index.line(finding.site.span.start)) {
                continue;
            }
        }
        let level = project.settings.severity.iter().find(|(rule, _)| *rule.name == *finding.rule.0);
        if let Some((_, level)) = level {
            finding.level = *level;
        }
        let holds = project.settings.gil != Some(false) || !NEED_A_GIL.contains(&&*finding.rule.0);
        let wanted = selected(request, project, &finding.rule.0)
            && holds
            && !project.settings.ignored(&file.path, &finding.rule.0)
            && fits(preset, &finding)
            && checked.shown.holds(finding.confidence, finding.level);
        if wanted {
            checked.findings.push(finding);
        }
    }
    checked.findings.sort_by(|a, b| a.site.cmp(&b.site).then_with(|| a.cmp(b)));
    let shown: BTreeSet<&Arc<str>> = checked
        .findings
        .iter()
        .flat_map(|finding| std::iter::once(&finding.site.path).chain(finding.story.iter().map(|it| &it.site.path)))
        .collect();
    for path in shown {
        if let Some(text) = texts.get(&**path) {
            checked.sources.texts.insert(path.clone(), text.content.clone());
        }
    }
    let texts = &checked.sources.texts;
    let version = project.settings.python_version;
    raddle_remedies::give(&mut checked.findings, &checked.habits, &|path| texts.get(path).cloned(), version);
    warn_of_unused(&suppressing, checked);
}

/// What a preset shows unless the request says otherwise.
fn shown_with(request: &CheckRequest, preset: Preset) -> Shown {
    let usual = if preset == Preset::Strict { Confidence::Possible } else { Confidence::Likely };
    Shown {
        min_confidence: request.min_confidence.unwrap_or(usual),
        notes: request.pedantic || preset == Preset::Strict,
    }
}

/// Whether a preset wants a finding. Without a GIL it is shared data that breaks, and only between threads.
fn fits(preset: Preset, finding: &Finding) -> bool {
    let of_tasks = |because: &[Message]| because.iter().any(|it| it.key == "because-tasks");
    let among_tasks = matches!(&finding.proof, Proof::Inferred { because } if of_tasks(because));
    match preset {
        Preset::Recommended | Preset::Strict => true,
        Preset::FreeThreading => {
            let card = Rulebook::built_in().card(&finding.rule.0);
            card.is_some_and(|card| card.head.pitfall == SHARED_DATA) && !among_tasks
        }
    }
}

/// The pitfall of shared data without synchronisation.
const SHARED_DATA: u8 = 2;

/// Rules that hold only where a GIL lets one thread run at a time.
const NEED_A_GIL: &[&str] = &["cpu-work-in-threads"];

fn selected(request: &CheckRequest, project: &Project, rule: &str) -> bool {
    let named = |name: &str| *rule == *name;
    let chosen = if request.select.is_empty() {
        project.settings.select.as_ref().is_none_or(|select| select.iter().any(|it| named(&it.name)))
    } else {
        request.select.iter().any(|it| named(&it.0))
    };
    chosen && !request.ignore.iter().any(|it| named(&it.0)) && !project.settings.ignore.iter().any(|it| named(&it.name))
}

/// A suppression that says nothing, or something else than was meant, is worse than none.
fn warn_of_unused(suppressing: &BTreeMap<Arc<str>, Suppressions>, checked: &mut Checked) {
    let is_rule = |name: &str| Rulebook::built_in().card(name).is_some();
    for (path, suppressions) in suppressing {
        let mut warn = |key: &str, line: u32, args: &[(&str, &str)]| {
            let message = Message::new(key).arg("place", format!("{path}:{line}"));
            checked.warnings.push(args.iter().fold(message, |message, (name, value)| message.arg(name, *value)));
        };
        for malformed in &suppressions.malformed {
            warn("malformed-suppression", malformed.line, &[]);
        }
        for entry in &suppressions.entries {
            for name in entry.rules.iter().flatten().filter(|it| !is_rule(it)) {
                warn("suppression-unknown-rule", entry.line, &[("rule", name)]);
            }
            if let Some(word) = entry.word.as_ref().filter(|it| is_rule(it)) {
                warn("suppression-without-brackets", entry.line, &[("rule", word)]);
            }
        }
        for unused in suppressions.unused() {
            let line = unused.suppression.line;
            let rules: Vec<&str> = unused.rules.iter().map(|it| &**it).filter(|it| is_rule(it)).collect();
            match &unused.suppression.rules {
                None => warn("unused-suppression", line, &[]),
                Some(_) if rules.is_empty() => {}
                Some(_) => warn("unused-suppression-rules", line, &[("rules", &rules.join(", "))]),
            }
        }
    }
}
