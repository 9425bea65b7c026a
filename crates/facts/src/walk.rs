//! The one walk over a syntax tree.
//!
//! Names are followed by reaching definitions inside a function (an `if` joins, a loop falls back on "every binding of
//! the name"), and by scope, all bindings together, from outside. Code that cannot be reached is not walked.

mod body;
mod build;
mod definitions;
mod expressions;
mod flow;
mod statements;
mod statics;

use raddle_source::syntax::ast::{self, Stmt};
use raddle_vocabulary::Span;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::file::{
    Act, ActKind, Class, ClassId, FileFacts, Function, FunctionId, Guard, GuardId, GuardKind, Held, HeldId, Scope,
    ScopeId, ScopeKind,
};
use crate::flow::{Block, BlockId, Flow, Handler, Usage};
use crate::value::{Sym, Value, ValueId};
use body::Body;
use build::Build;
use flow::Bindings;

/// How much of a file is of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Values and acts: the project's own files.
    Everything,
    /// Values only, nothing that is done: stubs and libraries.
    Signatures,
}

/// What conditions such as `sys.version_info >= (3, 11)` are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Environment {
    /// Major and minor version.
    pub python_version: (u8, u8),
}

/// Walks a module once.
#[must_use]
pub fn walk(module: &ast::ModModule, depth: Depth, environment: Environment) -> FileFacts {
    let mut walker = Walker::new(depth, environment);
    let body: &[Stmt] = &module.body;
    walker.module(body, span(module));
    walker.finish()
}

/// Expressions nested deeper than this are not followed.
const DEEPEST: u32 = 30_000;

pub(crate) fn span(node: &impl raddle_source::syntax::Ranged) -> Span {
    Span { start: node.start().to_u32(), end: node.end().to_u32() }
}

struct Walker {
    build: Build,
    environment: Environment,
    scopes: Vec<Scope>,
    functions: Vec<Function>,
    classes: Vec<Class>,
    acts: Vec<Act>,
    guards: Vec<Guard>,
    held: Vec<Held>,
    flow: Vec<Flow>,
    blocks: Vec<Block>,
    handlers: Vec<Handler>,
    cases: Vec<BlockId>,
    imports: FxHashSet<Sym>,
    exports: Exports,
    frame: Frame,
    /// Above zero nothing that is done is written down: annotations, `if TYPE_CHECKING`, libraries.
    silent: u32,
    /// Inside an annotation strings are expressions and `|` makes unions.
    annotating: bool,
    /// What becomes of the expression that is walked next.
    usage: Usage,
    /// Names that the module binds to imports, functions and classes: reading them is no news.
    dull: FxHashSet<Sym>,
    nesting: u32,
    too_deep: bool,
}

/// What `__all__` says.
enum Exports {
    Unsaid,
    Names(Vec<Sym>),
    /// It is put together in a way that the walk does not follow.
    Computed,
}

/// The function that is being walked.
struct Frame {
    function: FunctionId,
    scope: ScopeId,
    /// The class whose method this is, and the name of the method's first parameter.
    receiver: Option<(ClassId, Sym)>,
    bindings: Bindings,
    reachable: bool,
    acts: Vec<Act>,
    body: Body,
    guard: GuardId,
    /// Guards whose act ranges are still relative to this function.
    relative: Vec<GuardId>,
    held: HeldId,
    loops: u32,
    loaded: FxHashSet<ValueId>,
    outer_names: FxHashMap<Sym, ScopeId>,
    returned: Vec<ValueId>,
    yielded: Vec<ValueId>,
    /// `Client.fetch.` for what is defined inside `Client.fetch`.
    qualifier: String,
}

impl Frame {
    fn new(function: FunctionId, scope: ScopeId, qualifier: String) -> Frame {
        Frame {
            function,
            scope,
            receiver: None,
            bindings: Bindings::default(),
            reachable: true,
            acts: Vec::new(),
            body: Body::new(),
            guard: GuardId::ALWAYS,
            relative: Vec::new(),
            held: HeldId::NOTHING,
            loops: 0,
            loaded: FxHashSet::default(),
            outer_names: FxHashMap::default(),
            returned: Vec::new(),
            yielded: Vec::new(),
            qualifier,
        }
    }
}

