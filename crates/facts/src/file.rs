//! The facts of one file.

use bitcode::{Decode, Encode};
use raddle_vocabulary::Span;

use crate::flow::{Block, BlockId, Flow, Handler, Usage};
use crate::text::Symbols;
use crate::value::{Argument, ArgumentRange, ListRange, Sym, Value, ValueId};

/// A scope of the file; the module's is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ScopeId(pub u32);

/// A function or lambda of the file. The first one stands for the module's own code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct FunctionId(pub u32);

/// A class of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ClassId(pub u32);

/// A condition under which an act happens; the first stands for "always".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct GuardId(pub u32);

/// A `with` block an act stands in; the first stands for "none".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct HeldId(pub u32);

impl GuardId {
    /// No condition.
    pub const ALWAYS: GuardId = GuardId(0);
}

impl HeldId {
    /// No `with` block.
    pub const NOTHING: HeldId = HeldId(0);
}

impl FunctionId {
    /// The code at module level.
    pub const MODULE: FunctionId = FunctionId(0);
}

impl ScopeId {
    /// The module's scope.
    pub const MODULE: ScopeId = ScopeId(0);
}

/// What the scope belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum ScopeKind {
    /// The file.
    Module,
    /// A class body: its names are not seen by the functions in it.
    Class(ClassId),
    /// A function or lambda.
    Function(FunctionId),
}

/// A scope and everything that is ever bound in it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Scope {
    /// What it belongs to.
    pub kind: ScopeKind,
    /// The scope around it.
    pub parent: Option<ScopeId>,
    /// Every binding, sorted by name, in source order for one name.
    pub bindings: Vec<(Sym, ValueId)>,
    /// Modules whose public names are all imported, with leading dots.
    pub stars: Vec<Sym>,
}

/// How a parameter is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum ParameterKind {
    /// By position, or by name where Python allows it.
    Plain,
    /// `*args`.
    Star,
    /// By name only.
    Keyword,
    /// `**kwargs`.
    DoubleStar,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Parameter {
    /// Its name.
    pub name: Sym,
    /// How it is passed.
    pub kind: ParameterKind,
    /// Its annotation, as an expression.
    pub annotation: Option<ValueId>,
    /// Its default.
    pub default: Option<ValueId>,
}

/// A function, lambda, or the module's own code.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Function {
    /// Its name; `<lambda>` and `<module>` for those.
    pub name: Sym,
    /// Its name with the classes and functions around it: `Client.fetch`, `outer.inner`.
    pub qualified: Sym,
    /// Its scope.
    pub scope: ScopeId,
    /// The class whose body it stands in directly.
    pub class: Option<ClassId>,
    /// `async def`.
    pub is_async: bool,
    /// Whether it yields.
    pub is_generator: bool,
    /// A lambda.
    pub is_lambda: bool,
    /// Whether its body only says that a subclass must write it: `...`, `pass`, `raise NotImplementedError`.
    pub is_abstract: bool,
    /// Its parameters in order.
    pub parameters: Vec<Parameter>,
    /// The annotation of what it returns, as an expression.
    pub returns: Option<ValueId>,
    /// What it returns.
    pub returned: Vec<ValueId>,
    /// What it yields.
    pub yielded: Vec<ValueId>,
    /// Its decorators, outermost first.
    pub decorators: Vec<ValueId>,
    /// Its acts in the file's pool, in source order.
    pub acts: (u32, u32),
    /// Its control flow; empty in libraries, of which only signatures are read.
    pub body: BlockId,
    /// Its name in the source; for a lambda the whole expression.
    pub name_span: Span,
    /// All of it.
    pub span: Span,
}

/// A class.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Class {
    /// Its name.
    pub name: Sym,
    /// Its name with the classes and functions around it.
    pub qualified: Sym,
    /// The scope of its body.
    pub scope: ScopeId,
    /// Its bases, as expressions.
    pub bases: Vec<ValueId>,
    /// Its decorators.
    pub decorators: Vec<ValueId>,
    /// What its methods assign to attributes of their first parameter, sorted by name.
    pub attributes: Vec<(Sym, ValueId)>,
    /// Its name in the source.
    pub name_span: Span,
}

