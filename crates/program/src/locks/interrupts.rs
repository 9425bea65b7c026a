//! Functions that may run between any two steps of a thread: finalizers, callbacks of weak references, signal handlers.

use raddle_facts::models::Runner;

use crate::Program;
use crate::unit::FunctionRef;

/// Why a function may run in the middle of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interruption {
    /// `__del__`.
    Finalizer,
    /// The callback of a weak reference.
    WeakReference,
    /// A signal handler.
    Signal,
}

/// A function that may run between any two steps of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interrupt {
    /// The function.
    pub function: FunctionRef,
    /// Why.
    pub by: Interruption,
}

impl Program {
    /// Every such function of the project, in order.
    #[must_use]
    pub fn interrupting(&self) -> Vec<Interrupt> {
        let mut found = Vec::new();
        for (unit, it) in self.own_units().filter(|(_, it)| it.facts.symbols.find("__del__").is_some()) {
            for function in self.functions_of(unit) {
                let it_is = self.function(function);
                if it_is.class.is_some() && it.facts.text(it_is.name) == "__del__" {
                    found.push(Interrupt { function, by: Interruption::Finalizer });
                }
            }
        }
        for spawn in self.spawns() {
            let by = match spawn.to {
                Runner::SignalHandler => Interruption::Signal,
                // `atexit` runs its functions when the main thread is done.
                Runner::Finalizer if spawn.by.starts_with("weakref.") => Interruption::WeakReference,
                _ => continue,
            };
            found.push(Interrupt { function: spawn.callee, by });
        }
        found.sort_unstable();
        found.dedup_by_key(|it| it.function);
        found.retain(|it| self.is_own(it.function.unit));
        found
    }
}
