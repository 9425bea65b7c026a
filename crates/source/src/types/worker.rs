//! The thread that works on questions: it owns the database, and has the stack that ty needs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use anyhow::Context;
use raddle_vocabulary::Span;
use ruff_db::files::system_path_to_file;
use ruff_db::parsed::parsed_module;
use ruff_db::source::source_text;
use ruff_db::system::SystemPath;
use ruff_python_ast::find_node::covering_node;
use ruff_python_ast::{AnyNodeRef, ExprRef};
use ruff_python_stdlib::sys::is_known_standard_library;
use ruff_text_size::{Ranged, TextRange, TextSize};
use rustc_hash::FxHashMap;
use ty_python_semantic::{Db as _, HasType, SemanticModel};

use super::budget::{STACK_SIZE, Spent, metered};
use super::names::Namer;
use super::{Answer, Because, Counters};
use crate::db::Db;
use crate::project::Project;

/// One question.
pub(super) struct Question {
    pub(super) path: PathBuf,
    pub(super) span: Span,
    /// The text that was walked; ty's own reading must be the same.
    pub(super) content: Arc<str>,
    /// Whether a byte order mark was taken off it, which ty keeps.
    pub(super) mark: bool,
}

/// A handle on the thread.
pub(super) struct Worker {
    /// `None` only while the worker is being dropped.
    questions: Option<Sender<(Question, Sender<Answer>)>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(super) fn start(project: &Project, counts: Arc<Counters>) -> anyhow::Result<Worker> {
        let db = Db::new(project, &import_roots(project))?;
        let modules = project.files.iter().map(|file| (file.path.clone(), Arc::clone(&file.module))).collect();
        let (questions, inbox) = channel();
        let thread = std::thread::Builder::new()
            .name("types".to_owned())
            .stack_size(STACK_SIZE)
            // The database is dropped here as well: its trees may be deep.
            .spawn(move || work(&db, &modules, &inbox, &counts))
            .context("cannot start the thread for types; raise the limit on threads or memory")?;
        Ok(Worker { questions: Some(questions), thread: Some(thread) })
    }

    pub(super) fn ask(&self, question: Question) -> Answer {
        let (reply, answer) = channel();
        let sent = self.questions.as_ref().is_some_and(|questions| questions.send((question, reply)).is_ok());
        // The thread ends before its inbox does only when a destructor of ty's panicked.
        let answer = if sent { answer.recv().ok() } else { None };
        answer.unwrap_or(Answer::Unknown(Because::Panicked))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.questions.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to say.
            let _ = thread.join();
        }
    }
}

/// The folders from which ty imports project modules. One that is only the folder around a package, and whose
/// package has a name of the standard library's, would hide that from ty: it is left out.
fn import_roots(project: &Project) -> Vec<PathBuf> {
    let minor = project.settings.python_version.1;
    let hides = |root: &Path| {
        let mut files = project.files.iter().filter(|file| !file.rooted && *file.root == *root);
        files.any(|file| is_known_standard_library(minor, file.module.split('.').next().unwrap_or_default()))
    };
    project.roots.iter().filter(|root| !hides(root)).cloned().collect()
}

fn work(
    db: &Db,
    modules: &FxHashMap<PathBuf, Arc<str>>,
    inbox: &Receiver<(Question, Sender<Answer>)>,
    counts: &Counters,
) {
    while let Ok((question, reply)) = inbox.recv() {
        let (result, accesses) = metered(|| answer(db, modules, &question));
        counts.work.fetch_add(accesses, Ordering::Relaxed);
        let answer = match result {
            Ok(answer) => {
                counts.dearest.fetch_max(accesses, Ordering::Relaxed);
                answer
            }
            Err(payload) => Answer::Unknown(because(&*payload)),
        };
        // Whoever asked may be gone.
        let _ = reply.send(answer);
    }
}

fn because(payload: &(dyn std::any::Any + Send)) -> Because {
    match payload.downcast_ref::<Spent>() {
        Some(Spent::Work) => Because::Budget,
        Some(Spent::Stack) => Because::StackBudget,
        // Salsa's word for a query that rests on one that was unwound through before.
        None if payload.is::<salsa::Cancelled>() => Because::Budget,
        None => Because::Panicked,
    }
}

fn answer(db: &Db, modules: &FxHashMap<PathBuf, Arc<str>>, question: &Question) -> Answer {
    let nothing = Answer::Unknown(Because::NoSuchExpression);
    let path = SystemPath::from_std_path(&question.path);
    let Some(Ok(file)) = path.map(|path| system_path_to_file(db, path)) else { return nothing };
    let source = source_text(db, file);
    let shift: u32 = if question.mark { 3 } else { 0 };
    if source.as_str().trim_start_matches('\u{feff}') != &*question.content {
        return nothing;
    }
    let program_file = db.program_file(file);
    let model = SemanticModel::new(db, program_file);
    let module = parsed_module(db, model.python_file()).load(db);
    let (start, end) = (question.span.start + shift, question.span.end + shift);
    let root = AnyNodeRef::from(module.syntax());
    if start > end || !root.range().contains_range(TextRange::new(TextSize::new(start), TextSize::new(end))) {
        return nothing;
    }
    let Some(expression) = expression(root, TextRange::new(TextSize::new(start), TextSize::new(end))) else {
        return nothing;
    };
    match expression.inferred_type(&model) {
        Some(found) => Namer::new(db, model.program_environment(), modules).answer(found),
        None => Answer::Unknown(Because::NotInferred),
    }
}

/// The innermost expression with exactly this range.
fn expression(root: AnyNodeRef<'_>, range: TextRange) -> Option<ExprRef<'_>> {
    let covering = covering_node(root, range);
    let exact = covering.ancestors().take_while(|node| node.range() == range);
    exact.filter_map(AnyNodeRef::as_expr_ref).next()
}