impl Walker {
    fn new(depth: Depth, environment: Environment) -> Walker {
        let nothing = Span { start: 0, end: 0 };
        Walker {
            build: Build::new(),
            environment,
            scopes: vec![Scope { kind: ScopeKind::Module, parent: None, bindings: Vec::new(), stars: Vec::new() }],
            functions: Vec::new(),
            classes: Vec::new(),
            acts: Vec::new(),
            guards: vec![Guard { parent: GuardId::ALWAYS, kind: GuardKind::Always }],
            held: vec![Held { parent: HeldId::NOTHING, manager: ValueId::UNKNOWN, is_async: false, span: nothing }],
            flow: Vec::new(),
            blocks: vec![Block { start: 0, end: 0 }],
            handlers: Vec::new(),
            cases: Vec::new(),
            imports: FxHashSet::default(),
            exports: Exports::Unsaid,
            frame: Frame::new(FunctionId::MODULE, ScopeId::MODULE, String::new()),
            silent: u32::from(depth == Depth::Signatures),
            annotating: false,
            usage: Usage::Operand,
            dull: FxHashSet::default(),
            nesting: 0,
            too_deep: false,
        }
    }

    fn module(&mut self, body: &[Stmt], span: Span) {
        let name = self.build.symbol("<module>");
        self.functions.push(Function {
            name,
            qualified: name,
            scope: ScopeId::MODULE,
            class: None,
            is_async: false,
            is_generator: false,
            is_lambda: false,
            is_abstract: false,
            parameters: Vec::new(),
            returns: None,
            returned: Vec::new(),
            yielded: Vec::new(),
            decorators: Vec::new(),
            acts: (0, 0),
            body: BlockId::EMPTY,
            name_span: Span { start: span.start, end: span.start },
            span,
        });
        self.block(body);
        self.close_frame();
    }

    /// Moves what the frame collected into its function.
    fn close_frame(&mut self) {
        let base = u32::try_from(self.acts.len()).expect("a file does fewer than 2^32 things");
        for id in &self.frame.relative {
            let guard = &mut self.guards[id.0 as usize];
            match &mut guard.kind {
                GuardKind::Handler(_, start, end) | GuardKind::NoException(start, end) => {
                    *start += base;
                    *end += base;
                }
                GuardKind::Always | GuardKind::If(_) | GuardKind::Unless(_) => {}
            }
        }
        let body = self.close_body(base);
        self.acts.append(&mut self.frame.acts);
        let end = u32::try_from(self.acts.len()).expect("a file does fewer than 2^32 things");
        let function = &mut self.functions[self.frame.function.0 as usize];
        function.acts = (base, end);
        function.body = body;
        function.returned = std::mem::take(&mut self.frame.returned);
        function.yielded = std::mem::take(&mut self.frame.yielded);
    }

    fn finish(mut self) -> FileFacts {
        for scope in &mut self.scopes {
            scope.bindings.sort_by_key(|(sym, _)| *sym);
            scope.bindings.dedup();
        }
        for class in &mut self.classes {
            class.attributes.sort_by_key(|(sym, _)| *sym);
            class.attributes.dedup();
        }
        let mut imports: Vec<Sym> = self.imports.into_iter().collect();
        imports.sort_by(|a, b| self.build.text(*a).cmp(self.build.text(*b)));
        let exports = match self.exports {
            Exports::Names(mut names) => {
                names.sort_by(|a, b| self.build.text(*a).cmp(self.build.text(*b)));
                names.dedup();
                Some(names)
            }
            Exports::Unsaid | Exports::Computed => None,
        };
        let (symbols, values, lists, arguments) = self.build.finish();
        FileFacts {
            symbols,
            values,
            lists,
            arguments,
            scopes: self.scopes,
            functions: self.functions,
            classes: self.classes,
            acts: self.acts,
            guards: self.guards,
            held: self.held,
            flow: self.flow,
            blocks: self.blocks,
            handlers: self.handlers,
            cases: self.cases,
            imports,
            exports,
            declared_guards: Vec::new(),
            too_deep: self.too_deep,
        }
    }

    fn act(&mut self, kind: ActKind, span: Span) {
        self.act_used(kind, span, Usage::Operand);
    }

