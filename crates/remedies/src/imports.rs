//! Imports: under which name a module is known, and where a new import goes, as isort would put it.

use raddle_source::syntax::ast::{self, Stmt};
use raddle_source::syntax::{Ranged, TextRange, TextSize, is_standard_library};
use raddle_vocabulary::Edit;

use crate::page::Page;

/// How something that is imported is written, and the import that is still needed.
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) edits: Vec<Edit>,
}

/// The groups that isort keeps apart, in order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Future,
    Standard,
    Others,
    /// The package that the file itself belongs to.
    First,
    Local,
}

/// An import statement at the top of the file.
struct Line<'a> {
    stmt: &'a Stmt,
    section: Section,
    module: String,
    is_from: bool,
}

/// A member of a module (`asyncio`, `sleep`), by whatever name the file knows it.
pub(crate) fn member(page: &Page, module: &str, member: &str) -> Option<Known> {
    if let Some(name) = imported_member(page, module, member) {
        return Some(Known { name, edits: Vec::new() });
    }
    let known = whole(page, module)?;
    Some(Known { name: format!("{}.{member}", known.name), edits: known.edits })
}

/// A module, by whatever name the file knows it.
pub(crate) fn whole(page: &Page, module: &str) -> Option<Known> {
    for stmt in page.module() {
        let Stmt::Import(import) = stmt else { continue };
        for alias in &import.names {
            if alias.name.as_str() == module {
                let name = alias.asname.as_ref().map_or(module, |it| it.as_str());
                return Some(Known { name: name.to_owned(), edits: Vec::new() });
            }
        }
    }
    // Another meaning of the name would be hidden, or would hide the module.
    let root = module.split('.').next().unwrap_or(module);
    if page.binds(root) {
        return None;
    }
    Some(Known { name: module.to_owned(), edits: vec![inserted(page, module, None)] })
}

/// A member that has to be imported by its own name, such as a helper of the project.
pub(crate) fn from(page: &Page, module: &str, member: &str) -> Option<Known> {
    if let Some(name) = imported_member(page, module, member) {
        return Some(Known { name, edits: Vec::new() });
    }
    if page.binds(member) {
        return None;
    }
    Some(Known { name: member.to_owned(), edits: vec![inserted(page, module, Some(member))] })
}

fn imported_member(page: &Page, module: &str, member: &str) -> Option<String> {
    page.module().iter().find_map(|stmt| {
        let Stmt::ImportFrom(import) = stmt else { return None };
        if import.level > 0 || import.module.as_ref().is_none_or(|it| it.as_str() != module) {
            return None;
        }
        let alias = import.names.iter().find(|it| it.name.as_str() == member)?;
        Some(alias.asname.as_ref().unwrap_or(&alias.name).to_string())
    })
}

/// The import statements that the file begins with.
fn lines(page: &Page) -> Vec<Line<'_>> {
    let is_docstring = |stmt: &Stmt| matches!(stmt, Stmt::Expr(it) if it.value.is_string_literal_expr());
    let body = page.module();
    let start = usize::from(body.first().is_some_and(is_docstring));
    body[start..].iter().map_while(|stmt| line(page, stmt)).collect()
}

fn line<'a>(page: &Page, stmt: &'a Stmt) -> Option<Line<'a>> {
    let (module, is_from, level) = match stmt {
        Stmt::Import(import) => (import.names.first()?.name.to_string(), false, 0),
        Stmt::ImportFrom(it) => (it.module.as_ref().map_or_else(String::new, ToString::to_string), true, it.level),
        _ => return None,
    };
    let section = if level > 0 { Section::Local } else { section(page, &module) };
    Some(Line { stmt, section, module, is_from })
}

fn section(page: &Page, module: &str) -> Section {
    let root = module.split('.').next().unwrap_or(module);
    match root {
        "__future__" => Section::Future,
        _ if is_standard_library(page.version.1, root) => Section::Standard,
        _ if page.belongs_to(root) => Section::First,
        _ => Section::Others,
    }
}

/// The edit that adds an import.
fn inserted(page: &Page, module: &str, member: Option<&str>) -> Edit {
    let newline = page.newline();
    let statement = match member {
        None => format!("import {module}"),
        Some(member) => format!("from {module} import {member}"),
    };
    let lines = lines(page);
    let mine = section(page, module);
    let same: Vec<&Line<'_>> = lines.iter().filter(|it| it.section == mine).collect();
    if let (Some(first), Some(last)) = (same.first(), same.last()) {
        // Where `from` stands above `import`, modules are sorted by name alone.
        let by_name = same.windows(2).any(|it| it[0].is_from && !it[1].is_from);
        let key = |is_from: bool, module: &str| (is_from && !by_name, module.to_lowercase(), is_from);
        let new = key(member.is_some(), module);
        let sorted = |it: &&&Line<'_>| key(it.is_from, &it.module) <= new;
        let at = match same.iter().rev().find(sorted) {
            Some(before) => page.next_line(before.stmt.end()),
            None => page.line_start(first.stmt.start()),
        };
        let unended = at == TextSize::new(page.text().len() as u32) && !page.text().ends_with('\n');
        let _ = last;
        let text = if unended { format!("{newline}{statement}") } else { format!("{statement}{newline}") };
        return page.insert(at, text);
    }
    if let Some(before) = lines.iter().rfind(|it| it.section < mine) {
        return page.insert(page.next_line(before.stmt.end()), format!("{newline}{statement}{newline}"));
    }
    if let Some(after) = lines.first() {
        return page.insert(page.line_start(after.stmt.start()), format!("{statement}{newline}{newline}"));
    }
    on_its_own(page, &statement)
}

