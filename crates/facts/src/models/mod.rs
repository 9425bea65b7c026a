//! What raddle knows of libraries without reading their code, ready to be asked by name.

mod schema;

use std::sync::Arc;

use raddle_vocabulary::{Cause, Cost};
use rustc_hash::{FxHashMap, FxHashSet};

pub use schema::{
    Argument, Blocks, Calls, Entry, HandsOver, Is, LockClass, LockKind, Model, Often, Packing, Runner, Sends, Slot,
    Unpicklable, Waiter,
};

/// Every model file that comes with raddle: path under `models/`, text.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/models.rs"));

/// Why a call blocks, by its model.
#[derive(Debug, Clone, PartialEq)]
pub struct Blocking {
    /// What it waits for.
    pub cause: Cause,
    /// For how long it tends to.
    pub cost: Cost,
    /// What to use instead.
    pub instead: Option<Arc<str>>,
    /// It does not block when any of these holds.
    pub unless: Vec<Argument>,
    /// It blocks only when all of these hold.
    pub only_if: Vec<Argument>,
    /// The library that says so.
    pub distribution: Arc<str>,
}

/// Where a callable goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Handing {
    /// Keyword name of the callable.
    pub name: Option<Arc<str>>,
    /// Its position, without `self`.
    pub position: Option<u8>,
    /// Who runs it.
    pub to: Runner,
}

/// All models together.
#[derive(Debug, Default)]
pub struct Models {
    blocks: FxHashMap<Arc<str>, Vec<Arc<Blocking>>>,
    harmless: FxHashSet<Arc<str>>,
    hands_over: FxHashMap<Arc<str>, Vec<Handing>>,
    returns: FxHashMap<Arc<str>, Arc<str>>,
    aliases: FxHashMap<Arc<str>, Arc<str>>,
    bases: FxHashMap<Arc<str>, Vec<Arc<str>>>,
    locks: FxHashMap<Arc<str>, (LockKind, bool, Waiter)>,
    probes: FxHashSet<Arc<str>>,
    transparent: FxHashSet<Arc<str>>,
    sends: FxHashMap<Arc<str>, Vec<Arc<Sends>>>,
    /// Last segments of calls that send something.
    sending: FxHashSet<Arc<str>>,
    /// What instances of a class are that keeps them from being pickled, and whether a process inherits them.
    unpicklable: FxHashMap<Arc<str>, (Arc<str>, bool)>,
    entries: Vec<Entry>,
    /// Decorators that make their function an entry point, by name.
    entry_decorators: FxHashMap<Arc<str>, usize>,
    /// Calls that register an entry point, by name.
    entry_calls: FxHashMap<Arc<str>, usize>,
    /// Last segments of names that register or schedule a callable: only calls that end so need a look.
    registering: FxHashSet<Arc<str>>,
    /// Every class that some entry names a method of, so that its instances need no stub.
    classes: FxHashSet<Arc<str>>,
}

impl Models {
    /// The models that come with raddle, and the user's own after them.
    ///
    /// # Errors
    ///
    /// When the user's own models do not have the shape of a [`Model`]; the text names the key.
    pub fn new(own: Option<&toml::Table>) -> Result<Models, toml::de::Error> {
        let mut models = Models::default();
        for (path, text) in FILES {
            let model: Model = toml::from_str(text)
                .unwrap_or_else(|error| panic!("the model file {path} that comes with raddle is well formed: {error}"));
            models.add(model);
        }
        if let Some(own) = own {
            let mut model: Model = own.clone().try_into()?;
            if model.distribution.is_empty() {
                model.distribution = "the project".to_owned();
            }
            models.add(model);
        }
        Ok(models)
    }

