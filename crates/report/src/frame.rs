//! The lines of code that a finding is about, with its story written beside them.

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Element, Origin, Patch, Snippet};
use raddle_vocabulary::{Edit, Finding, Site, Span};

use crate::places::{File, Places};

/// What is shown of one file.
pub(crate) struct Frame {
    path: Arc<str>,
    file: Option<Rc<File>>,
    labels: Vec<Label>,
}

struct Label {
    span: Span,
    kind: AnnotationKind,
    text: Option<String>,
}

/// A step of the story that is shown: where, and the words.
pub(crate) struct ShownStep<'a> {
    pub(crate) site: &'a Site,
    pub(crate) text: String,
}

/// One frame for each file of the story: the finding's own first, the others as the story comes to them.
pub(crate) fn frames(places: &mut Places<'_>, finding: &Finding, steps: Vec<ShownStep<'_>>) -> Vec<Frame> {
    let mut acc = Vec::new();
    let primary = Label { span: finding.site.span, kind: AnnotationKind::Primary, text: None };
    frame(&mut acc, places, &finding.site.path).labels.push(primary);
    for step in steps {
        let frame = frame(&mut acc, places, &step.site.path);
        let span = step.site.span;
        // The first step at the finding's own site is the caption of the finding's underline.
        let captioned = frame.labels.iter_mut().find(|label| label.span == span && label.text.is_none());
        match captioned {
            Some(label) => label.text = Some(step.text),
            None => frame.labels.push(Label { span, kind: AnnotationKind::Context, text: Some(step.text) }),
        }
    }
    acc
}

fn frame<'f>(acc: &'f mut Vec<Frame>, places: &mut Places<'_>, path: &Arc<str>) -> &'f mut Frame {
    let index = acc.iter().position(|frame| frame.path == *path).unwrap_or_else(|| {
        acc.push(Frame { path: Arc::clone(path), file: places.file(path), labels: Vec::new() });
        acc.len() - 1
    });
    &mut acc[index]
}

impl Frame {
    /// The frame as the renderer takes it. A file whose text is gone is only named.
    pub(crate) fn element(&self) -> Element<'_> {
        let Some(file) = &self.file else { return Origin::path(&*self.path).into() };
        let lines: Vec<Range<usize>> = self.labels.iter().map(|label| file.first_line(label.span)).collect();
        let window = Window::of(file, lines.iter().cloned());
        let annotations = self.labels.iter().zip(lines).map(|(label, line)| {
            let annotation: Annotation<'_> = label.kind.span(window.inside(line));
            annotation.label(label.text.as_deref())
        });
        Snippet::source(window.text).line_start(window.line).path(&*self.path).annotations(annotations).into()
    }

    /// How many digits the greatest line number of the frame has.
    pub(crate) fn digits(&self) -> usize {
        let Some(file) = &self.file else { return 0 };
        let last = self.labels.iter().map(|label| file.place(label.span.start).line).max();
        last.unwrap_or_default().to_string().len()
    }
}

/// The edits of one file as a suggestion.
pub(crate) struct Suggestion<'a> {
    path: &'a str,
    file: Rc<File>,
    edits: Vec<&'a Edit>,
}

/// The edits by file. A file whose text is gone has nothing to show them on.
pub(crate) fn suggestions<'a>(places: &mut Places<'_>, edits: &'a [Edit]) -> Vec<Suggestion<'a>> {
    let mut acc: Vec<Suggestion<'a>> = Vec::new();
    for edit in edits {
        let path = &edit.site.path;
        match acc.iter_mut().find(|suggestion| *suggestion.path == **path) {
            Some(suggestion) => suggestion.edits.push(edit),
            None => acc.extend(places.file(path).map(|file| Suggestion { path, file, edits: vec![edit] })),
        }
    }
    acc
}

impl Suggestion<'_> {
    pub(crate) fn element(&self) -> Element<'_> {
        let ranges = self.edits.iter().map(|edit| self.file.range(edit.site.span));
        let window = Window::of(&self.file, ranges.clone());
        let patches = self.edits.iter().zip(ranges).map(|(edit, range)| Patch::new(window.inside(range), &*edit.text));
        Snippet::source(window.text).line_start(window.line).path(self.path).patches(patches).into()
    }
}

/// Whole lines of a file around what is shown of it, so that rendering does not depend on the length of the file.
struct Window<'a> {
    text: &'a str,
    start: usize,
    line: usize,
}

impl<'a> Window<'a> {
    fn of(file: &'a File, ranges: impl Iterator<Item = Range<usize>> + Clone) -> Window<'a> {
        let start = ranges.clone().map(|range| range.start).min().unwrap_or_default();
        let end = ranges.map(|range| range.end).max().unwrap_or_default();
        let (lines, line) = file.window(start..end);
        Window { text: &file.text[lines.clone()], start: lines.start, line }
    }

    fn inside(&self, range: Range<usize>) -> Range<usize> {
        range.start - self.start..range.end - self.start
    }
}