/// An import in a file that begins with none.
fn on_its_own(page: &Page, statement: &str) -> Edit {
    let newline = page.newline();
    let is_docstring = |stmt: &&Stmt| matches!(stmt, Stmt::Expr(it) if it.value.is_string_literal_expr());
    if let Some(docstring) = page.module().first().filter(is_docstring) {
        let at = page.next_line(docstring.end());
        let follows = page.between(at, page.next_line(at)).trim();
        let gap = if follows.is_empty() { "" } else { newline };
        return page.insert(at, format!("{newline}{statement}{newline}{gap}"));
    }
    // Behind the line of the interpreter, of the encoding, and of the licence.
    let mut at = TextSize::new(0);
    while page.between(at, page.next_line(at)).starts_with('#') {
        at = page.next_line(at);
    }
    let gap = if at == TextSize::new(0) { "" } else { newline };
    page.insert(at, format!("{gap}{statement}{newline}{newline}"))
}

/// Where the code after the imports begins: new names of the module go there.
pub(crate) fn behind(page: &Page) -> TextSize {
    let body = page.module();
    let is_import = |stmt: &Stmt| matches!(stmt, Stmt::Import(_) | Stmt::ImportFrom(_));
    let guarded = |stmt: &Stmt| match stmt {
        Stmt::If(it) => page.of_node(&*it.test).contains("TYPE_CHECKING"),
        Stmt::Try(it) => it.body.iter().all(is_import),
        _ => is_import(stmt),
    };
    let first_code = body.iter().position(|it| matches!(it, Stmt::FunctionDef(_) | Stmt::ClassDef(_)));
    let head = &body[..first_code.unwrap_or(body.len())];
    match head.iter().rfind(|it| guarded(it)) {
        Some(last) => page.next_line(last.end()),
        None => match body.first() {
            Some(Stmt::Expr(it)) if it.value.is_string_literal_expr() => page.next_line(it.end()),
            Some(first) => page.above(first),
            None => TextSize::new(page.text().len() as u32),
        },
    }
}

impl Page {
    /// Whether a name is bound anywhere in the file, as far as its tokens tell.
    fn binds(&self, name: &str) -> bool {
        let mut finder = Binds { name, found: false };
        for stmt in self.module() {
            finder.stmt(stmt);
        }
        finder.found
    }

    /// Whether a name is written anywhere in a range.
    pub(crate) fn says(&self, range: TextRange, name: &str) -> bool {
        let text = self.of_node(range);
        text.match_indices(name).any(|(at, _)| {
            let is_word = |it: char| it.is_alphanumeric() || it == '_';
            !text[..at].ends_with(is_word) && !text[at + name.len()..].starts_with(is_word)
        })
    }

    /// The first of some names that is written nowhere in a range.
    pub(crate) fn fresh<'n>(&self, range: TextRange, names: &[&'n str]) -> Option<&'n str> {
        names.iter().copied().find(|it| !self.says(range, it))
    }
}

struct Binds<'n> {
    name: &'n str,
    found: bool,
}

impl Binds<'_> {
    /// Names that the module itself binds.
    fn stmt(&mut self, stmt: &Stmt) {
        let is = |identifier: &ast::Identifier| identifier.as_str() == self.name;
        self.found |= match stmt {
            Stmt::Import(it) => it.names.iter().any(|alias| {
                let root = alias.name.as_str().split('.').next().unwrap_or_default();
                alias.asname.as_ref().map_or(root == self.name, is)
            }),
            Stmt::ImportFrom(it) => it.names.iter().any(|alias| is(alias.asname.as_ref().unwrap_or(&alias.name))),
            Stmt::FunctionDef(it) => is(&it.name),
            Stmt::ClassDef(it) => is(&it.name),
            Stmt::Assign(it) => it.targets.iter().any(|it| it.as_name_expr().is_some_and(|it| it.id == self.name)),
            Stmt::AnnAssign(it) => it.target.as_name_expr().is_some_and(|it| it.id == self.name),
            Stmt::Try(it) => {
                let handlers = it.handlers.iter().flat_map(|it| match it {
                    ast::ExceptHandler::ExceptHandler(it) => it.body.iter(),
                });
                let inner: Vec<&Stmt> = it.body.iter().chain(handlers).chain(it.orelse.iter()).collect();
                inner.into_iter().for_each(|it| self.stmt(it));
                false
            }
            Stmt::If(it) => {
                it.body.iter().for_each(|it| self.stmt(it));
                it.elif_else_clauses.iter().flat_map(|it| it.body.iter()).for_each(|it| self.stmt(it));
                false
            }
            _ => false,
        };
    }
}
