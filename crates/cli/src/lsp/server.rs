//! The conversation with the editor: what it tells is noted, what it asks is answered once the check of what it last told
//! is done, and what is found is shown without being asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, Sender, select, unbounded};
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::notification::{self as tells, Notification as _};
use lsp_types::request::{self as asks, Request as _};
use lsp_types::{
    CodeActionParams, CodeLensParams, Diagnostic, FileChangeType, HoverParams, InitializeParams, MessageType,
    PublishDiagnosticsParams, ShowMessageParams, WorkDoneProgressCancelParams,
};
use raddle_rulebook::{Lang, say_shared};
use raddle_vocabulary::Message as Words;
use serde::de::DeserializeOwned;

use super::client::{self, Client};
use super::documents::{Document, Documents, path_of};
use super::options::Options;
use super::publish::Reader;
use super::worker::{Job, Told, work};
use super::{actions, answers};
use crate::pipeline::live::View;
use crate::session::Session;

/// Serves an editor until it says goodbye.
///
/// # Errors
///
/// When the conversation breaks off.
pub(crate) fn serve(session: &Session) -> Result<ExitCode> {
    let (connection, threads) = Connection::stdio();
    let (id, params) = connection.initialize_start().context("the editor does not begin as the protocol has it")?;
    let params: InitializeParams = serde_json::from_value(params).context("the editor's greeting is not understood")?;
    let client = Client::new(&params);
    connection.initialize_finish(id, client.greeting()).context("the editor does not answer the greeting")?;
    let (jobs, inbox) = unbounded();
    let (outbox, told) = unbounded();
    let latest = Arc::new(AtomicU64::new(0));
    let heard = Arc::clone(&latest);
    let worker = thread::Builder::new().name("check".to_owned()).stack_size(crate::STACK);
    let worker = worker.spawn(move || work(&inbox, &outbox, &heard)).context("the system gives no thread")?;
    let mut server = Server::new(session.lang, client, connection.sender.clone(), jobs, latest, &params);
    let is_polite = server.converse(&connection, &told)?;
    drop(server);
    drop(connection);
    let _ended = worker.join();
    threads.join().context("the pipe to the editor is broken")?;
    Ok(if is_polite { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything that the conversation is about.
struct Server {
    fallback: Lang,
    client: Client,
    out: Sender<Message>,
    options: Options,
    documents: Documents,
    /// Workspace folders.
    folders: Vec<PathBuf>,
    views: BTreeMap<PathBuf, Arc<View>>,
    /// Roots that cannot be checked, with what was said of it: it is said once, not with each key stroke.
    failed: BTreeMap<PathBuf, String>,
    /// What the editor shows.
    published: BTreeMap<PathBuf, (Option<i32>, Vec<Diagnostic>)>,
    jobs: Sender<Job>,
    /// The number of the last job, for the worker.
    latest: Arc<AtomicU64>,
    generation: u64,
    done: u64,
    /// Requests that wait for the last job.
    waiting: Vec<Request>,
    requests: i32,
    progress: Option<String>,
}

impl Server {
    fn new(
        fallback: Lang,
        client: Client,
        out: Sender<Message>,
        jobs: Sender<Job>,
        latest: Arc<AtomicU64>,
        params: &InitializeParams,
    ) -> Server {
        let mut server = Server {
            fallback: params.locale.as_deref().map_or(fallback, Lang::from_locale),
            client,
            out,
            options: Options::default(),
            documents: Documents::default(),
            folders: client::folders(params),
            views: BTreeMap::new(),
            failed: BTreeMap::new(),
            published: BTreeMap::new(),
            jobs,
            latest,
            generation: 0,
            done: 0,
            waiting: Vec::new(),
            requests: 0,
            progress: None,
        };
        if let Some(options) = &params.initialization_options {
            server.configure(options.clone());
        }
        if server.client.watches {
            server.ask::<asks::RegisterCapability>(client::watching());
        }
        server.check(BTreeSet::new(), true);
        server
    }

    fn lang(&self) -> Lang {
        self.options.lang().unwrap_or(self.fallback)
    }

    /// Listens until the editor says goodbye; whether it did as the protocol has it.
    fn converse(&mut self, connection: &Connection, told: &Receiver<Told>) -> Result<bool> {
        loop {
            select! {
                recv(connection.receiver) -> message => match message {
                    Err(_) => return Ok(false),
                    Ok(Message::Request(request)) => {
                        if connection.handle_shutdown(&request)? {
                            return Ok(true);
                        }
                        self.asked(request);
                    }
                    Ok(Message::Notification(notification)) if notification.method == tells::Exit::METHOD => {
                        return Ok(false);
                    }
                    Ok(Message::Notification(notification)) => self.told(notification),
                    // Nothing that raddle asks for has an answer it depends on.
                    Ok(Message::Response(_)) => {}
                },
                recv(told) -> news => match news {
                    Err(_) => return Ok(false),
                    Ok(Told::Phase(generation, phase)) => {
                        if generation == self.generation {
                            self.report(client::at(self.lang(), phase));
                        }
                    }
                    Ok(Told::Done(generation, views)) => self.checked(generation, views),
                },
            }
        }
    }

    /// Starts a check of what is now, and ends the one that runs.
    fn check(&mut self, touched: BTreeSet<PathBuf>, anew: bool) {
        self.generation += 1;
        self.latest.store(self.generation, Ordering::Relaxed);
        if anew && self.client.progress {
            self.end_progress();
            let token = format!("raddle/{}", self.generation);
            self.ask::<asks::WorkDoneProgressCreate>(client::token(&token));
            self.progress = Some(token);
            self.report(client::begun(self.lang()));
        }
        let loose = self.documents.paths().filter(|path| !self.folders.iter().any(|it| path.starts_with(it)));
        let job = Job {
            roots: self.folders.iter().chain(loose).cloned().collect(),
            buffers: self.documents.buffers(),
            touched,
            anew,
            options: self.options.clone(),
            generation: self.generation,
        };
        self.views.retain(|root, _| job.roots.contains(root));
        // A worker that is gone has said so by closing its side, which ends the conversation.
        let _gone = self.jobs.send(job);
    }

    /// Shows what a check came to.
    fn checked(&mut self, generation: u64, views: BTreeMap<PathBuf, Result<Arc<View>, String>>) {
        for (root, view) in views {
            match view {
                Ok(view) => {
                    let before = self.views.get(&root).map(|it| it.checked.warnings.as_slice()).unwrap_or_default();
                    for warning in view.checked.warnings.iter().filter(|it| !before.contains(it)) {
                        self.log(MessageType::WARNING, say_shared(self.lang(), warning));
                    }
                    self.failed.remove(&root);
                    self.views.insert(root, view);
                }
                Err(reason) if self.failed.get(&root) == Some(&reason) => {}
                Err(reason) => {
                    self.failed.insert(root.clone(), reason.clone());
                    let root = root.display().to_string();
                    let words = Words::new("lsp-failed").arg("root", root).arg("reason", reason);
                    let message = say_shared(self.lang(), &words);
                    self.tell::<tells::ShowMessage>(ShowMessageParams { typ: MessageType::ERROR, message });
                }
            }
        }
        self.publish();
        self.done = self.done.max(generation);
        if self.done == self.generation {
            self.end_progress();
            for request in std::mem::take(&mut self.waiting) {
                self.answer(request);
            }
        }
    }

    /// Shows the findings of files whose findings are others than those that are shown.
    fn publish(&mut self) {
        let mut current: BTreeMap<PathBuf, Vec<Diagnostic>> = BTreeMap::new();
        let mut known: BTreeSet<&Path> = BTreeSet::new();
        for (root, view) in &self.views {
            let mut reader = Reader::new(view, &self.documents, self.client.encoding, self.lang());
            // A file below two roots belongs to the inner one.
            let belongs = |path: &Path| self.home(path).is_some_and(|home| home == root);
            known.extend(view.files.values().map(|it| it.path.as_path()).filter(|path| belongs(path)));
            current.extend(reader.diagnostics().into_iter().filter(|(path, _)| belongs(path)));
        }
        let gone = self.published.keys().filter(|path| !known.contains(path.as_path())).cloned();
        let gone: Vec<PathBuf> = gone.collect();
        current.extend(gone.into_iter().map(|path| (path, Vec::new())));
        for (path, diagnostics) in current {
            let document = self.documents.get(&path);
            let version = document.map(|it| it.version);
            // An editor moves what it shows with the text, so the same findings are shown anew after an edit.
            let is_shown = match self.published.get(&path) {
                Some((shown, same)) => *shown == version && *same == diagnostics,
                None => diagnostics.is_empty(),
            };
            if is_shown {
                continue;
            }
            let Some(uri) = document.map(|it| it.uri.clone()).or_else(|| super::documents::uri_of(&path)) else {
                continue;
            };
            let params = PublishDiagnosticsParams { uri, diagnostics: diagnostics.clone(), version };
            self.tell::<tells::PublishDiagnostics>(params);
            if diagnostics.is_empty() {
                self.published.remove(&path);
            } else {
                self.published.insert(path, (version, diagnostics));
            }
        }
    }

    /// The root that a file belongs to: the innermost folder around it, or itself.
    fn home(&self, path: &Path) -> Option<&PathBuf> {
        self.views.keys().filter(|it| path.starts_with(it)).max_by_key(|it| it.components().count())
    }

    /// Takes a request: it is answered now if the last check is done, else when it is.
    fn asked(&mut self, request: Request) {
        let ours = [asks::HoverRequest::METHOD, asks::CodeActionRequest::METHOD, asks::CodeLensRequest::METHOD];
        if !ours.contains(&request.method.as_str()) {
            let words = format!("raddle does not answer {}", request.method);
            self.respond(Response::new_err(request.id, ErrorCode::MethodNotFound as i32, words));
        } else if self.done == self.generation {
            self.answer(request);
        } else {
            self.waiting.push(request);
        }
    }

    fn answer(&self, request: Request) {
        let answered = match request.method.as_str() {
            asks::HoverRequest::METHOD => self.with(&request, |params: HoverParams, server| {
                let at = params.text_document_position_params;
                let path = path_of(&at.text_document.uri);
                let hover = path.and_then(|path| answers::hover(&mut server.reader(&path)?, &path, at.position));
                serde_json::to_value(hover)
            }),
            asks::CodeActionRequest::METHOD => self.with(&request, |params: CodeActionParams, server| {
                let path = path_of(&params.text_document.uri);
                let actions = path.and_then(|path| {
                    let (range, versions) = (params.range, server.client.versions);
                    Some(actions::actions(&mut server.reader(&path)?, &path, range, &params.context, versions))
                });
                serde_json::to_value(actions.unwrap_or_default())
            }),
            _ => self.with(&request, |params: CodeLensParams, server| {
                let path = path_of(&params.text_document.uri).filter(|_| server.options.code_lens);
                let lenses = path.and_then(|path| Some(answers::lenses(&mut server.reader(&path)?, &path)));
                serde_json::to_value(lenses.unwrap_or_default())
            }),
        };
        self.respond(match answered {
            Ok(value) => Response::new_ok(request.id, value),
            Err(error) => Response::new_err(request.id, ErrorCode::InvalidParams as i32, error.to_string()),
        });
    }

    fn with<P: DeserializeOwned>(
        &self,
        request: &Request,
        answer: impl FnOnce(P, &Server) -> serde_json::Result<serde_json::Value>,
    ) -> serde_json::Result<serde_json::Value> {
        answer(serde_json::from_value(request.params.clone())?, self)
    }

    fn reader(&self, path: &Path) -> Option<Reader<'_>> {
        let view = self.views.get(self.home(path)?)?;
        Some(Reader::new(view, &self.documents, self.client.encoding, self.lang()))
    }

    /// Takes note of what the editor tells.
    fn told(&mut self, notification: Notification) {
        let method = notification.method.clone();
        let taken = match method.as_str() {
            tells::DidOpenTextDocument::METHOD => self.note(notification, Server::opened),
            tells::DidChangeTextDocument::METHOD => self.note(notification, Server::changed),
            tells::DidCloseTextDocument::METHOD => self.note(notification, Server::closed),
            tells::DidSaveTextDocument::METHOD => self.note(notification, Server::saved),
            tells::DidChangeWatchedFiles::METHOD => self.note(notification, Server::watched),
            tells::DidChangeWorkspaceFolders::METHOD => self.note(notification, Server::moved),
            tells::DidChangeConfiguration::METHOD => {
                self.note(notification, |server, params: lsp_types::DidChangeConfigurationParams| {
                    server.configure(params.settings);
                    server.check(BTreeSet::new(), true);
                })
            }
            tells::Cancel::METHOD => self.note(notification, Server::cancelled),
            tells::WorkDoneProgressCancel::METHOD => {
                // The check goes on, since all answers wait for it; it is only no longer shown.
                self.note(notification, |server, _: WorkDoneProgressCancelParams| server.end_progress())
            }
            _ => Ok(()),
        };
        if let Err(error) = taken {
            self.log(MessageType::ERROR, format!("{method}: {error}"));
        }
    }

    fn note<P: DeserializeOwned>(
        &mut self,
        notification: Notification,
        take: impl FnOnce(&mut Server, P),
    ) -> serde_json::Result<()> {
        take(self, serde_json::from_value(notification.params)?);
        Ok(())
    }

    fn opened(&mut self, params: lsp_types::DidOpenTextDocumentParams) {
        let document = params.text_document;
        let Some(path) = path_of(&document.uri) else { return };
        let text = document.text.into();
        self.documents.open(path.clone(), Document { uri: document.uri, version: document.version, text });
        self.check(BTreeSet::from([path]), false);
    }

    fn changed(&mut self, params: lsp_types::DidChangeTextDocumentParams) {
        let Some(path) = path_of(&params.text_document.uri) else { return };
        let (version, encoding) = (params.text_document.version, self.client.encoding);
        self.documents.change(&path, version, params.content_changes, encoding);
        self.check(BTreeSet::from([path]), false);
    }

    fn closed(&mut self, params: lsp_types::DidCloseTextDocumentParams) {
        let Some(path) = path_of(&params.text_document.uri) else { return };
        self.documents.close(&path);
        self.check(BTreeSet::from([path]), false);
    }

    /// A file that is saved for the first time, and a file of settings, change what there is to check.
    fn saved(&mut self, params: lsp_types::DidSaveTextDocumentParams) {
        let Some(path) = path_of(&params.text_document.uri) else { return };
        let is_known = self.views.values().any(|view| view.files.values().any(|it| it.path == path));
        if client::is_settings(&path) || !is_known {
            self.check(BTreeSet::from([path]), true);
        }
    }

    fn watched(&mut self, params: lsp_types::DidChangeWatchedFilesParams) {
        let anew = |it: &lsp_types::FileEvent| {
            it.typ != FileChangeType::CHANGED || path_of(&it.uri).is_some_and(|path| client::is_settings(&path))
        };
        let anew = params.changes.iter().any(anew);
        let touched = params.changes.iter().filter_map(|it| path_of(&it.uri));
        // What the editor holds counts, so a change of its file on the disk means nothing.
        let touched: BTreeSet<PathBuf> = touched.filter(|path| self.documents.get(path).is_none()).collect();
        if anew || !touched.is_empty() {
            self.check(touched, anew);
        }
    }

    fn moved(&mut self, params: lsp_types::DidChangeWorkspaceFoldersParams) {
        let gone: Vec<PathBuf> = params.event.removed.iter().filter_map(|it| path_of(&it.uri)).collect();
        self.folders.retain(|it| !gone.contains(it));
        for path in params.event.added.iter().filter_map(|it| path_of(&it.uri)) {
            if !self.folders.contains(&path) {
                self.folders.push(path);
            }
        }
        self.check(BTreeSet::new(), true);
    }

    fn cancelled(&mut self, params: lsp_types::CancelParams) {
        let id: RequestId = match params.id {
            lsp_types::NumberOrString::Number(id) => id.into(),
            lsp_types::NumberOrString::String(id) => id.into(),
        };
        if let Some(at) = self.waiting.iter().position(|it| it.id == id) {
            let request = self.waiting.remove(at);
            let code = ErrorCode::RequestCanceled as i32;
            self.respond(Response::new_err(request.id, code, "cancelled".to_owned()));
        }
    }

    fn configure(&mut self, settings: serde_json::Value) {
        match Options::read(settings) {
            Ok(options) => self.options = options,
            Err(reason) => {
                let message = say_shared(self.lang(), &Words::new("lsp-bad-settings").arg("reason", reason));
                self.tell::<tells::ShowMessage>(ShowMessageParams { typ: MessageType::ERROR, message });
            }
        }
    }

    fn report(&self, value: lsp_types::WorkDoneProgress) {
        if let Some(token) = &self.progress {
            self.tell::<tells::Progress>(client::progress(token, value));
        }
    }

    fn end_progress(&mut self) {
        self.report(client::ended());
        self.progress = None;
    }

    fn log(&self, typ: MessageType, message: String) {
        self.tell::<tells::LogMessage>(lsp_types::LogMessageParams { typ, message });
    }

    fn tell<N: tells::Notification>(&self, params: N::Params) {
        // Whether the editor is still there shows when it is listened to.
        let _gone = self.out.send(Message::Notification(Notification::new(N::METHOD.to_owned(), params)));
    }

    fn ask<R: asks::Request>(&mut self, params: R::Params) {
        self.requests += 1;
        let request = Request::new(self.requests.into(), R::METHOD.to_owned(), params);
        let _gone = self.out.send(Message::Request(request));
    }

    fn respond(&self, response: Response) {
        let _gone = self.out.send(Message::Response(response));
    }
}
