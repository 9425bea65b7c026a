//! Guards that a project declares in comments: `self.count = 0  # raddle: guarded-by self._lock`.

use raddle_source::Tree;
use raddle_source::syntax::{Ranged, TokenKind};

use bitcode::{Decode, Encode};
use raddle_vocabulary::Span;

use crate::file::{ActKind, ClassId, FileFacts, ScopeKind};
use crate::value::{Sym, Value};
use crate::walk::{Depth, Environment, walk};

/// A declaration that a lock guards a variable or an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeclaredGuard {
    /// The class whose attribute it is; nothing for a variable of the module.
    pub class: Option<ClassId>,
    /// The attribute or variable.
    pub name: Sym,
    /// The lock as it is written: `self._lock`, `_lock`, `LOCK`.
    pub lock: Box<str>,
    /// The lock in the source.
    pub span: Span,
}

const DIRECTIVE: &str = "raddle: guarded-by";

/// Walks a file once, its tree and the comments that declare guards.
#[must_use]
pub fn read(tree: &Tree, content: &str, depth: Depth, environment: Environment) -> FileFacts {
    let mut facts = walk(tree, depth, environment);
    if depth == Depth::Everything && content.contains(DIRECTIVE) {
        facts.declared_guards = declared(&facts, tree, content);
    }
    facts
}

fn declared(facts: &FileFacts, tree: &Tree, content: &str) -> Vec<DeclaredGuard> {
    let mut found = Vec::new();
    for token in tree.tokens().iter().filter(|token| token.kind() == TokenKind::Comment) {
        let (start, end) = (token.range().start().to_usize(), token.range().end().to_usize());
        let Some(text) = content.get(start..end) else { continue };
        let Some(at) = text.find(DIRECTIVE) else { continue };
        let after = &text[at + DIRECTIVE.len()..];
        let named = after.trim_start();
        let from = start + text.len() - named.len();
        let lock: &str = named.split(|it: char| !it.is_alphanumeric() && it != '_' && it != '.').next().unwrap_or("");
        if lock.is_empty() {
            continue;
        }
        let line = content[..start].rfind('\n').map_or(0, |it| it + 1);
        let span = Span { start: from as u32, end: (from + lock.len()) as u32 };
        found.extend(written_in(facts, line as u32, start as u32).map(|(class, name)| DeclaredGuard {
            class,
            name,
            lock: lock.into(),
            span,
        }));
    }
    found
}

/// What is first written in a part of the source.
fn written_in(facts: &FileFacts, start: u32, end: u32) -> Option<(Option<ClassId>, Sym)> {
    for function in &facts.functions {
        for act in &facts.acts[function.acts.0 as usize..function.acts.1 as usize] {
            let ActKind::Write(place, _) = act.kind else { continue };
            if act.span.start < start || act.span.end > end {
                continue;
            }
            match facts.value(place) {
                Value::Attribute(_, name) => return function.class.map(|class| (Some(class), name)),
                Value::Name(scope, name) => {
                    return match facts.scope(scope).kind {
                        ScopeKind::Class(class) => Some((Some(class), name)),
                        ScopeKind::Module => Some((None, name)),
                        ScopeKind::Function(_) => None,
                    };
                }
                _ => {}
            }
        }
    }
    None
}
