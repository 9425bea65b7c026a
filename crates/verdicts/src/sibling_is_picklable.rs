//! Classes that cannot be pickled, while a sibling of theirs sees to it that it can.

use raddle_facts::{ActKind, Value};
use raddle_program::pickling::Within;
use raddle_program::{Ancestor, ClassRef, FunctionRef, Program};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Span, Step};

use crate::Judged;
use crate::pickling::class_name;
use crate::plain::Found;
use crate::processes::near_processes;
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "sibling-is-picklable";

/// What a class says about how it is pickled.
const STATE: &[&str] = &["__getstate__", "__reduce__", "__reduce_ex__"];

/// Finds them.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let near = near_processes(program, 3);
    for (unit, it) in program.own_units() {
        if it.facts.symbols.find("__getstate__").is_none() {
            continue;
        }
        for sibling in program.classes_of(unit).filter(|it| says(program, *it, &["__getstate__"])) {
            for base in bases(program, sibling) {
                for class in program.subclasses(base).iter().filter(|it| **it != sibling && near.contains(&it.unit)) {
                    acc.extend(finding(program, *class, sibling));
                }
            }
        }
    }
}

fn says(program: &Program, class: ClassRef, names: &[&str]) -> bool {
    let facts = &program.unit(class.unit).facts;
    let scope = facts.class(class.class).scope;
    names.iter().any(|it| !facts.bindings(scope, it).is_empty())
}

/// The classes of the project that a class names among its bases.
fn bases(program: &Program, class: ClassRef) -> Vec<ClassRef> {
    let own = program.ancestors(class);
    let own = own.iter().filter_map(|it| match it {
        Ancestor::Class(base) if *base != class && program.is_own(base.unit) => Some(*base),
        _ => None,
    });
    own.filter(|base| {
        // A mixin says nothing of what its users are.
        let name = class_name(program, *base);
        program.subclasses(*base).contains(&class) && !name.contains("Mixin")
    })
    .collect()
}

fn finding(program: &Program, class: ClassRef, sibling: ClassRef) -> Option<Finding> {
    let ancestors = program.ancestors(class);
    let says_itself = ancestors.iter().any(|it| match it {
        Ancestor::Class(base) => program.is_own(base.unit) && says(program, *base, STATE),
        Ancestor::Outside(_) | Ancestor::Unknown => false,
    });
    if says_itself {
        return None;
    }
    let found = program.instance_hindrance(class).filter(|it| it.confidence >= Confidence::Likely)?;
    let attribute = found.within.iter().find_map(|it| match it {
        Within::Attribute(owner, name) if *owner == class => Some(name.clone()),
        _ => None,
    })?;
    let (function, span) = first_write(program, class, &attribute)?;
    let name = class_name(program, class);
    let step = |of: ClassRef, span, key: &str| Step {
        actor: Actor::Main,
        act: Act::Send,
        site: site_of(program, of.unit, span),
        message: Message::new(key).arg("class", class_name(program, of)).arg("attribute", &*attribute),
    };
    Some(
        Found {
            rule: ID,
            function,
            span,
            message: Message::new("sibling")
                .arg("class", &*name)
                .arg("attribute", &*attribute)
                .arg("sibling", class_name(program, sibling)),
            help: "help",
            level: Level::Warning,
            confidence: Confidence::Likely,
            because: vec![Message::new("because-family")],
            story: vec![
                step(sibling, program.class(sibling).name_span, "step-sibling"),
                step(class, span, "step-attribute"),
            ],
        }
        .finish(program),
    )
}

/// Where the class first gives the attribute a value.
fn first_write(program: &Program, class: ClassRef, attribute: &str) -> Option<(FunctionRef, Span)> {
    let facts = &program.unit(class.unit).facts;
    let methods = program.functions_of(class.unit).filter(|it| program.function(*it).class == Some(class.class));
    methods
        .flat_map(|it| facts.acts_of(it.function).iter().map(move |act| (it, act)))
        .find(|(_, act)| match act.kind {
            ActKind::Write(place, _) => {
                matches!(facts.value(place), Value::Attribute(_, name) if facts.text(name) == attribute)
            }
            _ => false,
        })
        .map(|(function, act)| (function, act.span))
}
