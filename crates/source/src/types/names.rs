//! ty's types as dotted class names.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use ruff_db::parsed::parsed_module;
use rustc_hash::FxHashMap;
use ty_module_resolver::file_to_module;
use ty_python_core::definition::Definition;
use ty_python_core::scope::{FileScopeId, NodeWithScopeKind};
use ty_python_core::{ProgramFile, semantic_index};
use ty_python_semantic::SemanticModel;
use ty_python_semantic::types::{ProgramEnvironment, Type, TypeDefinition, TypeVarKind};

use super::{Answer, Because};
use crate::db::Db;

/// Types inside of types that are followed: a union in an alias in a union.
const NESTING: u32 = 8;

/// Collects the names of one type.
pub(super) struct Namer<'db> {
    db: &'db Db,
    environment: ProgramEnvironment<'db>,
    modules: &'db FxHashMap<PathBuf, Arc<str>>,
    /// Where the expression stands.
    file: ProgramFile<'db>,
    scope: FileScopeId,
    instances: BTreeSet<Arc<str>>,
    classes: BTreeSet<Arc<str>>,
    module: Option<Arc<str>>,
    dynamic: bool,
}

impl<'db> Namer<'db> {
    pub(super) fn new(
        db: &'db Db,
        model: &SemanticModel<'db>,
        scope: FileScopeId,
        modules: &'db FxHashMap<PathBuf, Arc<str>>,
    ) -> Namer<'db> {
        Namer {
            db,
            environment: model.program_environment(),
            modules,
            file: model.program_file(),
            scope,
            instances: BTreeSet::new(),
            classes: BTreeSet::new(),
            module: None,
            dynamic: false,
        }
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
            Type::ClassLiteral(_) | Type::GenericAlias(_) => {
                let name = self.defined(found);
                self.classes.extend(name);
            }
            Type::SubclassOf(_) => match self.defined(found) {
                Some(name) => self.classes.extend([name]),
                // ty keeps what a `type[…]` is made of to itself, but says it.
                None if found.display(db, &self.environment).to_string().starts_with("type[Self@") => {
                    self.classes.extend(self.enclosing_class());
                }
                None => self.dynamic = true,
            },
            Type::TypeVar(variable) if variable.typevar(db).kind(db) == TypeVarKind::TypingSelf => {
                self.instances.extend(self.enclosing_class());
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

    /// The dotted name of the class around the expression.
    fn enclosing_class(&self) -> Option<Arc<str>> {
        let index = semantic_index(self.db, self.file);
        let mut scopes = index.ancestor_scopes(self.scope);
        let (class, _) = scopes.find(|(_, scope)| matches!(scope.node(), NodeWithScopeKind::Class(_)))?;
        self.qualified(self.file, class, None)
    }

    fn dotted(&self, definition: Definition<'db>) -> Option<Arc<str>> {
        let name = definition.name(self.db)?;
        self.qualified(definition.program_file(self.db), definition.file_scope(self.db), Some(name))
    }

    /// The module and the qualified name of what a scope defines, as Python's `__module__` and `__qualname__` say them.
    fn qualified(&self, file: ProgramFile<'db>, scope: FileScopeId, name: Option<String>) -> Option<Arc<str>> {
        let db = self.db;
        let own = file.file(db).path(db).as_system_path();
        let own = own.and_then(|path| self.modules.get(path.as_std_path())).cloned();
        let module = own.or_else(|| Some(Arc::from(file_to_module(db, file.resolver_file(db))?.name(db).as_str())))?;
        let parsed = parsed_module(db, file.python_file(db)).load(db);
        let mut parts: Vec<String> = name.into_iter().collect();
        for (id, scope) in semantic_index(db, file).ancestor_scopes(scope) {
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
