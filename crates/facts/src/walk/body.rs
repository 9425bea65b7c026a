//! The control flow of the function that is walked: blocks are opened and closed as the statements are.

use super::Walker;
use crate::flow::{Block, BlockId, Flow, Handler};

/// Flow of one function; ids and act ranges are relative to it until the frame is closed.
pub(super) struct Body {
    /// Blocks that are still open, the innermost last.
    open: Vec<Vec<Flow>>,
    flow: Vec<Flow>,
    blocks: Vec<Block>,
    handlers: Vec<Handler>,
    cases: Vec<BlockId>,
    /// Acts up to here stand in a block already.
    noted: u32,
}

impl Body {
    pub(super) fn new() -> Body {
        Body {
            open: vec![Vec::new()],
            flow: Vec::new(),
            blocks: Vec::new(),
            handlers: Vec::new(),
            cases: Vec::new(),
            noted: 0,
        }
    }

    fn innermost(&mut self) -> &mut Vec<Flow> {
        self.open.last_mut().expect("a frame has an open block until it is closed")
    }

    fn close(&mut self) -> BlockId {
        let steps = self.open.pop().expect("a block is closed once");
        if steps.is_empty() {
            return BlockId::EMPTY;
        }
        let start = self.flow.len() as u32;
        self.flow.extend(steps);
        self.blocks.push(Block { start, end: self.flow.len() as u32 });
        BlockId(self.blocks.len() as u32)
    }
}

/// What relative numbers are moved by.
struct Bases {
    acts: u32,
    flow: u32,
    blocks: u32,
    handlers: u32,
    cases: u32,
}

impl Bases {
    /// Relative blocks count from 1, since 0 is the empty one everywhere.
    fn block(&self, id: BlockId) -> BlockId {
        if id == BlockId::EMPTY { id } else { BlockId(id.0 - 1 + self.blocks) }
    }

    fn flow(&self, flow: Flow) -> Flow {
        match flow {
            Flow::Acts { start, end } => Flow::Acts { start: start + self.acts, end: end + self.acts },
            Flow::Branch { test, then, orelse } => {
                Flow::Branch { test, then: self.block(then), orelse: self.block(orelse) }
            }
            Flow::Loop { kind, body, orelse, span } => {
                Flow::Loop { kind, body: self.block(body), orelse: self.block(orelse), span }
            }
            Flow::Try { body, handlers, orelse, finally, span } => Flow::Try {
                body: self.block(body),
                handlers: (handlers.0 + self.handlers, handlers.1),
                orelse: self.block(orelse),
                finally: self.block(finally),
                span,
            },
            Flow::With { held, body, span } => Flow::With { held, body: self.block(body), span },
            Flow::Match { cases, exhaustive } => Flow::Match { cases: (cases.0 + self.cases, cases.1), exhaustive },
            Flow::Return { .. } | Flow::Raise { .. } | Flow::Break(_) | Flow::Continue(_) | Flow::Unreachable => flow,
        }
    }
}

impl Walker {
    /// Puts the acts since the last step into the innermost block.
    fn note_acts(&mut self) {
        let end = self.frame.acts.len() as u32;
        let start = std::mem::replace(&mut self.frame.body.noted, end);
        if start < end {
            self.frame.body.innermost().push(Flow::Acts { start, end });
        }
    }

    /// Adds a step to the innermost block.
    pub(super) fn step(&mut self, flow: Flow) {
        if self.silent == 0 && self.frame.reachable {
            self.note_acts();
            self.frame.body.innermost().push(flow);
        }
    }

    /// What follows stands in a block of its own, which control may not reach.
    pub(super) fn open_block(&mut self) {
        self.note_acts();
        self.frame.body.open.push(Vec::new());
        if !self.frame.reachable && self.silent == 0 {
            self.frame.body.innermost().push(Flow::Unreachable);
        }
    }

    /// Ends the innermost block.
    pub(super) fn close_block(&mut self) -> BlockId {
        self.note_acts();
        self.frame.body.close()
    }

    /// Adds a step even where its own body does not come to an end.
    pub(super) fn step_after(&mut self, flow: Flow) {
        if self.silent == 0 {
            self.frame.body.innermost().push(flow);
        }
    }

    pub(super) fn add_handlers(&mut self, handlers: Vec<Handler>) -> (u32, u32) {
        let pool = &mut self.frame.body.handlers;
        let start = pool.len() as u32;
        let count = handlers.len() as u32;
        pool.extend(handlers);
        (start, count)
    }

    pub(super) fn add_cases(&mut self, cases: Vec<BlockId>) -> (u32, u32) {
        let pool = &mut self.frame.body.cases;
        let start = pool.len() as u32;
        let count = cases.len() as u32;
        pool.extend(cases);
        (start, count)
    }

    /// Moves the flow of the frame into the file's pools; acts will start at `acts` there.
    pub(super) fn close_body(&mut self, acts: u32) -> BlockId {
        self.note_acts();
        let whole = self.frame.body.close();
        let body = std::mem::replace(&mut self.frame.body, Body::new());
        let bases = Bases {
            acts,
            flow: self.flow.len() as u32,
            blocks: self.blocks.len() as u32,
            handlers: self.handlers.len() as u32,
            cases: self.cases.len() as u32,
        };
        self.flow.extend(body.flow.into_iter().map(|it| bases.flow(it)));
        self.blocks
            .extend(body.blocks.into_iter().map(|it| Block { start: it.start + bases.flow, end: it.end + bases.flow }));
        self.handlers.extend(body.handlers.into_iter().map(|it| Handler { body: bases.block(it.body), ..it }));
        self.cases.extend(body.cases.into_iter().map(|it| bases.block(it)));
        bases.block(whole)
    }
}
