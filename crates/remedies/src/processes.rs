//! What goes to other processes: the guard around a start, and a function with a name for a lambda.

use raddle_source::syntax::ast::{Expr, Stmt};
use raddle_source::syntax::{Ranged, TextSize};
use raddle_vocabulary::Remedy;

use crate::page::Page;
use crate::wrap::names;
use crate::{Asked, safe, to_look_over};

/// `if __name__ == "__main__":` around what starts a process, and all that follows it.
pub(crate) fn main_guard(asked: &Asked<'_>) -> Option<Remedy> {
    let page = asked.page;
    let module = page.module();
    let top = asked.way.top()?;
    let from = module.iter().position(|it| it.range() == top.range())?;
    // Names that the rest of the module defines would not be there in the other process.
    let defines =
        |it: &Stmt| matches!(it, Stmt::FunctionDef(_) | Stmt::ClassDef(_) | Stmt::Import(_) | Stmt::ImportFrom(_));
    if module[from..].iter().any(defines) {
        return None;
    }
    let edits = page.under("if __name__ == \"__main__\":", &module[from..])?;
    Some(to_look_over("remedy-main-guard", edits))
}

/// A function of the module in place of a lambda.
pub(crate) fn named(asked: &Asked<'_>) -> Option<Remedy> {
    let page = asked.page;
    if asked.finding.message.key != "lambda" {
        return None;
    }
    let (call, _) = asked.way.expr(asked.at)?;
    let call = call.as_call_expr()?;
    let positional = call.arguments.args.iter();
    let mut values = positional.chain(call.arguments.keywords.iter().map(|it| &it.value));
    let lambda = values.find_map(Expr::as_lambda_expr)?;
    let parameters = lambda.parameters.as_deref();
    let takes = |name: &str| parameters.is_some_and(|it| it.iter().any(|it| it.name().as_str() == name));
    let defaults = parameters.is_some_and(|it| it.iter().any(|it| it.default().is_some()));
    let free = names(&lambda.body).into_iter().filter(|it| !takes(it)).any(|it| !is_of_module(asked, it));
    if free
        || defaults
        || page.of_node(&*lambda.body).contains(['\n', '#'])
        || page.of_node(&*lambda.body).contains(":=")
    {
        return None;
    }
    let name = page.fresh(page_range(page), &["_job", "_work", "_run_job", "_do_work"])?;
    let top = asked.way.top()?;
    let (newline, unit) = (page.newline(), page.unit());
    let taken = parameters.map_or("", |it| page.of_node(it));
    let body = page.of_node(&*lambda.body);
    let function = format!("def {name}({taken}):{newline}{unit}return {body}{newline}{newline}{newline}");
    let edits = vec![page.insert(page.above(top), function), page.replace(lambda.range(), name)];
    Some(safe("remedy-named", edits))
}

fn page_range(page: &Page) -> raddle_source::syntax::TextRange {
    raddle_source::syntax::TextRange::up_to(TextSize::new(page.text().len() as u32))
}

/// Whether a name that a lambda reads is the module's or a builtin, and not of the functions around.
fn is_of_module(asked: &Asked<'_>, name: &str) -> bool {
    let page = asked.page;
    match asked.way.top() {
        Some(top @ (Stmt::FunctionDef(_) | Stmt::ClassDef(_))) => {
            let text = page.of_node(top);
            let bound = |form: &str| text.contains(&format!("{form}{name}"));
            // Whatever might bind the name in the function counts as a variable of it.
            let assigned = [" = ", " += ", ": ", ", ", ") ->"].iter().any(|it| text.contains(&format!("{name}{it}")));
            let looped = bound("for ") || bound(" as ") || bound("def ") || text.contains(&format!("({name})"));
            name != "self" && name != "cls" && !assigned && !looped
        }
        _ => true,
    }
}
