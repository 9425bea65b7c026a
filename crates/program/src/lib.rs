//! All files together: who calls whom, who runs where, and what it leads to.
//!
//! A [`Program`] links the facts of the project's files and of the library stubs they import. Values are evaluated on
//! demand ([`evaluate`]), calls are resolved to targets ([`calls`]), functions are coloured with the actors that run
//! them ([`runs_on`]), and blocking calls are followed back to the event loop ([`effects`]). Nothing here knows a tree,
//! a file system or a sentence.

pub mod actors;
pub mod async_overrides;
pub mod awaitable;
pub mod calls;
pub mod cancel;
pub mod cpu;
pub mod crossing;
pub mod decoration;
pub mod effects;
pub mod endless;
pub mod evaluate;
pub mod guards;
pub mod handing;
pub mod held;
pub mod origin;
pub mod pending;
pub mod pickling;
pub mod raised;
mod ruled_out;
pub mod runners;
pub mod runs_on;
pub mod sharing;
pub mod spawns;
pub mod threads;
pub mod unit;
pub mod user_code;
pub mod val;
pub mod wrong_sinks;

pub mod library;
pub mod lock_order;
pub mod locks;

pub mod members;
mod memo;
mod modules;
mod typing;

use std::sync::Arc;

use raddle_facts::models::Models;
use raddle_facts::{ClassId, FunctionId, ScopeKind};
use rustc_hash::FxHashMap;

pub use members::Ancestor;
pub use modules::Modules;
pub use unit::{ClassRef, FunctionRef, Origin, Unit, UnitId, ValueRef};

/// Everything known of the project.
pub struct Program {
    /// The project's files first, in order of their paths, then the library's.
    pub units: Vec<Unit>,
    /// Number of units that belong to the project.
    pub own: usize,
    /// Module names.
    pub modules: Modules,
    /// What is known of libraries.
    pub models: Arc<Models>,
    /// The oldest Python that the project is judged by.
    pub python_version: (u8, u8),
    pub(crate) memo: memo::Memo,
    builtins: Option<UnitId>,
    subclasses: FxHashMap<ClassRef, Vec<ClassRef>>,
    properties: rustc_hash::FxHashSet<Box<str>>,
}

impl Program {
    /// Links units; the project's own come first.
    #[must_use]
    pub fn link(units: Vec<Unit>, models: Arc<Models>) -> Program {
        let own = units.iter().take_while(|it| it.origin == Origin::Project).count();
        let modules = Modules::new(&units);
        let builtins = modules.library("builtins");
        let memo = memo::Memo::of(units.iter().map(|it| it.facts.values.len()));
        let mut program = Program {
            units,
            own,
            modules,
            models,
            python_version: (3, 10),
            memo,
            builtins,
            subclasses: FxHashMap::default(),
            properties: rustc_hash::FxHashSet::default(),
        };
        program.subclasses = members::direct_subclasses(&program);
        program.properties = decoration::property_names(&program);
        program
    }

    /// The unit behind an id.
    #[must_use]
    pub fn unit(&self, id: UnitId) -> &Unit {
        &self.units[id.0 as usize]
    }

    /// The function behind a reference.
    #[must_use]
    pub fn function(&self, at: FunctionRef) -> &raddle_facts::Function {
        self.unit(at.unit).facts.function(at.function)
    }

    /// The class behind a reference.
    #[must_use]
    pub fn class(&self, at: ClassRef) -> &raddle_facts::Class {
        self.unit(at.unit).facts.class(at.class)
    }

    /// The project's units with their ids.
    pub fn own_units(&self) -> impl Iterator<Item = (UnitId, &Unit)> {
        self.units[..self.own].iter().enumerate().map(|(at, unit)| (UnitId(at as u32), unit))
    }

    /// Whether the unit belongs to the project.
    #[must_use]
    pub fn is_own(&self, unit: UnitId) -> bool {
        (unit.0 as usize) < self.own
    }

    /// `package.module.Class` of a class, by its public path.
    #[must_use]
    pub fn class_name(&self, at: ClassRef) -> Arc<str> {
        let unit = self.unit(at.unit);
        let name = format!("{}.{}", unit.module, unit.facts.text(self.class(at).qualified));
        self.models.canonical(&name).into_owned().into()
    }

    /// `package.module.Class.method` of a function, by its public path.
    #[must_use]
    pub fn function_name(&self, at: FunctionRef) -> Arc<str> {
        let unit = self.unit(at.unit);
        let name = format!("{}.{}", unit.module, unit.facts.text(self.function(at).qualified));
        self.models.canonical(&name).into_owned().into()
    }

    /// `Class.method` as a person of the project would say it.
    #[must_use]
    pub fn short_name(&self, at: FunctionRef) -> String {
        self.unit(at.unit).facts.text(self.function(at).qualified).to_owned()
    }

    /// The function in whose body another one is defined; a method's class is looked through.
    #[must_use]
    pub fn enclosing_function(&self, at: FunctionRef) -> Option<FunctionRef> {
        let facts = &self.unit(at.unit).facts;
        let mut scope = facts.scope(facts.function(at.function).scope).parent;
        while let Some(id) = scope {
            let it = facts.scope(id);
            if let ScopeKind::Function(function) = it.kind {
                return Some(FunctionRef { unit: at.unit, function });
            }
            scope = it.parent;
        }
        None
    }

    /// The class in whose body the function stands.
    #[must_use]
    pub fn class_of(&self, at: FunctionRef) -> Option<ClassRef> {
        self.function(at).class.map(|class| ClassRef { unit: at.unit, class })
    }

    /// Classes of the project that name this one among their bases, in order.
    #[must_use]
    pub fn subclasses(&self, at: ClassRef) -> &[ClassRef] {
        self.subclasses.get(&at).map_or(&[], |it| it)
    }

    /// Whether some class has a property of this name.
    #[must_use]
    pub(crate) fn is_property_name(&self, name: &str) -> bool {
        self.properties.contains(name)
    }

    pub(crate) fn builtins(&self) -> Option<UnitId> {
        self.builtins
    }

    /// Every function of a unit.
    pub fn functions_of(&self, unit: UnitId) -> impl Iterator<Item = FunctionRef> + use<> {
        let count = self.unit(unit).facts.functions.len() as u32;
        (0..count).map(move |at| FunctionRef { unit, function: FunctionId(at) })
    }

    /// Every class of a unit.
    pub fn classes_of(&self, unit: UnitId) -> impl Iterator<Item = ClassRef> + use<> {
        let count = self.unit(unit).facts.classes.len() as u32;
        (0..count).map(move |at| ClassRef { unit, class: ClassId(at) })
    }
}
