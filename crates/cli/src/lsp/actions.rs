//! Quick fixes: the remedies of findings as edits that the editor applies.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use lsp_types::{
    CodeAction, CodeActionContext, CodeActionKind, Diagnostic, DocumentChanges, NumberOrString, OneOf,
    OptionalVersionedTextDocumentIdentifier, Range, TextDocumentEdit, TextEdit, Uri, WorkspaceEdit,
};
use raddle_rulebook::{say_shared, word};
use raddle_vocabulary::{Edit, Finding, Message, Remedy};

use super::publish::{Reader, SOURCE};

/// Everything that is safe, at once.
pub(super) const FIX_ALL: CodeActionKind = CodeActionKind::new("source.fixAll.raddle");

/// The actions for a range.
pub(super) fn actions(
    reader: &mut Reader<'_>,
    path: &Path,
    range: Range,
    context: &CodeActionContext,
    versions: bool,
) -> Vec<CodeAction> {
    let Some((shown, looked)) = reader.file(path) else { return Vec::new() };
    if !reader.is_current(looked) {
        return Vec::new();
    }
    let Some(lines) = reader.lines(shown) else { return Vec::new() };
    let (start, end) = (lines.offset(range.start) as u32, lines.offset(range.end) as u32);
    let here: Vec<&Finding> = reader
        .view
        .checked
        .findings
        .iter()
        .filter(|it| it.site.path == *shown && it.site.span.start <= end && start <= it.site.span.end)
        .collect();
    let mut acc = Vec::new();
    if wanted(context, &CodeActionKind::QUICKFIX) {
        for finding in here {
            let diagnostics = matching(reader, finding, context);
            if let Some(remedy) = &finding.remedy {
                acc.extend(fix(reader, finding, remedy, &diagnostics, versions));
            }
            acc.extend(suppress(reader, finding, diagnostics, versions));
        }
    }
    if wanted(context, &FIX_ALL) {
        acc.extend(fix_all(reader, shown, versions));
    }
    acc
}

/// Whether the client asks for a kind: for all kinds, for it, or for one above it.
fn wanted(context: &CodeActionContext, kind: &CodeActionKind) -> bool {
    let holds = |asked: &CodeActionKind| {
        asked == kind || kind.as_str().strip_prefix(asked.as_str()).is_some_and(|rest| rest.starts_with('.'))
    };
    context.only.as_ref().is_none_or(|only| only.iter().any(holds))
}

/// The diagnostics of the client that a finding was shown as.
fn matching(reader: &mut Reader<'_>, finding: &Finding, context: &CodeActionContext) -> Vec<Diagnostic> {
    let Some(own) = reader.diagnostic(finding) else { return Vec::new() };
    let is_own = |it: &&Diagnostic| {
        let code = matches!(&it.code, Some(NumberOrString::String(code)) if *code == finding.rule.0);
        it.source.as_deref() == Some(SOURCE) && code && it.range == own.range
    };
    context.diagnostics.iter().filter(is_own).cloned().collect()
}

fn fix(
    reader: &mut Reader<'_>,
    finding: &Finding,
    remedy: &Remedy,
    diagnostics: &[Diagnostic],
    versions: bool,
) -> Option<CodeAction> {
    let said = reader.said(finding, &remedy.message);
    let title =
        if remedy.safe { said } else { say_shared(reader.lang, &Message::new("action-unsafe").arg("fix", said)) };
    Some(CodeAction {
        title,
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(diagnostics.to_vec()),
        edit: Some(edit(reader, remedy.edits.iter(), versions)?),
        is_preferred: Some(remedy.safe),
        ..CodeAction::default()
    })
}

/// A comment that silences one finding.
fn suppress(
    reader: &mut Reader<'_>,
    finding: &Finding,
    diagnostics: Vec<Diagnostic>,
    versions: bool,
) -> Option<CodeAction> {
    let path = &finding.site.path;
    let edits = crate::suppress::edits(path, &reader.view.files.get(path)?.text.content, &[finding]);
    if edits.is_empty() {
        return None;
    }
    Some(CodeAction {
        title: say_shared(reader.lang, &Message::new("action-suppress").arg("rule", finding.rule.0.as_str())),
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(diagnostics),
        edit: Some(edit(reader, edits.iter(), versions)?),
        is_preferred: Some(false),
        ..CodeAction::default()
    })
}

/// All safe remedies of a file that do not touch each other.
fn fix_all(reader: &mut Reader<'_>, shown: &Arc<str>, versions: bool) -> Option<CodeAction> {
    let text = &reader.view.files.get(shown)?.text.content;
    let own = |it: &&Remedy| it.safe && it.edits.iter().all(|edit| edit.site.path == *shown);
    let remedies = reader.view.checked.findings.iter().filter_map(|it| it.remedy.as_ref()).filter(own);
    let (chosen, _) = raddle_remedies::chosen(text, &remedies.collect::<Vec<_>>());
    if chosen.is_empty() {
        return None;
    }
    Some(CodeAction {
        title: word(reader.lang, "action-fix-all").to_owned(),
        kind: Some(FIX_ALL),
        edit: Some(edit(reader, chosen.into_iter(), versions)?),
        ..CodeAction::default()
    })
}

/// Edits as the client takes them; nothing where one of them stands in a text that has changed.
fn edit<'e>(reader: &mut Reader<'_>, edits: impl Iterator<Item = &'e Edit>, versions: bool) -> Option<WorkspaceEdit> {
    let mut by_file: BTreeMap<Arc<str>, Vec<TextEdit>> = BTreeMap::new();
    for edit in edits {
        let range = reader.lines(&edit.site.path)?.range(edit.site.span);
        by_file.entry(edit.site.path.clone()).or_default().push(TextEdit { range, new_text: edit.text.clone() });
    }
    let mut files: Vec<(Uri, Option<i32>, Vec<TextEdit>)> = Vec::new();
    for (shown, edits) in by_file {
        let looked = reader.view.files.get(&shown).filter(|it| reader.is_current(it))?;
        let version = reader.documents.get(&looked.path).map(|it| it.version);
        files.push((reader.uri(&looked.path)?, version, edits));
    }
    if !versions {
        // The type asks for a map that orders URIs by an inner cell, which is never changed.
        #[allow(clippy::mutable_key_type, reason = "see above")]
        let changes = files.into_iter().map(|(uri, _, edits)| (uri, edits)).collect();
        return Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() });
    }
    let document = |(uri, version, edits): (Uri, Option<i32>, Vec<TextEdit>)| TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier { uri, version },
        edits: edits.into_iter().map(OneOf::Left).collect(),
    };
    let changes = DocumentChanges::Edits(files.into_iter().map(document).collect());
    Some(WorkspaceEdit { document_changes: Some(changes), ..WorkspaceEdit::default() })
}
