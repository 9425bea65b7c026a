//! Measures discovery, parsing and types on a folder: `measure FOLDER [all|receivers]`.
#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;
use std::time::Instant;

use raddle_source::syntax::ast::Expr;
use raddle_source::syntax::{
    Ranged, span,
    visitor::{Visitor, walk_expr},
};
use raddle_source::{Answer, Request, Types, discover, parse};
use raddle_vocabulary::Span;

struct Receivers(Vec<Span>);
impl<'a> Visitor<'a> for Receivers {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Attribute(it) = expr {
            self.0.push(span(it.value.range()));
        }
        walk_expr(self, expr);
    }
}

fn main() {
    let folder = std::env::args().nth(1).unwrap();
    let here = std::env::current_dir().unwrap();
    let start = Instant::now();
    let project =
        discover(&Request { paths: vec![folder.into()], working_directory: here, ..Request::default() }).unwrap();
    println!("discover {} files {:?}", project.files.len(), start.elapsed());
    let start = Instant::now();
    let mut questions = Vec::new();
    let mut bytes = 0;
    for file in &project.files {
        let Ok(text) = file.read() else { continue };
        bytes += text.content.len();
        let Ok(tree) = parse(&text, file.kind, project.settings.python_version) else { continue };
        let mut spans = Receivers(Vec::new());
        for stmt in &tree.body {
            spans.visit_stmt(stmt);
        }
        questions.push((file, text, spans.0));
    }
    println!("read and parse {} bytes {:?}", bytes, start.elapsed());
    let start = Instant::now();
    let types = Types::new(&project).unwrap();
    println!("types new {:?}", start.elapsed());
    let start = Instant::now();
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    let mut slow = Vec::new();
    for (file, text, spans) in &questions {
        for span in spans {
            let before = types.counts().work;
            let one = Instant::now();
            let answer = types.classes(&file.path, *span, text);
            let took = one.elapsed();
            let cost = types.counts().work - before;
            slow.push((cost, took, file.display.clone(), span.start, format!("{answer:?}")));
            let kind = match answer {
                Answer::Unknown(because) => format!("{because:?}"),
                Answer::Instance(_) => "Instance".into(),
                Answer::Class(_) => "Class".into(),
                Answer::Module(_) => "Module".into(),
            };
            *kinds.entry(kind).or_default() += 1;
        }
    }
    let took = start.elapsed();
    let counts = types.counts();
    println!(
        "{} questions {:?} = {:.0}/s; {kinds:?}; {counts:?}",
        counts.questions,
        took,
        counts.questions as f64 / took.as_secs_f64()
    );
    slow.sort_by_key(|one| std::cmp::Reverse(one.0));
    for one in slow.iter().take(8) {
        println!("{one:?}");
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    for line in status.lines().filter(|line| line.starts_with("VmHWM")) {
        println!("{line}");
    }
    let start = Instant::now();
    drop(types);
    println!("drop {:?}", start.elapsed());
}