    fn add(&mut self, model: Model) {
        let distribution: Arc<str> = model.distribution.into();
        for (from, to) in model.aliases {
            self.aliases.insert(from.into(), to.into());
        }
        for rule in model.blocks {
            let blocking = Arc::new(Blocking {
                cause: rule.cause,
                cost: rule.cost,
                instead: rule.instead.map(Into::into),
                unless: rule.unless,
                only_if: rule.only_if,
                distribution: distribution.clone(),
            });
            for call in rule.calls {
                self.note_class(&call);
                self.blocks.entry(call.into()).or_default().push(blocking.clone());
            }
        }
        for calls in model.harmless {
            self.harmless.extend(calls.calls.into_iter().map(Arc::from));
        }
        for (rules, registers) in [(model.offloads, true), (model.schedules, true), (model.runs, false)] {
            for rule in rules {
                for call in rule.calls {
                    if registers {
                        self.registering.insert(last_segment(&call).into());
                    }
                    self.note_class(&call);
                    let handing =
                        Handing { name: rule.name.clone().map(Into::into), position: rule.position, to: rule.to };
                    self.hands_over.entry(call.into()).or_default().push(handing);
                }
            }
        }
        self.returns.extend(model.returns.into_iter().map(|(from, to)| (from.into(), to.into())));
        for (class, bases) in model.bases {
            self.bases.insert(class.into(), bases.into_iter().map(Arc::from).collect());
        }
        for lock in model.locks {
            for class in lock.classes {
                self.locks.insert(class.into(), (lock.kind, lock.reentrant, lock.waiter));
            }
        }
        for rule in model.sends {
            let rule = Arc::new(rule);
            for call in &rule.calls {
                self.sending.insert(last_segment(call).into());
                self.sends.entry(call.as_str().into()).or_default().push(rule.clone());
            }
        }
        for rule in model.unpicklable {
            let what: Arc<str> = rule.what.into();
            for class in rule.classes {
                self.unpicklable.insert(class.into(), (what.clone(), rule.inherited));
            }
        }
        for (calls, set) in [(model.probes, &mut self.probes), (model.transparent, &mut self.transparent)] {
            set.extend(calls.into_iter().flat_map(|it| it.calls).map(Arc::from));
        }
        for entry in model.entries {
            let at = self.entries.len();
            for name in &entry.decorator {
                self.entry_decorators.insert(name.as_str().into(), at);
            }
            for name in &entry.call {
                self.registering.insert(last_segment(name).into());
                self.entry_calls.insert(name.as_str().into(), at);
            }
            self.entries.push(entry);
        }
    }

    fn note_class(&mut self, call: &str) {
        if let Some((class, _)) = call.rsplit_once('.') {
            self.classes.insert(class.into());
        }
    }

    /// The public path of a dotted name: the name itself, or its class, may be an alias.
    #[must_use]
    pub fn canonical<'a>(&'a self, name: &'a str) -> std::borrow::Cow<'a, str> {
        if let Some(alias) = self.aliases.get(name) {
            return std::borrow::Cow::Borrowed(alias);
        }
        let mut end = name.len();
        while let Some(dot) = name[..end].rfind('.') {
            if let Some(alias) = self.aliases.get(&name[..dot]) {
                return std::borrow::Cow::Owned(format!("{alias}{}", &name[dot..]));
            }
            end = dot;
        }
        std::borrow::Cow::Borrowed(name)
    }

    /// Why a call of this name may block. Several answers are tried in order; the first whose arguments fit counts.
    #[must_use]
    pub fn blocking(&self, name: &str) -> &[Arc<Blocking>] {
        if let Some(rules) = self.blocks.get(name) {
            return rules;
        }
        if self.harmless.contains(name) || self.returns_itself(name) {
            return &[];
        }
        match name.rsplit_once('.') {
            Some((class, last)) if !last.starts_with("__") => {
                self.blocks.get(format!("{class}.*").as_str()).map_or(&[], |rules| rules)
            }
            _ => &[],
        }
    }

