//! ty's types as dotted class names.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use ruff_db::parsed::parsed_module;
use rustc_hash::FxHashMap;
use ty_module_resolver::file_to_module;
use ty_python_core::definition::Definition;
use ty_python_core::scope::NodeWithScopeKind;
use ty_python_core::semantic_index;
use ty_python_semantic::types::{ProgramEnvironment, Type, TypeDefinition};

use super::{Answer, Because};
use crate::db::Db;

/// Types inside of types that are followed: a union in an alias in a union.
const NESTING: u32 = 8;

/// Collects the names of one type.
pub(super) struct Namer<'db> {
    db: &'db Db,
    environment: ProgramEnvironment<'db>,
    modules: &'db FxHashMap<PathBuf, Arc<str>>,
    instances: BTreeSet<Arc<str>>,
    classes: BTreeSet<Arc<str>>,
    module: Option<Arc<str>>,
    dynamic: bool,
}

impl<'db> Namer<'db> {
    pub(super) fn new(
        db: &'db Db,
        environment: ProgramEnvironment<'db>,
        modules: &'db FxHashMap<PathBuf, Arc<str>>,
    ) -> Namer<'db> {
        let (instances, classes) = (BTreeSet::new(), BTreeSet::new());
        Namer { db, environment, modules, instances, classes, module: None, dynamic: false }
    }

    /// The answer that a type gives.
    pub(super) fn answer(mut self, found: Type<'db>) -> Answer {
        self.collect(found, 0);
        if !self.instances.is_empty() {
            Answer::Instance(self.instances.into_iter().collect())
        } else if !self.classes.is_empty() {
            Answer::Class(self.classes.into_iter().collect())
        } else if let Some(module) = self.module {
            Answer::Module(module)
        } else {
            Answer::Unknown(if self.dynamic { Because::Dynamic } else { Because::NotInferred })
        }
    }

    fn collect(&mut self, found: Type<'db>, depth: u32) {
        if depth > NESTING {
            return;
        }
        let db = self.db;
        match found {
            Type::Dynamic(_) | Type::Divergent(_) => self.dynamic = true,
            Type::Union(union) => union.elements(db).iter().for_each(|element| self.collect(*element, depth + 1)),
            Type::Intersection(parts) => parts.iter_positive(db).for_each(|part| self.collect(part, depth + 1)),
            Type::TypeAlias(alias) => self.collect(alias.value_type(db), depth + 1),
            Type::NewTypeInstance(newtype) => self.collect(newtype.concrete_base_type(db), depth + 1),
            Type::ModuleLiteral(module) => self.module = Some(Arc::from(module.module(db).name(db).as_str())),
            Type::ClassLiteral(_) | Type::GenericAlias(_) | Type::SubclassOf(_) => {
                let name = self.defined(found);
                self.dynamic |= name.is_none();
                self.classes.extend(name);
            }
            Type::FunctionLiteral(_) => self.instance("types.FunctionType"),
            Type::BoundMethod(_) => self.instance("types.MethodType"),
            Type::PropertyInstance(_) => self.instance("builtins.property"),
            Type::TypeIs(_) | Type::TypeGuard(_) => self.instance("builtins.bool"),
            Type::NominalInstance(_)
            | Type::ProtocolInstance(_)
            | Type::LiteralValue(_)
            | Type::EnumComplement(_)
            | Type::TypedDict(_)
            | Type::BoundSuper(_)
            | Type::KnownBoundMethod(_)
            | Type::WrapperDescriptor(_) => {
                let name = self.defined(found);
                self.instances.extend(name);
            }
            Type::TypeVar(_)
            | Type::Never
            | Type::Callable(_)
            | Type::DataclassDecorator(_)
            | Type::DataclassTransformer(_)
            | Type::SpecialForm(_)
            | Type::KnownInstance(_)
            | Type::AlwaysTruthy
            | Type::AlwaysFalsy
            | Type::TypeForm(_) => {}
        }
    }

    fn instance(&mut self, name: &str) {
        self.instances.insert(Arc::from(name));
    }

    /// The dotted name of the class that defines a type.
    fn defined(&self, found: Type<'db>) -> Option<Arc<str>> {
        match found.definition(self.db, &self.environment)? {
            TypeDefinition::StaticClass(class) | TypeDefinition::DynamicClass(class) => self.dotted(class),
            // A member is named after its enumeration.
            TypeDefinition::EnumMember(member) => {
                let name = self.dotted(member)?;
                name.rsplit_once('.').map(|(class, _)| Arc::from(class))
            }
            TypeDefinition::Module(_)
            | TypeDefinition::Function(_)
            | TypeDefinition::TypeVar(_)
            | TypeDefinition::TypeAlias(_)
            | TypeDefinition::NewType(_)
            | TypeDefinition::SpecialForm(_) => None,
        }
    }

    /// The module and the qualified name of a definition, as Python's `__module__` and `__qualname__` say them.
    fn dotted(&self, definition: Definition<'db>) -> Option<Arc<str>> {
        let db = self.db;
        let file = definition.program_file(db);
        let own = definition.file(db).path(db).as_system_path();
        let own = own.and_then(|path| self.modules.get(path.as_std_path())).cloned();
        let module = own.or_else(|| Some(Arc::from(file_to_module(db, file.resolver_file(db))?.name(db).as_str())))?;
        let parsed = parsed_module(db, definition.python_file(db)).load(db);
        let index = semantic_index(db, file);
        let mut parts = vec![definition.name(db)?];
        for (id, scope) in index.ancestor_scopes(definition.file_scope(db)) {
            match scope.node() {
                NodeWithScopeKind::Class(_) => {}
                NodeWithScopeKind::Function(_) => parts.push("<locals>".to_owned()),
                _ => continue,
            }
            parts.push(id.to_scope_id(db, file).name(db, &parsed).to_string());
        }
        parts.push(module.to_string());
        parts.reverse();
        Some(Arc::from(parts.join(".")))
    }
}
