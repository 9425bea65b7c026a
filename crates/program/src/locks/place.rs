//! Which lock a value stands for: names, attributes, properties, factories and entries, followed to their place.

use std::sync::Arc;

use raddle_facts::{ArgumentRange, FileFacts, Keyword, ScopeId, ScopeKind, Sym, Value, ValueId};
use smallvec::SmallVec;

use super::peer::names_a_lock;
use super::{LockInfo, LockKey, LockRef, Owner, Root};
use crate::Program;
use crate::members::Ancestor;
use crate::unit::{ClassRef, FunctionRef, UnitId, ValueRef};
use crate::val::{Literal, Val};

/// Aliases are followed this far.
const DEEPEST: u8 = 8;

/// A place without what stands in it.
type Place = (LockKey, Owner);

impl Program {
    /// The lock a value of a function stands for.
    #[must_use]
    pub fn lock_at(&self, function: FunctionRef, value: ValueId) -> Option<LockRef> {
        let info = self.lock_info(ValueRef { unit: function.unit, value });
        let facts = &self.unit(function.unit).facts;
        if info.is_none() && !may_be_lock(facts, value) {
            return None;
        }
        let (key, owner) = self.place_of(function, value, 0)?;
        let info = self.info_of_key(&key).or(info);
        if info.is_none() && !matches!(key, LockKey::Parameter(..)) {
            return None;
        }
        Some(LockRef { key, owner, info })
    }

    /// What a lock is; nothing when the value is not surely a lock.
    #[must_use]
    pub fn lock_info(&self, at: ValueRef) -> Option<LockInfo> {
        let vals = self.evaluate(at);
        let mut found = None;
        for val in &vals.known {
            let info = match val {
                Val::Instance(class, _) => self.info_of_class(*class)?,
                Val::OutsideInstance(name) => self.info_of_name(name)?,
                Val::Literal(Literal::None) => continue,
                _ => return None,
            };
            found = Some(info);
        }
        found
    }

    fn info_of_name(&self, name: &str) -> Option<LockInfo> {
        let (kind, reentrant, waiter) = self.models.lock(name)?;
        Some(LockInfo { kind, reentrant, waiter })
    }

    fn info_of_class(&self, class: ClassRef) -> Option<LockInfo> {
        let info = self.ancestors(class).iter().find_map(|ancestor| match ancestor {
            Ancestor::Class(class) => self.info_of_name(&self.class_name(*class)),
            Ancestor::Outside(name) => self.info_of_name(name),
            Ancestor::Unknown => None,
        })?;
        // A class that takes the lock in its own way may let the holder in again.
        let own_way = self.own_method(class, &["acquire", "__enter__", "__aenter__"]).is_some();
        Some(LockInfo { reentrant: info.reentrant || own_way, ..info })
    }

    fn info_of_key(&self, key: &LockKey) -> Option<LockInfo> {
        if matches!(key, LockKey::Local(..)) {
            return None;
        }
        let (unit, bindings) = self.bindings_of_lock(key)?;
        bindings.iter().find_map(|(_, value)| self.lock_info(ValueRef { unit, value: *value }))
    }

    /// Where a value lives, whatever it is: a global, an attribute, a variable.
    #[must_use]
    pub fn place_key(&self, function: FunctionRef, value: ValueId) -> Option<LockKey> {
        self.place_of(function, value, 0).map(|(key, _)| key)
    }

    /// Where a value comes to rest.
    pub(super) fn place_of(&self, function: FunctionRef, value: ValueId, depth: u8) -> Option<Place> {
        if depth > DEEPEST {
            return None;
        }
        let unit = function.unit;
        let facts = &self.unit(unit).facts;
        match facts.value(value) {
            Value::Name(scope, sym) => self.named(unit, scope, sym, depth),
            Value::ImportFrom(module, name) => {
                let module = self.unit(unit).absolute(facts.text(module));
                let found = self.modules.find(unit, &module)?;
                self.global_place(found, facts.text(name), depth)
            }
            Value::Parameter(owner, place) => {
                let owner = FunctionRef { unit, function: owner };
                Some((LockKey::Parameter(owner, place), Owner::only()))
            }
            Value::Attribute(base, sym) => self.attribute_place(function, base, facts.text(sym), depth),
            Value::Subscript(base, _) | Value::Element(base) | Value::Unpacked(base, _) => {
                let (key, _) = self.place_of(function, base, depth + 1)?;
                Some((LockKey::Entry(Box::new(key)), Owner::unknown()))
            }
            Value::Call(callee, arguments) => self.called_place(function, value, callee, arguments, depth),
            Value::Union(list) => self.union_place(function, facts.list(list), depth),
            Value::Declared(_, inner) | Value::Narrowed(inner, _) | Value::Entered(inner) | Value::Await(inner) => {
                self.place_of(function, inner, depth + 1)
            }
            _ => None,
        }
    }

