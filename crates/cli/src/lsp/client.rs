//! What the editor can do, and the fixed things that are said to it.

use std::path::{Path, PathBuf};

use lsp_types::notification::{DidChangeWatchedFiles, Notification as _};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionProviderCapability, CodeLensOptions,
    DidChangeWatchedFilesRegistrationOptions, FileSystemWatcher, GlobPattern, HoverProviderCapability,
    InitializeParams, InitializeResult, NumberOrString, OneOf, PositionEncodingKind, ProgressParams,
    ProgressParamsValue, Registration, RegistrationParams, SaveOptions, ServerCapabilities, ServerInfo,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions,
    WorkDoneProgress, WorkDoneProgressBegin, WorkDoneProgressCreateParams, WorkDoneProgressEnd,
    WorkDoneProgressOptions, WorkDoneProgressReport, WorkspaceFoldersServerCapabilities, WorkspaceServerCapabilities,
};
use raddle_rulebook::{Lang, word};
use serde_json::{Value, json};

use super::actions::FIX_ALL;
use super::documents::path_of;
use super::positions::Encoding;
use crate::progress::Phase;

/// What raddle needs to know of the editor.
pub(super) struct Client {
    pub(super) encoding: Encoding,
    /// Whether it shows progress.
    pub(super) progress: bool,
    /// Whether it tells of files that change.
    pub(super) watches: bool,
    /// Whether it takes edits with the version of the document they were made for.
    pub(super) versions: bool,
}

impl Client {
    pub(super) fn new(params: &InitializeParams) -> Client {
        let can = &params.capabilities;
        let encodings = can.general.as_ref().and_then(|it| it.position_encodings.as_deref()).unwrap_or_default();
        let speaks = |kind: &PositionEncodingKind| encodings.contains(kind);
        let workspace = can.workspace.as_ref();
        Client {
            // What the text is kept in costs nothing to convert.
            encoding: if speaks(&PositionEncodingKind::UTF8) {
                Encoding::Utf8
            } else if speaks(&PositionEncodingKind::UTF32) && !speaks(&PositionEncodingKind::UTF16) {
                Encoding::Utf32
            } else {
                Encoding::Utf16
            },
            progress: can.window.as_ref().and_then(|it| it.work_done_progress).unwrap_or_default(),
            watches: workspace
                .and_then(|it| it.did_change_watched_files.as_ref())
                .and_then(|it| it.dynamic_registration)
                .unwrap_or_default(),
            versions: workspace
                .and_then(|it| it.workspace_edit.as_ref())
                .and_then(|it| it.document_changes)
                .unwrap_or_default(),
        }
    }

    /// What raddle can do, for this editor.
    pub(super) fn greeting(&self) -> Value {
        let position_encoding = match self.encoding {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
            Encoding::Utf32 => PositionEncodingKind::UTF32,
        };
        let capabilities = ServerCapabilities {
            position_encoding: Some(position_encoding),
            text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
                open_close: Some(true),
                change: Some(TextDocumentSyncKind::INCREMENTAL),
                save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(false) })),
                ..TextDocumentSyncOptions::default()
            })),
            hover_provider: Some(HoverProviderCapability::Simple(true)),
            code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
                code_action_kinds: Some(vec![CodeActionKind::QUICKFIX, FIX_ALL]),
                work_done_progress_options: WorkDoneProgressOptions::default(),
                resolve_provider: Some(false),
            })),
            code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
            workspace: Some(WorkspaceServerCapabilities {
                workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                    supported: Some(true),
                    change_notifications: Some(OneOf::Left(true)),
                }),
                file_operations: None,
            }),
            ..ServerCapabilities::default()
        };
        let version = Some(env!("CARGO_PKG_VERSION").to_owned());
        json!(InitializeResult { capabilities, server_info: Some(ServerInfo { name: "raddle".to_owned(), version }) })
    }
}

/// The folders that the editor has open.
pub(super) fn folders(params: &InitializeParams) -> Vec<PathBuf> {
    if let Some(folders) = &params.workspace_folders {
        return folders.iter().filter_map(|it| path_of(&it.uri)).collect();
    }
    // What editors said before there were several folders.
    #[allow(deprecated, reason = "see above")]
    let root = params.root_uri.as_ref().and_then(path_of);
    root.into_iter().collect()
}

/// Whether a file holds settings of raddle.
pub(super) fn is_settings(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "raddle.toml" || name == "pyproject.toml")
}

/// The request to be told of files that change.
pub(super) fn watching() -> RegistrationParams {
    let watcher = |glob: &str| FileSystemWatcher { glob_pattern: GlobPattern::String(glob.to_owned()), kind: None };
    let globs = ["**/*.py", "**/*.pyi", "**/*.pyw", "**/*.ipynb", "**/raddle.toml", "**/pyproject.toml"];
    let options = DidChangeWatchedFilesRegistrationOptions { watchers: globs.map(watcher).into() };
    let registration = Registration {
        id: "raddle/files".to_owned(),
        method: DidChangeWatchedFiles::METHOD.to_owned(),
        register_options: Some(json!(options)),
    };
    RegistrationParams { registrations: vec![registration] }
}

pub(super) fn token(token: &str) -> WorkDoneProgressCreateParams {
    WorkDoneProgressCreateParams { token: NumberOrString::String(token.to_owned()) }
}

pub(super) fn progress(token: &str, value: WorkDoneProgress) -> ProgressParams {
    let token = NumberOrString::String(token.to_owned());
    ProgressParams { token, value: ProgressParamsValue::WorkDone(value) }
}

pub(super) fn begun(lang: Lang) -> WorkDoneProgress {
    let title = word(lang, "lsp-checking").to_owned();
    WorkDoneProgress::Begin(WorkDoneProgressBegin { title, cancellable: Some(false), message: None, percentage: None })
}

pub(super) fn at(lang: Lang, phase: Phase) -> WorkDoneProgress {
    let message = Some(word(lang, phase.word()).to_owned());
    WorkDoneProgress::Report(WorkDoneProgressReport { cancellable: Some(false), message, percentage: None })
}

pub(super) fn ended() -> WorkDoneProgress {
    WorkDoneProgress::End(WorkDoneProgressEnd { message: None })
}
