//! Findings as the diagnostics of an editor, with their stories as related places.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lsp_types::{Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, NumberOrString, Uri};
use raddle_rulebook::{Lang, Rulebook, say, say_shared};
use raddle_source::Kind;
use raddle_vocabulary::{Finding, Level, Message, Site};

use super::documents::{Documents, uri_of};
use super::positions::{Encoding, Lines};
use crate::pipeline::live::{Looked, View};

/// Who raddle is to an editor.
pub(super) const SOURCE: &str = "raddle";

/// What an editor reads a view with.
pub(super) struct Reader<'a> {
    pub(super) view: &'a View,
    pub(super) documents: &'a Documents,
    pub(super) encoding: Encoding,
    pub(super) lang: Lang,
    lines: BTreeMap<Arc<str>, Arc<Lines>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(view: &'a View, documents: &'a Documents, encoding: Encoding, lang: Lang) -> Reader<'a> {
        Reader { view, documents, encoding, lang, lines: BTreeMap::new() }
    }

    /// A file of the view by its absolute path.
    pub(super) fn file(&self, path: &Path) -> Option<(&'a Arc<str>, &'a Looked)> {
        self.view.files.iter().find(|(_, looked)| looked.path == path)
    }

    /// The lines of a file of the view.
    pub(super) fn lines(&mut self, shown: &Arc<str>) -> Option<Arc<Lines>> {
        if let Some(lines) = self.lines.get(shown) {
            return Some(Arc::clone(lines));
        }
        let lines = Arc::new(Lines::new(&self.view.files.get(shown)?.text.content, self.encoding));
        self.lines.insert(Arc::clone(shown), Arc::clone(&lines));
        Some(lines)
    }

    /// A file as the client names it.
    pub(super) fn uri(&self, path: &Path) -> Option<Uri> {
        self.documents.get(path).map(|it| it.uri.clone()).or_else(|| uri_of(path))
    }

    /// A message of a finding in the reader's language.
    pub(super) fn said(&self, finding: &Finding, message: &Message) -> String {
        match Rulebook::built_in().card(&finding.rule.0) {
            Some(card) => say(self.lang, message, card),
            None => say_shared(self.lang, message),
        }
    }

    /// A finding as a diagnostic; nothing for a file whose places an editor cannot show.
    pub(super) fn diagnostic(&mut self, finding: &Finding) -> Option<Diagnostic> {
        let mut message = self.said(finding, &finding.message);
        if let Some(help) = &finding.help {
            message.push('\n');
            message.push_str(&self.said(finding, help));
        }
        let related = finding.story.iter().filter_map(|step| {
            let location = self.location(&step.site)?;
            Some(DiagnosticRelatedInformation { location, message: self.said(finding, &step.message) })
        });
        let related: Vec<_> = related.collect();
        Some(Diagnostic {
            range: self.lines(&finding.site.path)?.range(finding.site.span),
            severity: Some(match finding.level {
                Level::Error => DiagnosticSeverity::ERROR,
                Level::Warning => DiagnosticSeverity::WARNING,
                Level::Note => DiagnosticSeverity::INFORMATION,
            }),
            code: Some(NumberOrString::String(finding.rule.0.clone())),
            source: Some(SOURCE.to_owned()),
            message,
            related_information: (!related.is_empty()).then_some(related),
            ..Diagnostic::default()
        })
    }

    fn location(&mut self, site: &Site) -> Option<Location> {
        let looked = self.view.files.get(&site.path).filter(|it| it.kind != Kind::Notebook)?;
        let uri = self.uri(&looked.path)?;
        Some(Location { uri, range: self.lines(&site.path)?.range(site.span) })
    }

    /// Whether the editor shows the text that the view was made of.
    pub(super) fn is_current(&self, looked: &Looked) -> bool {
        let same = |document: &super::documents::Document| *document.text == *looked.text.content;
        !looked.is_stale && self.documents.get(&looked.path).is_none_or(same)
    }

    /// The diagnostics of every file that an editor can show them in; an empty list where there are none any more. Files
    /// whose text has changed since are left out.
    pub(super) fn diagnostics(&mut self) -> BTreeMap<PathBuf, Vec<Diagnostic>> {
        let view = self.view;
        let mut found: BTreeMap<PathBuf, Vec<Diagnostic>> = BTreeMap::new();
        for looked in view.files.values() {
            if looked.kind != Kind::Notebook && self.is_current(looked) {
                found.insert(looked.path.clone(), Vec::new());
            }
        }
        for finding in &view.checked.findings {
            let Some(looked) = view.files.get(&finding.site.path) else { continue };
            if !found.contains_key(&looked.path) {
                continue;
            }
            if let Some(diagnostic) = self.diagnostic(finding)
                && let Some(list) = found.get_mut(&looked.path)
            {
                list.push(diagnostic);
            }
        }
        found
    }
}
