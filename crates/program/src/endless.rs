//! Functions that never come back: a loop without an end that nothing leaves.

use raddle_facts::flow::{Catch, Domain, Handler, interpret};
use raddle_facts::{Act, FunctionId};

use crate::Program;
use crate::unit::FunctionRef;

/// Nothing is asked but which ways out there are.
pub(crate) struct WaysOut;

impl Domain for WaysOut {
    type State = ();

    fn act(&mut self, (): &mut (), _: u32, _: &Act) {}

    fn join(&mut self, (): &mut (), (): &()) {}

    fn raises(&mut self, (): &(), _: u32, _: &Act) -> bool {
        false
    }

    fn catches(&mut self, (): &(), _: &Handler) -> Catch {
        Catch::Some
    }
}

impl Program {
    /// Whether no way through a function of the project ends in a `return`, its last line or a `raise`; what its calls
    /// raise is not counted.
    #[must_use]
    pub fn never_ends_by_itself(&self, function: FunctionRef) -> bool {
        if !self.is_own(function.unit) || function.function == FunctionId::MODULE {
            return false;
        }
        let it = self.function(function);
        if it.is_generator || it.is_abstract {
            return false;
        }
        let facts = &self.unit(function.unit).facts;
        let exits = interpret(facts, function.function, &mut WaysOut, ());
        exits.fall.is_none() && exits.returned.is_none() && exits.raised.is_none()
    }
}
