//! What stands in a block, however deep.

use super::{BlockId, Flow};
use crate::file::FileFacts;

/// Blocks nested deeper than this are not looked into.
const DEEPEST: u32 = 200;

impl FileFacts {
    /// The acts of a block and of the blocks in it, as places in the file's pool.
    #[must_use]
    pub fn acts_below(&self, block: BlockId) -> Vec<u32> {
        let mut acts = Vec::new();
        self.each_below(block, 0, &mut |flow| {
            if let Flow::Acts { start, end } = flow {
                acts.extend(*start..*end);
            }
        });
        acts
    }

    /// The steps of a block and of the blocks in it.
    #[must_use]
    pub fn steps_below(&self, block: BlockId) -> Vec<Flow> {
        let mut steps = Vec::new();
        self.each_below(block, 0, &mut |flow| steps.push(*flow));
        steps
    }

    fn each_below(&self, block: BlockId, depth: u32, see: &mut impl FnMut(&Flow)) {
        if depth >= DEEPEST {
            return;
        }
        for flow in self.block(block) {
            see(flow);
            match *flow {
                Flow::Branch { then, orelse, .. } => {
                    self.each_below(then, depth + 1, see);
                    self.each_below(orelse, depth + 1, see);
                }
                Flow::Loop { body, orelse, .. } => {
                    self.each_below(body, depth + 1, see);
                    self.each_below(orelse, depth + 1, see);
                }
                Flow::Try { body, handlers, orelse, finally, .. } => {
                    self.each_below(body, depth + 1, see);
                    for handler in &self.handlers[handlers.0 as usize..(handlers.0 + handlers.1) as usize] {
                        self.each_below(handler.body, depth + 1, see);
                    }
                    self.each_below(orelse, depth + 1, see);
                    self.each_below(finally, depth + 1, see);
                }
                Flow::With { body, .. } => self.each_below(body, depth + 1, see),
                Flow::Match { cases, .. } => {
                    for at in cases.0..cases.0 + cases.1 {
                        self.each_below(self.cases[at as usize], depth + 1, see);
                    }
                }
                Flow::Acts { .. }
                | Flow::Return { .. }
                | Flow::Raise { .. }
                | Flow::Break(_)
                | Flow::Continue(_)
                | Flow::Unreachable => {}
            }
        }
    }
}
