//! What an editor asks about a place: the card of a rule, and who runs a function.

use std::path::Path;

use lsp_types::{CodeLens, Command, Hover, HoverContents, MarkupContent, MarkupKind, Position};
use raddle_facts::models::Runner;
use raddle_rulebook::{Lang, Rulebook, explain_in_brief, say_shared, word};
use raddle_vocabulary::{Message, Span};

use super::publish::Reader;

/// What is told of a place: the findings that stand there or pass through, each with the card of its rule. On the name of a
/// rule in a comment it is the card alone.
pub(super) fn hover(reader: &mut Reader<'_>, path: &Path, position: Position) -> Option<Hover> {
    let (shown, looked) = reader.file(path)?;
    if !reader.is_current(looked) {
        return None;
    }
    let lines = reader.lines(shown)?;
    let offset = lines.offset(position) as u32;
    let holds = |span: Span| span.start <= offset && offset <= span.end;
    let mut parts = Vec::new();
    let mut range = None;
    let mut told = Vec::new();
    for finding in &reader.view.checked.findings {
        let here = |site: &raddle_vocabulary::Site| site.path == *shown && holds(site.span);
        let step = finding.story.iter().find(|it| here(&it.site));
        let span = if here(&finding.site) {
            finding.site.span
        } else if let Some(step) = step {
            step.site.span
        } else {
            continue;
        };
        range.get_or_insert(span);
        let message = step.filter(|_| !here(&finding.site)).map_or(&finding.message, |it| &it.message);
        parts.push(format!("**{}**", reader.said(finding, message)));
        if !told.contains(&&finding.rule) {
            told.push(&finding.rule);
            parts.extend(Rulebook::built_in().card(&finding.rule.0).map(|card| explain_in_brief(card, reader.lang)));
        }
    }
    if parts.is_empty() {
        let (name, span) = rule_in_comment(&looked.text.content, offset as usize)?;
        range = Some(span);
        parts.push(explain_in_brief(Rulebook::built_in().card(name)?, reader.lang));
    }
    let value = parts.join("\n\n");
    let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
    Some(Hover { contents, range: range.map(|it| lines.range(it)) })
}

/// The word at an offset, where a comment before it speaks to raddle.
fn rule_in_comment(text: &str, offset: usize) -> Option<(&str, Span)> {
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '-';
    let before = text[..offset].rfind(|char| !is_part(char)).map_or(0, |at| at + 1);
    let after = text[offset..].find(|char| !is_part(char)).map_or(text.len(), |at| offset + at);
    let line = text[..before].rsplit(['\n', '\r']).next()?;
    let is_ours = line.contains("raddle:") && line.contains('#');
    is_ours.then(|| (&text[before..after], Span { start: before as u32, end: after as u32 }))
}

/// A line above each function of a file that something else than its callers runs.
pub(super) fn lenses(reader: &mut Reader<'_>, path: &Path) -> Vec<CodeLens> {
    let Some((shown, looked)) = reader.file(path) else { return Vec::new() };
    if !reader.is_current(looked) {
        return Vec::new();
    }
    let (Some(lines), Some(runners)) = (reader.lines(shown), reader.view.runners.get(shown)) else {
        return Vec::new();
    };
    let lens = |(span, runners): &(Span, std::collections::BTreeSet<Runner>)| {
        let names: Vec<&str> = runners.iter().map(|it| word(reader.lang, runner_word(*it))).collect();
        let comma = match reader.lang {
            Lang::En => ", ",
            Lang::Zh => "、",
        };
        let title = Message::new("lens-runs-on").arg("actors", names.join(comma));
        // A command without a name is a line that cannot be clicked.
        let command = Command { title: say_shared(reader.lang, &title), command: String::new(), arguments: None };
        CodeLens { range: lines.range(*span), command: Some(command), data: None }
    };
    runners.iter().map(lens).collect()
}

fn runner_word(runner: Runner) -> &'static str {
    match runner {
        Runner::Caller => "lens-caller",
        Runner::EventLoop => "lens-event-loop",
        Runner::Thread => "lens-thread",
        Runner::ThreadPool => "lens-thread-pool",
        Runner::Process => "lens-process",
        Runner::SignalHandler => "lens-signal-handler",
        Runner::Finalizer => "lens-finalizer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_in_a_comment_of_ours() {
        let text = "f()  # raddle: ignore[task-not-kept]\ng()  # task-not-kept\n";
        let at = text.find("not").unwrap();
        assert_eq!(rule_in_comment(text, at).map(|(name, _)| name), Some("task-not-kept"));
        assert_eq!(rule_in_comment(text, text.rfind("not").unwrap()), None);
    }
}
