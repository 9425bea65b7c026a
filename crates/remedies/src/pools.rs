//! A pool that is shut down where it is done with: `with`.

use raddle_source::syntax::ast::{Expr, Stmt};
use raddle_source::syntax::{Ranged, TextRange};
use raddle_vocabulary::Remedy;

use crate::{Asked, to_look_over};

/// `with Pool(…) as pool:` over all that uses it.
pub(crate) fn closed(asked: &Asked<'_>) -> Option<Remedy> {
    let page = asked.page;
    let (suite, place) = asked.way.placed()?;
    let stmt = &suite[place];
    let Stmt::Assign(made) = stmt else { return None };
    let [Expr::Name(name)] = &made.targets[..] else { return None };
    if made.value.range() != asked.at || !page.is_alone(stmt) {
        return None;
    }
    let rest = &suite[place + 1..];
    let last = rest.iter().rposition(|it| page.says(it.range(), &name.id))?;
    let body = &rest[..=last];
    let (first, end) = (body.first()?, body.last()?);
    // Leaving `with` ends a pool of `multiprocessing` at once, whatever it still has to do.
    let text = page.between(first.start(), end.end());
    let is_executor = page.of_node(asked.at).contains("Executor");
    if !is_executor && (text.contains("_async(") || text.contains(".imap")) || page.comment_behind(end).is_none() {
        return None;
    }
    let head = format!("with {} as {}:", page.of_node(asked.at), name.id);
    let mut edits = vec![page.replace(stmt.range(), head)];
    edits.extend(page.indented(TextRange::new(page.next_line(stmt.end()), end.end())));
    Some(to_look_over("remedy-pool", edits))
}