/// Under which condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum GuardKind {
    /// Nothing: the root of all chains.
    Always,
    /// The condition is true.
    If(ValueId),
    /// The condition is false.
    Unless(ValueId),
    /// The exception was raised by one of the acts of the `try` body (a range of the file's pool).
    Handler(ValueId, u32, u32),
    /// The `try` body (a range of the file's pool) raised nothing.
    NoException(u32, u32),
}

/// A condition, and the ones around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Guard {
    /// The condition around this one.
    pub parent: GuardId,
    /// The condition itself.
    pub kind: GuardKind,
}

/// A `with` item whose body an act stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Held {
    /// The item around this one.
    pub parent: HeldId,
    /// The context manager.
    pub manager: ValueId,
    /// Whether it is `async with`.
    pub is_async: bool,
    /// The context expression in the source.
    pub span: Span,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum ActKind {
    /// A call; the value is the [`Value::Call`].
    Call(ValueId),
    /// `with value`.
    Enter(ValueId),
    /// `async with value`.
    AsyncEnter(ValueId),
    /// `for … in value`, or a comprehension over it.
    Iterate(ValueId),
    /// `async for … in value`.
    AsyncIterate(ValueId),
    /// `await value`.
    Await(ValueId),
    /// `value.name` is read for the first time in the function; the value is the [`Value::Attribute`].
    Load(ValueId),
    /// `value[…]` is read for the first time in the function; the value is the [`Value::Subscript`].
    Index(ValueId),
    /// An attribute or item is read again.
    Again(ValueId),
    /// A variable is read: the [`Value::Name`] says of which scope. Names that only modules, classes, functions,
    /// parameters or literals are bound to are left out, and so is a name that is called on the spot.
    Read(ValueId),
    /// `place = value`: a name, an attribute or an item. `for`, `with` and unpacking write too.
    Write(ValueId, ValueId),
    /// `place += value` and its like: read, computed and written back.
    Update(ValueId, ValueId),
    /// `del place`.
    Delete(ValueId),
    /// `yield`, `yield from`.
    Yield,
    /// A loop that asks the same question again and does nothing in between.
    Spin,
}

/// Something a function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Act {
    /// What.
    pub kind: ActKind,
    /// Where.
    pub span: Span,
    /// Under which conditions.
    pub guard: GuardId,
    /// In which `with` blocks.
    pub held: HeldId,
    /// Whether the result is awaited on the spot, or entered or iterated with `async`.
    pub awaited: bool,
    /// Whether the result is thrown away: the call is a statement.
    pub discarded: bool,
    /// Whether it stands in a loop of the function.
    pub in_loop: bool,
    /// Whether an update takes away: `place -= value`.
    pub subtracts: bool,
    /// What becomes of the value.
    pub usage: Usage,
}

/// Everything known of one file.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FileFacts {
    /// The names.
    pub symbols: Symbols,
    /// The values; the first is [`Value::Unknown`].
    pub values: Vec<Value>,
    /// Pool of lists of values.
    pub lists: Vec<ValueId>,
    /// Pool of arguments.
    pub arguments: Vec<Argument>,
    /// The scopes; the first is the module's.
    pub scopes: Vec<Scope>,
    /// The functions; the first is the module's own code.
    pub functions: Vec<Function>,
    /// The classes.
    pub classes: Vec<Class>,
    /// Pool of acts.
    pub acts: Vec<Act>,
    /// The conditions; the first is [`GuardKind::Always`].
    pub guards: Vec<Guard>,
    /// The `with` items; the first stands for none.
    pub held: Vec<Held>,
    /// Pool of steps of control flow.
    pub flow: Vec<Flow>,
    /// Pool of blocks; the first is empty.
    pub blocks: Vec<Block>,
    /// Pool of handlers of `try`.
    pub handlers: Vec<Handler>,
    /// Pool of the cases of `match`.
    pub cases: Vec<BlockId>,
    /// Modules the file imports, sorted, with leading dots where it says so; submodules of `from` imports included
    /// as `module.name`.
    pub imports: Vec<Sym>,
    /// What `__all__` names, sorted by text, where it says so in literals.
    pub exports: Option<Vec<Sym>>,
    /// Guards that comments declare.
    pub declared_guards: Vec<crate::declared::DeclaredGuard>,
    /// Whether the tree was deeper than the walk goes, so that something is missing here.
    pub too_deep: bool,
}

