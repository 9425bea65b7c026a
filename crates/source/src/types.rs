//! Types of expressions, asked from ty one at a time, each within a budget of counted work.
//!
//! ty's inference has no bound of its own: ten lines that multiply iterators keep it busy for ever. Every question is
//! therefore counted while it is worked on, and given up when it costs too much. Work is counted in accesses to the
//! database, not in time, so that the same project gives the same answers on every machine. Only where ty computes
//! without looking at the database does a clock, set far beyond any honest answer, have the last word.

mod budget;
mod names;
mod worker;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use raddle_vocabulary::Span;

use crate::db::Seed;
use crate::project::Project;
use crate::text::Text;
use worker::{Home, Question, Worker};

pub use budget::WORK_LIMIT;
pub(crate) use budget::access;

/// Time after which a thread that works on one question is left to itself. The budget ends every question long
/// before, unless ty computes without looking at the database.
const PATIENCE: Duration = Duration::from_secs(60);

/// Threads that may be left to themselves before no more questions are worked on: each keeps a processor busy.
const ABANDONED: usize = 2;

/// Answers questions about the types of expressions in project files.
pub struct Types {
    home: Arc<Home>,
    state: Mutex<State>,
}

/// What changes from question to question.
struct State {
    /// Started with the first question, and again after one that was abandoned.
    worker: Option<Worker>,
    /// How long a question may take.
    patience: Duration,
    /// Files whose questions were abandoned.
    abandoned: BTreeSet<PathBuf>,
    counts: Counts,
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
    /// A value that is not annotated, the result of a function that is not, or something of a library that is not
    /// installed.
    Dynamic,
    /// The question, or one it rests on, cost more than [`WORK_LIMIT`], or the file is one that ty cannot manage.
    Budget,
    /// The question needs more stack than there is.
    StackBudget,
    /// ty panicked.
    Panicked,
    /// There is no expression with that span in the file as ty reads it. ty reads UTF-8 only.
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
    /// Questions on which a thread was left to itself; also counted among `budget_hits`.
    pub abandoned: u64,
    /// Accesses to the database for all questions together.
    pub work: u64,
    /// Accesses for the dearest question that did not end at a budget.
    pub dearest: u64,
}

impl Types {
    /// A database for the project's environment and Python version, its own modules first.
    pub fn new(project: &Project) -> anyhow::Result<Types> {
        let seed = Seed::new(project, &worker::import_roots(project))?;
        let modules = project.files.iter().map(|file| (file.path.clone(), Arc::clone(&file.module))).collect();
        let (abandoned, counts) = (BTreeSet::new(), Counts::default());
        let state = State { worker: None, patience: PATIENCE, abandoned, counts };
        Ok(Types { home: Arc::new(Home { seed, modules }), state: Mutex::new(state) })
    }

    /// The type of the expression with this span; `text` is the file as it was walked.
    ///
    /// Questions are worked on one after the other, from whatever thread they come. What one question has found out
    /// makes the next one cheaper, so ask in an order of your own where answers near the budget must be the same in
    /// every run.
    #[must_use]
    pub fn classes(&self, file: &Path, span: Span, text: &Text) -> Answer {
        let question = Question { path: file.to_path_buf(), span, content: Arc::clone(&text.content), mark: text.mark };
        // A poisoned lock says that an asker died; what it left behind is whole.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = state.ask(&self.home, question);
        state.counts.questions += 1;
        match &answer {
            Answer::Instance(_) | Answer::Class(_) | Answer::Module(_) => state.counts.answers += 1,
            Answer::Unknown(Because::Budget | Because::StackBudget) => state.counts.budget_hits += 1,
            Answer::Unknown(Because::Panicked) => state.counts.panics += 1,
            Answer::Unknown(Because::NotInferred | Because::Dynamic | Because::NoSuchExpression) => {}
        }
        answer
    }

    /// What answering has cost so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).counts
    }
}

impl State {
    fn ask(&mut self, home: &Arc<Home>, question: Question) -> Answer {
        if self.abandoned.contains(&question.path) || self.abandoned.len() > ABANDONED {
            return Answer::Unknown(Because::Budget);
        }
        let path = question.path.clone();
        let worker = match self.worker.take() {
            Some(worker) => worker,
            None => match Worker::start(home) {
                Ok(worker) => worker,
                // The machine has no room for one more thread.
                Err(_) => return Answer::Unknown(Because::StackBudget),
            },
        };
        match worker.ask(question, self.patience) {
            Some(reply) => {
                self.worker = Some(worker);
                self.counts.work += reply.work;
                if !matches!(reply.answer, Answer::Unknown(Because::Budget | Because::StackBudget)) {
                    self.counts.dearest = self.counts.dearest.max(reply.work);
                }
                reply.answer
            }
            None => {
                self.abandoned.insert(path);
                self.counts.abandoned += 1;
                Answer::Unknown(Because::Budget)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use raddle_vocabulary::Span;

    use super::{Answer, Because, Types};
    use crate::{Request, discover};

    /// A statement that ty indexes for minutes without a look at its database. In another file than the one that is
    /// asked about, no count of tokens keeps ty from it.
    #[test]
    fn a_question_that_counting_cannot_end_is_left_to_itself() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let slow = format!("def f(a):\n    x = {}0\n", "a == 1 or ".repeat(3_000));
        let files = [("slow.py", &*slow), ("user.py", "import slow\nslow.f\n"), ("calm.py", "x = [1]\nx\n")];
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).expect("the folder can be written");
        }
        let request = Request { working_directory: folder.path().to_path_buf(), ..Request::default() };
        let project = discover(&request).expect("the folder is there");
        let types = Types::new(&project).expect("the project is whole");
        types.state.lock().expect("nobody else holds it").patience = Duration::from_secs(2);
        let ask = |name: &str, start, end| {
            let file = project.files.iter().find(|file| &*file.display == name).expect("it was written");
            types.classes(&file.path, Span { start, end }, &file.read().expect("it is text"))
        };
        assert_eq!(ask("user.py", 12, 18), Answer::Unknown(Because::Budget));
        assert_eq!(ask("user.py", 12, 16), Answer::Unknown(Because::Budget));
        assert_eq!(ask("calm.py", 8, 9), Answer::Instance(vec!["builtins.list".into()]));
        assert_eq!((types.counts().abandoned, types.counts().budget_hits), (1, 2));
    }
}
