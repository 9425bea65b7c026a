//! Values that processes share, and updates of them in two steps: `counter.value += 1` reads in one message or lock and
//! writes in another, as CPython's `multiprocessing.sharedctypes` and `multiprocessing.managers` do.

use raddle_facts::models::Runner;
use raddle_facts::{ActKind, Value, ValueId};

use crate::Program;
use crate::actors::Many;
use crate::spawns::Spawn;
use crate::unit::{FunctionRef, ValueRef};

/// An update of what processes share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessUpdate {
    /// Who updates.
    pub function: FunctionRef,
    /// With which act.
    pub act: u32,
    /// The name of what is updated.
    pub name: String,
    /// Where the processes are started.
    pub from: (FunctionRef, u32),
    /// How many of them.
    pub many: Many,
}

impl Program {
    /// Updates without a lock by functions that several processes run.
    #[must_use]
    pub fn process_updates(&self) -> Vec<ProcessUpdate> {
        let mut found: Vec<ProcessUpdate> = Vec::new();
        let spawns: Vec<&Spawn> = self.spawns().iter().filter(|it| it.to == Runner::Process).collect();
        for spawn in &spawns {
            let many = self.how_many_processes(spawn, &spawns);
            if many == Many::One || found.iter().any(|it| it.function == spawn.callee) {
                continue;
            }
            found.extend(self.updates_in(spawn, many));
        }
        found
    }

    fn how_many_processes(&self, spawn: &Spawn, all: &[&Spawn]) -> Many {
        let facts = &self.unit(spawn.function.unit).facts;
        let act = &facts.acts[spawn.act as usize];
        let name = match act.kind {
            ActKind::Call(call) => match facts.value(call) {
                Value::Call(callee, _) => facts.called_name(callee).unwrap_or(""),
                _ => "",
            },
            _ => "",
        };
        let each = matches!(name, "map" | "imap" | "imap_unordered" | "starmap" | "map_async" | "starmap_async");
        let twice =
            all.iter().any(|it| it.callee == spawn.callee && (it.function, it.act) != (spawn.function, spawn.act));
        if each || act.in_loop || twice { Many::Same } else { Many::One }
    }

    fn updates_in(&self, spawn: &Spawn, many: Many) -> Option<ProcessUpdate> {
        let function = spawn.callee;
        let facts = &self.unit(function.unit).facts;
        let (start, end) = self.function(function).acts;
        for at in start..end {
            let (base, inside) = match facts.acts[at as usize].kind {
                ActKind::Update(place, _) => match facts.value(place) {
                    Value::Attribute(base, name) if facts.text(name) == "value" => (base, false),
                    Value::Subscript(base, _) => (base, true),
                    _ => continue,
                },
                ActKind::Write(place, value) => match facts.value(place) {
                    Value::Subscript(base, _) if self.reads_back(function, value, place, base) => (base, true),
                    _ => continue,
                },
                _ => continue,
            };
            let (held, covered) = self.protection(function, at);
            let guarded = !held.is_empty() || covered || facts.held_by(&facts.acts[at as usize]).next().is_some();
            if guarded || !self.is_of_processes(function, base, inside) {
                continue;
            }
            let name = match facts.value(base) {
                Value::Parameter(owner, place) => {
                    let owner = facts.function(owner);
                    owner.parameters.get(usize::from(place)).map_or("", |it| facts.text(it.name))
                }
                _ => facts.last_name(base).unwrap_or(""),
            };
            let name = if inside { name.to_owned() } else { format!("{name}.value") };
            return Some(ProcessUpdate { function, act: at, name, from: (spawn.function, spawn.act), many });
        }
        None
    }

    /// `d[key] = d[key] + 1`, `d[key] = d.get(key, 0) + 1`.
    fn reads_back(&self, function: FunctionRef, value: ValueId, place: ValueId, base: ValueId) -> bool {
        let facts = &self.unit(function.unit).facts;
        let reads = |value: ValueId| match facts.value(value) {
            _ if value == place => true,
            Value::Call(callee, _) => match facts.value(callee) {
                Value::Attribute(of, name) => of == base && facts.text(name) == "get",
                _ => false,
            },
            _ => false,
        };
        matches!(facts.value(value), Value::Operator(left, right) if reads(left) || reads(right))
    }

    /// Whether a value is one of `multiprocessing` that all processes see.
    fn is_of_processes(&self, function: FunctionRef, value: ValueId, inside: bool) -> bool {
        let facts = &self.unit(function.unit).facts;
        let made = match facts.value(value) {
            Value::Parameter(owner, place) if owner == function.function => self.given_values(function, place),
            _ => vec![ValueRef { unit: function.unit, value }],
        };
        made.into_iter().any(|it| {
            let Some((callee, _)) = self.made_by(it) else { return false };
            self.known_names(callee).iter().any(|name| {
                let last = name.rsplit('.').next().unwrap_or("");
                name.starts_with("multiprocessing.")
                    && match inside {
                        true => matches!(last, "dict" | "list" | "Array" | "RawArray"),
                        false => matches!(last, "Value" | "RawValue" | "Namespace"),
                    }
            })
        })
    }
}