    /// A `*` does not cover what only leads to another object.
    fn returns_itself(&self, name: &str) -> bool {
        self.hands_over.contains_key(name)
    }

    /// Whether the models say anything of this name, so that looking further would lose it.
    #[must_use]
    pub fn mentions(&self, name: &str) -> bool {
        self.blocks.contains_key(name)
            || self.harmless.contains(name)
            || self.hands_over.contains_key(name)
            || self.returns.contains_key(name)
            || self.probes.contains(name)
            || self.transparent.contains(name)
            || self.entry_decorators.contains_key(name)
            || self.entry_calls.contains_key(name)
            || self.locks.contains_key(name)
            || self.sends.contains_key(name)
            || !self.blocking(name).is_empty()
    }

    /// Whether some model names a method of this class.
    #[must_use]
    pub fn has_class(&self, name: &str) -> bool {
        self.classes.contains(name)
    }

    /// Where callables handed to this call go.
    #[must_use]
    pub fn hands_over(&self, name: &str) -> &[Handing] {
        self.hands_over.get(name).map_or(&[], |it| it)
    }

    /// The class of what calling (or reading) this name gives.
    #[must_use]
    pub fn returns(&self, name: &str) -> Option<&Arc<str>> {
        self.returns.get(name)
    }

    /// Base classes of a class that has no stub.
    #[must_use]
    pub fn bases(&self, class: &str) -> &[Arc<str>] {
        self.bases.get(class).map_or(&[], |it| it)
    }

    /// Everything a class without stub inherits from.
    #[must_use]
    pub fn all_bases(&self, class: &str) -> Vec<Arc<str>> {
        let mut all: Vec<Arc<str>> = self.bases(class).to_vec();
        let mut at = 0;
        while at < all.len() {
            for base in self.bases(&all[at].clone()) {
                if !all.contains(base) {
                    all.push(base.clone());
                }
            }
            at += 1;
        }
        all
    }

    /// What kind of lock instances of this class are: kind, whether re-entrant, who waits.
    #[must_use]
    pub fn lock(&self, class: &str) -> Option<(LockKind, bool, Waiter)> {
        self.locks.get(class).copied()
    }

    /// What a call of this name sends to another process.
    #[must_use]
    pub fn sends(&self, name: &str) -> &[Arc<Sends>] {
        self.sends.get(name).map_or(&[], |it| it)
    }

    /// Whether a call whose name ends so may send something to another process.
    #[must_use]
    pub fn may_send(&self, last_segment: &str) -> bool {
        self.sending.contains(last_segment)
    }

    /// What instances of this class are that keeps them from being pickled, and whether a process inherits them.
    #[must_use]
    pub fn unpicklable(&self, class: &str) -> Option<(&Arc<str>, bool)> {
        self.unpicklable.get(class).map(|(what, inherited)| (what, *inherited))
    }

    /// Whether the call tells which thread or loop is running.
    #[must_use]
    pub fn probes(&self, name: &str) -> bool {
        self.probes.contains(name)
    }

    /// Whether the decorator leaves its function as it is.
    #[must_use]
    pub fn transparent(&self, name: &str) -> bool {
        self.transparent.contains(name)
    }

    /// The entry point that this decorator makes.
    #[must_use]
    pub fn entry_decorator(&self, name: &str) -> Option<&Entry> {
        self.entry_decorators.get(name).map(|at| &self.entries[*at])
    }

    /// The entry point that this call registers.
    #[must_use]
    pub fn entry_call(&self, name: &str) -> Option<&Entry> {
        self.entry_calls.get(name).map(|at| &self.entries[*at])
    }

    /// Entry points by base class.
    pub fn entry_bases(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|it| !it.base.is_empty())
    }

    /// Whether a call whose name ends so may register or schedule a callable.
    #[must_use]
    pub fn may_register(&self, last_segment: &str) -> bool {
        self.registering.contains(last_segment)
    }
}

fn last_segment(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, last)| last)
}