impl FileFacts {
    /// The value behind an id.
    #[must_use]
    pub fn value(&self, id: ValueId) -> Value {
        self.values[id.0 as usize]
    }

    /// The values of a list.
    #[must_use]
    pub fn list(&self, range: ListRange) -> &[ValueId] {
        self.lists.get(range.start as usize..(range.start + range.len) as usize).unwrap_or_default()
    }

    /// The arguments of a call.
    #[must_use]
    pub fn arguments(&self, range: ArgumentRange) -> &[Argument] {
        &self.arguments[range.start as usize..(range.start + range.len) as usize]
    }

    /// The text of a name.
    #[must_use]
    pub fn text(&self, sym: Sym) -> &str {
        self.symbols.text(sym)
    }

    /// The last name of a dotted expression: `get` of `client.session.get`.
    #[must_use]
    pub fn last_name(&self, value: ValueId) -> Option<&str> {
        match self.value(value) {
            Value::Attribute(_, name) | Value::Name(_, name) | Value::ImportFrom(_, name) => Some(self.text(name)),
            _ => None,
        }
    }

    /// The last name of what is called; of several readings, that of the first.
    #[must_use]
    pub fn called_name(&self, callee: ValueId) -> Option<&str> {
        match self.value(callee) {
            Value::Union(list) => self.list(list).first().and_then(|it| self.called_name(*it)),
            _ => self.last_name(callee),
        }
    }

    /// The function behind an id.
    #[must_use]
    pub fn function(&self, id: FunctionId) -> &Function {
        &self.functions[id.0 as usize]
    }

    /// The class behind an id.
    #[must_use]
    pub fn class(&self, id: ClassId) -> &Class {
        &self.classes[id.0 as usize]
    }

    /// The scope behind an id.
    #[must_use]
    pub fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id.0 as usize]
    }

    /// What a function does, in source order.
    #[must_use]
    pub fn acts_of(&self, id: FunctionId) -> &[Act] {
        let (start, end) = self.function(id).acts;
        &self.acts[start as usize..end as usize]
    }

    /// The steps of a block.
    #[must_use]
    pub fn block(&self, id: BlockId) -> &[Flow] {
        let Block { start, end } = self.blocks[id.0 as usize];
        &self.flow[start as usize..end as usize]
    }

    /// The conditions an act stands under, innermost first.
    pub fn guards_of(&self, act: &Act) -> impl Iterator<Item = GuardKind> + '_ {
        let mut at = act.guard;
        std::iter::from_fn(move || {
            let guard = self.guards[at.0 as usize];
            (at != GuardId::ALWAYS).then(|| {
                at = guard.parent;
                guard.kind
            })
        })
    }

    /// The `with` items an act stands in, innermost first.
    pub fn held_by(&self, act: &Act) -> impl Iterator<Item = &Held> + '_ {
        let mut at = act.held;
        std::iter::from_fn(move || {
            let held = &self.held[at.0 as usize];
            (at != HeldId::NOTHING).then(|| {
                at = held.parent;
                held
            })
        })
    }

    /// Everything bound to a name in a scope, in source order.
    #[must_use]
    pub fn bindings(&self, scope: ScopeId, name: &str) -> &[(Sym, ValueId)] {
        match self.symbols.find(name) {
            Some(sym) => equal_range(&self.scope(scope).bindings, sym),
            None => &[],
        }
    }

    /// Everything the methods of a class assign to an attribute of `self`.
    #[must_use]
    pub fn attributes(&self, class: ClassId, name: &str) -> &[(Sym, ValueId)] {
        match self.symbols.find(name) {
            Some(sym) => equal_range(&self.class(class).attributes, sym),
            None => &[],
        }
    }
}

/// The entries of a list sorted by name that carry the name.
#[must_use]
pub fn equal_range(entries: &[(Sym, ValueId)], sym: Sym) -> &[(Sym, ValueId)] {
    let start = entries.partition_point(|(it, _)| *it < sym);
    let end = start + entries[start..].partition_point(|(it, _)| *it == sym);
    &entries[start..end]
}