    fn union_place(&self, function: FunctionRef, list: &[ValueId], depth: u8) -> Option<Place> {
        let facts = &self.unit(function.unit).facts;
        let mut found: Option<Place> = None;
        for value in list.iter().filter(|it| facts.value(**it) != Value::None) {
            let place = self.place_of(function, *value, depth + 1)?;
            if found.as_ref().is_some_and(|it| *it != place) {
                return None;
            }
            found = Some(place);
        }
        found
    }

    fn named(&self, unit: UnitId, scope: ScopeId, sym: Sym, depth: u8) -> Option<Place> {
        let facts = &self.unit(unit).facts;
        let name = facts.text(sym);
        let mut at = Some(scope);
        while let Some(id) = at {
            let it = facts.scope(id);
            match it.kind {
                ScopeKind::Module => return self.global_place(unit, name, depth),
                ScopeKind::Function(owner) if !facts.bindings(id, name).is_empty() => {
                    let owner = FunctionRef { unit, function: owner };
                    if let [(_, value)] = facts.bindings(id, name)
                        && is_alias(facts, *value)
                        && let Some(place) = self.place_of(owner, *value, depth + 1)
                    {
                        return Some(place);
                    }
                    return Some((LockKey::Local(owner, name.into()), Owner::only()));
                }
                ScopeKind::Class(class) if id == scope && !facts.bindings(id, name).is_empty() => {
                    return Some((LockKey::Member(ClassRef { unit, class }, name.into()), Owner::only()));
                }
                _ => {}
            }
            at = it.parent;
        }
        None
    }

    fn global_place(&self, unit: UnitId, name: &str, depth: u8) -> Option<Place> {
        if depth > DEEPEST {
            return None;
        }
        let facts = &self.unit(unit).facts;
        let bindings = facts.bindings(ScopeId::MODULE, name);
        if let [(_, value)] = bindings
            && is_alias(facts, *value)
        {
            let module = FunctionRef { unit, function: raddle_facts::FunctionId::MODULE };
            if let Some(place) = self.place_of(module, *value, depth + 1) {
                return Some(place);
            }
        }
        (!bindings.is_empty()).then(|| (LockKey::Global(unit, name.into()), Owner::only()))
    }

    fn attribute_place(&self, function: FunctionRef, base: ValueId, name: &str, depth: u8) -> Option<Place> {
        let vals = self.evaluate(ValueRef { unit: function.unit, value: base });
        for val in &vals.known {
            match val {
                Val::Instance(class, _) if self.is_own(class.unit) => {
                    let owner = self.owner_of(function, base, 0);
                    return self.member_place(*class, name, &owner, depth);
                }
                Val::Class(class) if self.is_own(class.unit) => {
                    return self.member_place(*class, name, &Owner::only(), depth);
                }
                Val::Module(unit) if self.is_own(*unit) => return self.global_place(*unit, name, depth + 1),
                Val::Instance(class, _) => {
                    let key = LockKey::Outside(format!("{}.{name}", self.class_name(*class)).into());
                    return Some((key, self.owner_of(function, base, 0)));
                }
                _ => {}
            }
        }
        self.lock_of_peer(function, base, name)
    }