    fn act_used(&mut self, kind: ActKind, span: Span, usage: Usage) {
        if self.silent == 0 && self.frame.reachable {
            self.frame.acts.push(Act {
                kind,
                span,
                guard: self.frame.guard,
                held: self.frame.held,
                awaited: false,
                discarded: false,
                subtracts: false,
                in_loop: self.frame.loops > 0,
                usage,
            });
        }
    }

    /// `place += value` and its like.
    fn update(&mut self, place: ValueId, value: ValueId, span: Span, subtracts: bool) {
        let before = self.frame.acts.len();
        self.act(ActKind::Update(place, value), span);
        for act in &mut self.frame.acts[before..] {
            act.subtracts = subtracts;
        }
    }

    /// Notes that the call that was just made gives something to await.
    fn note_awaited(&mut self, value: ValueId) {
        if self.silent == 0
            && let Some(last) = self.frame.acts.last_mut()
            && last.kind == ActKind::Call(value)
        {
            last.awaited = true;
        }
    }

    fn guard(&mut self, kind: GuardKind) -> GuardId {
        let id = GuardId(u32::try_from(self.guards.len()).expect("a file has fewer than 2^32 conditions"));
        self.guards.push(Guard { parent: self.frame.guard, kind });
        if matches!(kind, GuardKind::Handler(..) | GuardKind::NoException(..)) {
            self.frame.relative.push(id);
        }
        id
    }

    fn silently<T>(&mut self, work: impl FnOnce(&mut Walker) -> T) -> T {
        self.silent += 1;
        let result = work(self);
        self.silent -= 1;
        result
    }

    /// Notes that a variable is read, where that can matter to anybody.
    fn note_read(&mut self, sym: Sym, span: Span, usage: Usage) {
        if self.silent > 0 || self.annotating || usage == Usage::Callee {
            return;
        }
        let scope = if let Some(scope) = self.frame.outer_names.get(&sym) {
            *scope
        } else if let Some(reaching) = self.frame.bindings.get(sym) {
            let matters = reaching.iter().any(|it| {
                !matches!(
                    self.build.get(*it),
                    Value::Parameter(..)
                        | Value::Import(_)
                        | Value::ImportFrom(..)
                        | Value::Function(_)
                        | Value::Class(_)
                        | Value::None
                        | Value::True
                        | Value::False
                        | Value::Zero
                        | Value::One
                        | Value::Number
                        | Value::Large
                        | Value::Text
                        | Value::Bytes
                )
            });
            if !matters {
                return;
            }
            self.frame.scope
        } else if self.dull.contains(&sym) {
            return;
        } else {
            self.frame.scope
        };
        let place = self.build.value(Value::Name(scope, sym));
        self.act_used(ActKind::Read(place), span, usage);
    }

    /// The variable that a name binds here.
    fn variable(&mut self, sym: Sym) -> ValueId {
        let scope = self.frame.outer_names.get(&sym).copied().unwrap_or(self.frame.scope);
        self.build.value(Value::Name(scope, sym))
    }

    /// What reading a name gives at this point.
    fn read(&mut self, sym: Sym) -> ValueId {
        if self.annotating {
            return self.build.value(Value::Name(self.frame.scope, sym));
        }
        if let Some(scope) = self.frame.outer_names.get(&sym) {
            return self.build.value(Value::Name(*scope, sym));
        }
        match self.frame.bindings.get(sym) {
            Some([one]) => *one,
            Some(several) => {
                let several = several.to_vec();
                self.build.union(several)
            }
            None => self.build.value(Value::Name(self.frame.scope, sym)),
        }
    }

    /// Binds a name in the current scope, or in the one a `global` or `nonlocal` statement named.
    fn write(&mut self, sym: Sym, value: ValueId) {
        if let Some(scope) = self.frame.outer_names.get(&sym) {
            self.scopes[scope.0 as usize].bindings.push((sym, value));
            return;
        }
        self.scopes[self.frame.scope.0 as usize].bindings.push((sym, value));
        if self.frame.scope == ScopeId::MODULE {
            match self.build.get(value) {
                Value::Import(_) | Value::ImportFrom(..) | Value::Function(_) | Value::Class(_) => {
                    self.dull.insert(sym);
                }
                _ => {
                    self.dull.remove(&sym);
                }
            }
        }
        self.frame.bindings.set(sym, value);
    }
}
