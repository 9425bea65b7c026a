//! Types of expressions, asked from ty one at a time, each within a budget of counted work.
//!
//! ty's inference has no bound of its own: seven lines that fold composed closures keep it busy for ever. Every
//! question is therefore counted while it is worked on, and given up when it costs too much. Work is counted in
//! accesses to the database, not in time, so that the same project gives the same answers on every machine.

mod budget;
mod names;
mod worker;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use raddle_vocabulary::Span;

use crate::project::Project;
use crate::text::Text;
use worker::{Question, Worker};

/// Answers questions about the types of expressions in project files.
pub struct Types {
    worker: Worker,
    counts: Arc<Counters>,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// An instance of one of these classes, each by the dotted name under which it is defined; sorted. Members of a
    /// union that ty knows nothing about are left out.
    Instance(Vec<Arc<str>>),
    /// One of these classes itself; sorted. When a union also has instances, [`Answer::Instance`] names those.
    Class(Vec<Arc<str>>),
    /// A module.
    Module(Arc<str>),
    /// Not known.
    Unknown(Because),
}

/// Why an expression's type is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Because {
    /// ty infers nothing there, such as in code that cannot be reached, or a type that no class names.
    NotInferred,
    /// A value that is not annotated, or comes from a library that is not installed.
    Dynamic,
    /// The question, or one it rests on, cost more than [`WORK_LIMIT`].
    Budget,
    /// The question needs more stack than there is.
    StackBudget,
    /// ty panicked.
    Panicked,
    /// There is no expression with that span in the file as ty reads it.
    NoSuchExpression,
}

/// What answering cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Questions asked.
    pub questions: u64,
    /// Questions answered with something else than `Unknown`.
    pub answers: u64,
    /// Questions that ended at a budget, of work or of stack.
    pub budget_hits: u64,
    /// Questions that ended in a panic of ty's.
    pub panics: u64,
    /// Accesses to the database for all questions together.
    pub work: u64,
    /// Accesses for the dearest question that did not end at a budget.
    pub dearest: u64,
}

#[derive(Default)]
struct Counters {
    questions: AtomicU64,
    answers: AtomicU64,
    budget_hits: AtomicU64,
    panics: AtomicU64,
    work: AtomicU64,
    dearest: AtomicU64,
}

pub use budget::WORK_LIMIT;
pub(crate) use budget::access;

impl Types {
    /// A database for the project's environment and Python version, its own modules first.
    pub fn new(project: &Project) -> anyhow::Result<Types> {
        let counts = Arc::new(Counters::default());
        Ok(Types { worker: Worker::start(project, Arc::clone(&counts))?, counts })
    }

    /// The type of the expression with this span; `text` is the file as it was walked.
    ///
    /// Questions are answered one after the other, and an answer may be found faster when a neighbouring question was
    /// asked before; ask in the same order where the same answers matter near the budget.
    #[must_use]
    pub fn classes(&self, file: &Path, span: Span, text: &Text) -> Answer {
        let question = Question {
            path: file.to_path_buf(),
            span,
            content: Arc::clone(&text.content),
            mark: text.mark,
        };
        let answer = self.worker.ask(question);
        self.counts.questions.fetch_add(1, Ordering::Relaxed);
        match &answer {
            Answer::Instance(_) | Answer::Class(_) | Answer::Module(_) => &self.counts.answers,
            Answer::Unknown(Because::Budget | Because::StackBudget) => &self.counts.budget_hits,
            Answer::Unknown(Because::Panicked) => &self.counts.panics,
            Answer::Unknown(Because::NotInferred | Because::Dynamic | Because::NoSuchExpression) => return answer,
        }
        .fetch_add(1, Ordering::Relaxed);
        answer
    }

    /// What answering has cost so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            questions: read(&self.counts.questions),
            answers: read(&self.counts.answers),
            budget_hits: read(&self.counts.budget_hits),
            panics: read(&self.counts.panics),
            work: read(&self.counts.work),
            dearest: read(&self.counts.dearest),
        }
    }
}