    /// An attribute by the class that defines it; a property by what it returns.
    fn member_place(&self, class: ClassRef, name: &str, owner: &Owner, depth: u8) -> Option<Place> {
        let mut found = None;
        for ancestor in self.ancestors(class).iter() {
            let Ancestor::Class(at) = ancestor else { continue };
            if !self.is_own(at.unit) {
                continue;
            }
            let facts = &self.unit(at.unit).facts;
            let in_body = facts.bindings(facts.class(at.class).scope, name);
            let assigned = facts.attributes(at.class, name);
            if found.is_none()
                && let [(_, value)] = in_body
                && let Value::Function(getter) = facts.value(*value)
            {
                let getter = FunctionRef { unit: at.unit, function: getter };
                if !self.decoration(getter).is_property {
                    return None;
                }
                return self.returned_place(getter, Some(owner), depth);
            }
            if found.is_none()
                && let [(_, value)] = assigned
                && is_alias(facts, *value)
                && let Some((key, it)) = self.assigned_place(*at, *value, depth)
            {
                match it.root {
                    Root::Only if !matches!(key, LockKey::Parameter(..) | LockKey::Local(..)) => {
                        return Some((key, it));
                    }
                    // Another name for a lock of the same object, such as a condition of it.
                    Root::Parameter(of, 0) if self.class_of(of) == Some(*at) => {
                        let mut all = owner.clone();
                        all.fields.extend(it.fields);
                        return Some((key, all));
                    }
                    _ => {}
                }
            }
            // A subclass that assigns it anew means the attribute of its base.
            if !assigned.is_empty() || in_body.iter().any(|(_, value)| is_field(facts, *value)) {
                found = Some((LockKey::Member(*at, name.into()), owner.clone()));
            } else if !in_body.is_empty() && found.is_none() {
                return Some((LockKey::Member(*at, name.into()), Owner::only()));
            }
        }
        found
    }

    /// The place of what a method assigns to an attribute; any method of the class does as the asker.
    fn assigned_place(&self, class: ClassRef, value: ValueId, depth: u8) -> Option<Place> {
        let module = FunctionRef { unit: class.unit, function: raddle_facts::FunctionId::MODULE };
        self.place_of(module, value, depth + 1)
    }

    /// Where what a function returns lives, in the words of its caller.
    fn returned_place(&self, callee: FunctionRef, receiver: Option<&Owner>, depth: u8) -> Option<Place> {
        let returned = &self.function(callee).returned;
        let mut found: Option<Place> = None;
        for value in returned {
            let (key, owner) = self.place_of(callee, *value, depth + 1)?;
            let owner = match (owner.root, receiver) {
                (Root::Only, _) => owner,
                (Root::Parameter(of, 0), Some(receiver)) if of == callee => {
                    let mut all = receiver.clone();
                    all.fields.extend(owner.fields);
                    all
                }
                _ => Owner::unknown(),
            };
            if matches!(key, LockKey::Parameter(..))
                || found.as_ref().is_some_and(|it| *it != (key.clone(), owner.clone()))
            {
                return None;
            }
            found = Some((key, owner));
        }
        found
    }

    fn called_place(
        &self,
        function: FunctionRef,
        value: ValueId,
        callee: ValueId,
        arguments: ArgumentRange,
        depth: u8,
    ) -> Option<Place> {
        let facts = &self.unit(function.unit).facts;
        if let Value::Attribute(base, name) = facts.value(callee)
            && matches!(facts.text(name), "get" | "setdefault" | "pop")
            && let Some((key, _)) = self.place_of(function, base, depth + 1)
        {
            return Some((LockKey::Entry(Box::new(key)), Owner::unknown()));
        }
        for val in &self.evaluate(ValueRef { unit: function.unit, value: callee }).known {
            match val {
                Val::Function(callee) if self.is_own(callee.unit) => return self.returned_place(*callee, None, depth),
                Val::Bound(callee, _) if self.is_own(callee.unit) => {
                    let Value::Attribute(base, _) = facts.value(facts_callee(facts, value)?) else { return None };
                    let receiver = self.owner_of(function, base, 0);
                    return self.returned_place(*callee, Some(&receiver), depth);
                }
                _ => {}
            }
        }
        let first = facts
            .arguments(arguments)
            .first()
            .filter(|it| it.keyword == Keyword::Positional || self.is_lock_keyword(facts, it.keyword));
        if let Some(first) = first
            && self.lock_info(ValueRef { unit: function.unit, value: first.value }).is_some()
        {
            // A condition is the lock it was given.
            return self.place_of(function, first.value, depth + 1);
        }
        self.local_name(function, value)
    }

    fn is_lock_keyword(&self, facts: &FileFacts, keyword: Keyword) -> bool {
        matches!(keyword, Keyword::Named(name) if facts.text(name) == "lock")
    }

