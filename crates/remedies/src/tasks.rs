//! Tasks that nothing keeps: kept in a set until they are done, or started in the group around them.

use raddle_source::syntax::Ranged;
use raddle_source::syntax::ast::{self, Expr, Stmt};
use raddle_vocabulary::{Edit, Remedy};

use crate::page::{Node, Page};
use crate::{Asked, imports, safe, to_look_over};

/// Keeps the task that a statement starts.
pub(crate) fn kept(asked: &Asked<'_>) -> Option<Remedy> {
    let page = asked.page;
    let (suite, place) = asked.way.placed()?;
    let stmt = &suite[place];
    let (call, name) = match stmt {
        Stmt::Expr(it) if it.value.range() == asked.at => (&*it.value, None),
        Stmt::Assign(it) if it.value.range() == asked.at => match &it.targets[..] {
            [Expr::Name(name)] => (&*it.value, Some(name.id.as_str())),
            _ => return None,
        },
        _ => return None,
    };
    if let Some(remedy) = in_group(asked, call, name) {
        return Some(remedy);
    }
    if !page.is_alone(stmt) {
        return None;
    }
    let around = asked.way.top()?.range();
    let (binding, name) = match name {
        Some(name) => (None, name),
        None => {
            let name = page.fresh(around, &["task", "background_task", "kept_task"])?;
            (Some(page.insert(stmt.start(), format!("{name} = "))), name)
        }
    };
    let (set, mut edits) = store(asked)?;
    edits.extend(binding);
    let (newline, indent) = (page.newline(), page.indent(stmt.start()));
    let lines = format!("{newline}{indent}{set}.add({name}){newline}{indent}{name}.add_done_callback({set}.discard)");
    edits.push(page.insert(page.line_end(stmt.end()), lines));
    Some(safe("remedy-keep", edits))
}

/// `group.create_task(…)`, where a `TaskGroup` is open around the call.
fn in_group(asked: &Asked<'_>, call: &Expr, name: Option<&str>) -> Option<Remedy> {
    let page = asked.page;
    let call = call.as_call_expr()?;
    let started = page.of_node(&*call.func);
    let is_plain = matches!(started, "asyncio.create_task" | "asyncio.ensure_future" | "create_task");
    if !is_plain || name.is_some() || page.version < (3, 11) || call.arguments.args.len() != 1 {
        return None;
    }
    let mut nodes = asked.way.outwards();
    let group = nodes.find_map(|node| match node {
        Node::Stmt(Stmt::With(with)) if with.is_async => with.items.iter().find_map(|item| {
            let opened = page.of_node(&item.context_expr);
            let group = item.optional_vars.as_deref()?.as_name_expr()?;
            opened.ends_with("TaskGroup()").then_some(group.id.as_str())
        }),
        Node::Stmt(Stmt::FunctionDef(_)) => Some(""),
        _ => None,
    })?;
    let edits = vec![page.replace(call.func.range(), format!("{group}.create_task"))];
    (!group.is_empty()).then(|| to_look_over("remedy-group", edits))
}

/// The set that keeps tasks, and what makes it where there is none yet.
fn store(asked: &Asked<'_>) -> Option<(String, Vec<Edit>)> {
    let page = asked.page;
    if let Some(class) = asked.way.class()
        && let Some(found) = of_class(asked, class)
    {
        return Some(found);
    }
    const NAME: &str = "_background_tasks";
    let is_set = |stmt: &&Stmt| match stmt {
        Stmt::Assign(it) => makes_set(page, &it.value) && names(&it.targets).any(|it| it == NAME),
        Stmt::AnnAssign(it) => {
            it.value.as_deref().is_some_and(|value| makes_set(page, value))
                && it.target.as_name_expr().is_some_and(|it| it.id == NAME)
        }
        _ => false,
    };
    if page.module().iter().any(|it| is_set(&it)) {
        return Some((NAME.to_owned(), Vec::new()));
    }
    if page.text().contains(NAME) {
        return None;
    }
    let newline = page.newline();
    let at = imports::behind(page);
    let line = format!("{newline}{NAME}{} = set(){newline}", annotation(page));
    Some((NAME.to_owned(), vec![page.insert(at, line)]))
}

fn names(targets: &[Expr]) -> impl Iterator<Item = &str> {
    targets.iter().filter_map(|it| Some(it.as_name_expr()?.id.as_str()))
}

/// `: set[asyncio.Task]`, where the module is at hand.
fn annotation(page: &Page) -> &'static str {
    let plain = |stmt: &Stmt| match stmt {
        Stmt::Import(it) => it.names.iter().any(|it| it.name.as_str() == "asyncio" && it.asname.is_none()),
        _ => false,
    };
    if page.module().iter().any(plain) && page.version >= (3, 9) { ": set[asyncio.Task]" } else { "" }
}

fn makes_set(page: &Page, value: &Expr) -> bool {
    page.of_node(value) == "set()"
}

/// A set of the instance, where the class has a plain constructor and inherits nothing that might have one too.
fn of_class(asked: &Asked<'_>, class: &ast::StmtClassDef) -> Option<(String, Vec<Edit>)> {
    let page = asked.page;
    let method = asked.way.function()?;
    let me = first_parameter(method)?;
    let constructor = class.body.iter().find_map(|stmt| match stmt {
        Stmt::FunctionDef(it) if it.name.as_str() == "__init__" => Some(it),
        _ => None,
    })?;
    if !class.body.iter().any(|it| it.range() == method.range()) || first_parameter(constructor) != Some(me) {
        return None;
    }
    for stmt in &constructor.body {
        let (target, value) = match stmt {
            Stmt::Assign(it) => (it.targets.first()?, Some(&*it.value)),
            Stmt::AnnAssign(it) => (&*it.target, it.value.as_deref()),
            _ => continue,
        };
        let target = page.of_node(target);
        if value.is_some_and(|it| makes_set(page, it)) && target.starts_with(me) && target.ends_with("_tasks") {
            return Some((target.to_owned(), Vec::new()));
        }
    }
    let inherits = class.bases().iter().any(|it| page.of_node(it) != "object") || !class.keywords().is_empty();
    let range = class.range();
    if inherits || page.says(range, "__slots__") || !class.decorator_list.is_empty() {
        return None;
    }
    let name = page.fresh(range, &["_tasks", "_background_tasks"])?;
    let last = constructor.body.last()?;
    if !page.is_alone(last) || last.is_return_stmt() || last.is_raise_stmt() {
        return None;
    }
    let (newline, indent) = (page.newline(), page.indent(constructor.body.first()?.start()));
    let only_says_nothing = constructor.body.len() == 1 && last.is_pass_stmt();
    let line = format!("{me}.{name}{} = set()", annotation(page));
    let edit = if only_says_nothing {
        page.replace(last.range(), line)
    } else {
        page.insert(page.line_end(last.end()), format!("{newline}{indent}{line}"))
    };
    Some((format!("{me}.{name}"), vec![edit]))
}

/// `self` of a method, which has to be a plain one.
fn first_parameter(method: &ast::StmtFunctionDef) -> Option<&str> {
    let is_bound = !method
        .decorator_list
        .iter()
        .any(|it| matches!(&it.expression, Expr::Name(it) if matches!(it.id.as_str(), "staticmethod" | "classmethod")));
    let first = method.parameters.posonlyargs.first().or(method.parameters.args.first())?;
    is_bound.then_some(first.parameter.name.as_str())
}
