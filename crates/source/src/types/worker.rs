//! The thread that works on questions: it owns the database, and has the stack that ty needs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use raddle_vocabulary::Span;
use ruff_db::files::{File, system_path_to_file};
use ruff_db::parsed::parsed_module;
use ruff_db::source::source_text;
use ruff_db::system::SystemPath;
use ruff_python_ast::find_node::covering_node;
use ruff_python_ast::{AnyNodeRef, ExprRef};
use ruff_python_parser::Mode;
use ruff_python_stdlib::sys::is_known_standard_library;
use ruff_text_size::{Ranged, TextRange, TextSize};
use rustc_hash::{FxHashMap, FxHashSet};
use ty_python_core::scope::FileScopeId;
use ty_python_semantic::{Db as _, HasType, SemanticModel};

use super::budget::{STACK_SIZE, Spent, WORK_LIMIT, metered};
use super::names::Namer;
use super::{Answer, Because};
use crate::db::{Db, Seed};
use crate::depth::{Tangle, measured};
use crate::project::Project;

/// Forks in one statement beyond which ty is not asked about the file: the time that it takes to index
/// `a and b or c and …` grows with the third power, without a look at the database.
const FORK_LIMIT: u32 = 400;

/// Levels of the tree beyond which ty is not asked about the file: the same holds, with the second power, for
/// `a.b.c.…`.
const LEVEL_LIMIT: u32 = 1_000;

/// Questions that may end at the budget before the budget shrinks: a project where many do has a cause in common.
const WASTE_LIMIT: u64 = 16;

/// By how much it shrinks then.
const SHRINK: u64 = 16;

/// What all workers of a project have in common.
pub(super) struct Home {
    pub(super) seed: Seed,
    /// The project's own names of its files.
    pub(super) modules: FxHashMap<PathBuf, Arc<str>>,
}

/// One question.
pub(super) struct Question {
    pub(super) path: PathBuf,
    pub(super) span: Span,
    /// The text that was walked; ty's own reading must be the same.
    pub(super) content: Arc<str>,
    /// Whether a byte order mark was taken off it, which ty keeps.
    pub(super) mark: bool,
}

/// An answer and what it cost.
pub(super) struct Reply {
    pub(super) answer: Answer,
    pub(super) work: u64,
}

/// A handle on the thread, which ends when the handle is dropped and its last question is answered. The database is
/// dropped on the thread as well: that takes a while, and its trees may be deep.
pub(super) struct Worker {
    questions: Sender<Question>,
    replies: Receiver<Reply>,
}

impl Worker {
    pub(super) fn start(home: &Arc<Home>) -> std::io::Result<Worker> {
        let (questions, inbox) = channel();
        let (outbox, replies) = channel();
        let home = Arc::clone(home);
        let work = move || {
            // Without a database the inbox closes, and the first question is answered with a panic of ty's.
            if let Ok(db) = Db::new(&home.seed) {
                Desk { db: &db, home: &home, given_up: FxHashSet::default(), tangles: FxHashMap::default(), wasted: 0 }
                    .work(&inbox, &outbox);
            }
        };
        std::thread::Builder::new().name("types".to_owned()).stack_size(STACK_SIZE).spawn(work)?;
        Ok(Worker { questions, replies })
    }

    /// The reply, or `None` when it does not come in time.
    pub(super) fn ask(&self, question: Question, patience: Duration) -> Option<Reply> {
        let panicked = Reply { answer: Answer::Unknown(Because::Panicked), work: 0 };
        if self.questions.send(question).is_err() {
            return Some(panicked);
        }
        match self.replies.recv_timeout(patience) {
            Ok(reply) => Some(reply),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => None,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => Some(panicked),
        }
    }
}

/// The folders from which ty imports project modules. One that is only the folder around a package, and whose
/// package has a name of the standard library's, would hide that from ty: it is left out.
pub(super) fn import_roots(project: &Project) -> Vec<PathBuf> {
    let minor = project.settings.python_version.1;
    let hides = |root: &Path| {
        let mut files = project.files.iter().filter(|file| !file.rooted && *file.root == *root);
        files.any(|file| is_known_standard_library(minor, file.module.split('.').next().unwrap_or_default()))
    };
    project.roots.iter().filter(|root| !hides(root)).cloned().collect()
}

/// A worker's own memory.
struct Desk<'thread> {
    db: &'thread Db,
    home: &'thread Home,
    /// Scopes in which a question ended at a budget: ty infers a scope as a whole, so all others there would too.
    given_up: FxHashSet<(File, FileScopeId)>,
    /// How tangled each file is.
    tangles: FxHashMap<File, Tangle>,
    /// Questions that ended at the budget.
    wasted: u64,
}

impl Desk<'_> {
    fn work(mut self, inbox: &Receiver<Question>, outbox: &Sender<Reply>) {
        while let Ok(question) = inbox.recv() {
            let limit = if self.wasted < WASTE_LIMIT { WORK_LIMIT } else { WORK_LIMIT / SHRINK };
            let mut scope = None;
            let (result, work) = metered(limit, || self.answer(&question, &mut scope));
            let answer = result.unwrap_or_else(|payload| Answer::Unknown(because(&*payload)));
            if let (Answer::Unknown(Because::Budget | Because::StackBudget), Some(scope)) = (&answer, scope) {
                self.given_up.insert(scope);
                self.wasted += u64::from(work == limit);
            }
            if outbox.send(Reply { answer, work }).is_err() {
                return;
            }
        }
    }

    /// Answers a question; `place` becomes its scope as soon as that is known.
    fn answer(&mut self, question: &Question, place: &mut Option<(File, FileScopeId)>) -> Answer {
        let db = self.db;
        let nothing = Answer::Unknown(Because::NoSuchExpression);
        let path = SystemPath::from_std_path(&question.path);
        let Some(Ok(file)) = path.map(|path| system_path_to_file(db, path)) else { return nothing };
        let source = source_text(db, file);
        if source.as_str().trim_start_matches('\u{feff}') != &*question.content {
            return nothing;
        }
        let tangle = self.tangles.entry(file).or_insert_with(|| {
            measured(&question.content, if source.as_notebook().is_some() { Mode::Ipython } else { Mode::Module })
        });
        if tangle.forks > FORK_LIMIT || tangle.levels > LEVEL_LIMIT {
            return Answer::Unknown(Because::Budget);
        }
        let model = SemanticModel::new(db, db.program_file(file));
        let module = parsed_module(db, model.python_file()).load(db);
        let Some(expression) = expression(AnyNodeRef::from(module.syntax()), question) else { return nothing };
        let Some(scope) = model.scope(AnyNodeRef::from(expression)) else {
            return Answer::Unknown(Because::NotInferred);
        };
        if self.given_up.contains(&(file, scope)) {
            return Answer::Unknown(Because::Budget);
        }
        *place = Some((file, scope));
        match expression.inferred_type(&model) {
            Some(found) => Namer::new(db, &model, scope, &self.home.modules).answer(found),
            None => Answer::Unknown(Because::NotInferred),
        }
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

/// The innermost expression with exactly the question's span.
fn expression<'tree>(root: AnyNodeRef<'tree>, question: &Question) -> Option<ExprRef<'tree>> {
    let shift: u32 = if question.mark { 3 } else { 0 };
    let Span { start, end } = question.span;
    if start > end {
        return None;
    }
    let range = TextRange::new(TextSize::new(start + shift), TextSize::new(end + shift));
    if !root.range().contains_range(range) {
        return None;
    }
    let covering = covering_node(root, range);
    covering.ancestors().take_while(|node| node.range() == range).find_map(AnyNodeRef::as_expr_ref)
}
