//! The documents that the editor holds open.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use lsp_types::{TextDocumentContentChangeEvent, Uri};
use url::Url;

use super::positions::{Encoding, Lines};
use crate::pipeline::live::Buffers;

/// One open document.
pub(super) struct Document {
    /// As the client writes it.
    pub(super) uri: Uri,
    /// Grows with each change.
    pub(super) version: i32,
    /// What it holds now.
    pub(super) text: Arc<str>,
}

/// All open documents by absolute path.
#[derive(Default)]
pub(super) struct Documents(BTreeMap<PathBuf, Document>);

impl Documents {
    pub(super) fn open(&mut self, path: PathBuf, document: Document) {
        self.0.insert(path, document);
    }

    pub(super) fn close(&mut self, path: &Path) {
        self.0.remove(path);
    }

    pub(super) fn get(&self, path: &Path) -> Option<&Document> {
        self.0.get(path)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.keys()
    }

    /// Applies changes in their order.
    pub(super) fn change(
        &mut self,
        path: &Path,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
    ) {
        let Some(document) = self.0.get_mut(path) else { return };
        document.version = version;
        for change in changes {
            document.text = match change.range {
                None => change.text.into(),
                Some(range) => {
                    let lines = Lines::new(&document.text, encoding);
                    let start = lines.offset(range.start);
                    let end = lines.offset(range.end).max(start);
                    let text = &document.text;
                    [&text[..start], &*change.text, &text[end..]].concat().into()
                }
            };
        }
    }

    /// What an analysis is to see in place of the disk.
    pub(super) fn buffers(&self) -> Buffers {
        self.0.iter().map(|(path, document)| (path.clone(), Arc::clone(&document.text))).collect()
    }
}

/// The file behind a URI; nothing for what is no file, such as a document that was never saved.
pub(super) fn path_of(uri: &Uri) -> Option<PathBuf> {
    Url::parse(uri.as_str()).ok().filter(|it| it.scheme() == "file")?.to_file_path().ok()
}

/// The URI of a file.
pub(super) fn uri_of(path: &Path) -> Option<Uri> {
    Uri::from_str(Url::from_file_path(path).ok()?.as_str()).ok()
}

#[cfg(test)]
mod tests {
    use lsp_types::{Position, Range};

    use super::*;

    fn change(range: Option<[u32; 4]>, text: &str) -> TextDocumentContentChangeEvent {
        let range = range.map(|[line, character, end_line, end]| Range {
            start: Position { line, character },
            end: Position { line: end_line, character: end },
        });
        TextDocumentContentChangeEvent { range, range_length: None, text: text.to_owned() }
    }

    #[test]
    fn changes_follow_each_other() {
        let mut documents = Documents::default();
        let path = Path::new("/p/a.py");
        let uri = uri_of(path).unwrap();
        documents.open(path.to_path_buf(), Document { uri, version: 1, text: "x = '😀'\ny = 2\n".into() });
        let changes =
            vec![change(Some([0, 5, 0, 7]), "é"), change(Some([1, 4, 2, 0]), "3"), change(Some([0, 0, 0, 0]), "#\n")];
        documents.change(path, 2, changes, Encoding::Utf16);
        assert_eq!(&*documents.get(path).unwrap().text, "#\nx = 'é'\ny = 3");
        documents.change(path, 3, vec![change(None, "z")], Encoding::Utf16);
        assert_eq!(&*documents.get(path).unwrap().text, "z");
    }

    #[test]
    fn uris_and_paths() {
        let path = Path::new("/a folder/名.py");
        assert_eq!(path_of(&uri_of(path).unwrap()).unwrap(), path);
        assert_eq!(path_of(&Uri::from_str("untitled:Untitled-1").unwrap()), None);
    }
}