    /// The one variable that a value made here is bound to.
    fn local_name(&self, function: FunctionRef, value: ValueId) -> Option<Place> {
        let facts = &self.unit(function.unit).facts;
        let scope = facts.function(function.function).scope;
        let mut names = facts.scope(scope).bindings.iter().filter(|(_, it)| *it == value);
        let (sym, _) = names.next()?;
        if names.next().is_some() {
            return None;
        }
        let name: Arc<str> = facts.text(*sym).into();
        Some(match scope {
            ScopeId::MODULE => (LockKey::Global(function.unit, name), Owner::only()),
            _ => (LockKey::Local(function, name), Owner::only()),
        })
    }

    /// How a function reaches an object.
    pub(crate) fn owner_of(&self, function: FunctionRef, value: ValueId, depth: u8) -> Owner {
        let facts = &self.unit(function.unit).facts;
        if depth > DEEPEST {
            return Owner::unknown();
        }
        match facts.value(value) {
            Value::Parameter(owner, place) => {
                let owner = FunctionRef { unit: function.unit, function: owner };
                Owner { root: Root::Parameter(owner, place), fields: SmallVec::new() }
            }
            Value::Super(_, owner) => {
                let owner = FunctionRef { unit: function.unit, function: owner };
                Owner { root: Root::Parameter(owner, 0), fields: SmallVec::new() }
            }
            Value::Attribute(base, name) => {
                let mut owner = self.owner_of(function, base, depth + 1);
                if owner.root != Root::Unknown {
                    owner.fields.push(facts.text(name).into());
                }
                owner
            }
            Value::Name(scope, sym) => self.owner_named(function, scope, sym, depth),
            Value::ImportFrom(..) | Value::Import(_) | Value::Class(_) => Owner {
                root: Root::Only,
                fields: smallvec::smallvec![format!("{}:{}", function.unit.0, value.0).into()],
            },
            Value::Declared(_, inner) | Value::Narrowed(inner, _) => self.owner_of(function, inner, depth + 1),
            _ => Owner::unknown(),
        }
    }

    fn owner_named(&self, function: FunctionRef, scope: ScopeId, sym: Sym, depth: u8) -> Owner {
        let facts = &self.unit(function.unit).facts;
        let name = facts.text(sym);
        let mut at = Some(scope);
        while let Some(id) = at {
            let bindings = facts.bindings(id, name);
            if !bindings.is_empty() {
                if let [(_, value)] = bindings
                    && matches!(facts.value(*value), Value::Parameter(..) | Value::Attribute(..))
                {
                    return self.owner_of(function, *value, depth + 1);
                }
                return match facts.scope(id).kind {
                    ScopeKind::Module => {
                        let name = format!("{}:{name}", function.unit.0);
                        Owner { root: Root::Only, fields: smallvec::smallvec![name.into()] }
                    }
                    ScopeKind::Function(owner) => {
                        let owner = FunctionRef { unit: function.unit, function: owner };
                        Owner { root: Root::Local(owner, sym.0), fields: SmallVec::new() }
                    }
                    ScopeKind::Class(_) => Owner::unknown(),
                };
            }
            at = facts.scope(id).parent;
        }
        Owner::unknown()
    }
}

fn facts_callee(facts: &FileFacts, call: ValueId) -> Option<ValueId> {
    match facts.value(call) {
        Value::Call(callee, _) => Some(callee),
        _ => None,
    }
}

/// What a dataclass makes anew for each instance: `field(default_factory=Lock)`.
fn is_field(facts: &FileFacts, value: ValueId) -> bool {
    match facts.value(value) {
        Value::Call(callee, _) => {
            matches!(facts.called_name(callee), Some("field" | "Field" | "attrib" | "ib" | "PrivateAttr" | "Factory"))
        }
        Value::Declared(_, inner) => is_field(facts, inner),
        _ => false,
    }
}

/// Whether a value only stands for another one.
fn is_alias(facts: &FileFacts, value: ValueId) -> bool {
    match facts.value(value) {
        Value::Name(..) | Value::ImportFrom(..) | Value::Attribute(..) | Value::Parameter(..) => true,
        Value::Call(_, arguments) => arguments.len > 0,
        Value::Declared(_, inner) => is_alias(facts, inner),
        _ => false,
    }
}

/// Whether a value could be a lock that only its place knows.
fn may_be_lock(facts: &FileFacts, value: ValueId) -> bool {
    match facts.value(value) {
        Value::Parameter(..) => true,
        Value::Attribute(_, name) | Value::Name(_, name) => names_a_lock(facts.text(name)),
        _ => false,
    }
}
