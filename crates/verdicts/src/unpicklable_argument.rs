//! Values that are sent to another process and cannot be pickled.

use raddle_facts::models::Packing;
use raddle_program::crossing::{Crossing, Role, Start};
use raddle_program::pickling::Hindrance;
use raddle_program::{Program, ValueRef};
use raddle_vocabulary::{Finding, Proof, RuleId};

use crate::Judged;
use crate::pickling::{call_of, help, judge, story, title, value_of};
use crate::story::{act_at, site_of};

/// The rule's name.
pub const ID: &str = "unpicklable-argument";

/// Finds what cannot be sent.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for crossing in program.crossings() {
        if crossing.packing == Packing::Start && crossing.start == Start::Fork {
            continue;
        }
        // One finding for each call: whoever mends the first sees the next.
        let worst = crossing
            .sent
            .iter()
            .filter_map(|sent| {
                let at = ValueRef { unit: crossing.function.unit, value: sent.value };
                hindrance(program, crossing, sent.role, at).map(|found| (found, sent.role, at))
            })
            .reduce(|best, it| if it.0.confidence > best.0.confidence { it } else { best });
        if let Some((found, role, at)) = worst {
            acc.push(finding(program, crossing, &found, role, at));
        }
    }
}

fn hindrance(program: &Program, crossing: &Crossing, role: Role, at: ValueRef) -> Option<Hindrance> {
    match role {
        Role::Function | Role::Argument => program.hindrance(at, crossing.packing),
        Role::Items => program.item_hindrance(at, crossing.packing),
        Role::Tuples => program.tuple_hindrance(at, crossing.packing),
    }
}

fn finding(program: &Program, crossing: &Crossing, found: &Hindrance, role: Role, at: ValueRef) -> Finding {
    let value = value_of(program, crossing, at);
    let call = call_of(crossing);
    let judgement = judge(program, crossing, found.confidence);
    let function = program.short_name(crossing.function);
    Finding {
        rule: RuleId(ID.to_owned()),
        site: site_of(program, at.unit, act_at(program, crossing.function, crossing.act).span),
        message: title(program, found, &call, &value),
        help: Some(help(program, found)),
        level: judgement.level,
        confidence: judgement.confidence,
        story: story(program, crossing, found, role, &value),
        proof: Proof::Inferred { because: judgement.because },
        remedy: None,
        identity: vec![ID.to_owned(), program.unit(at.unit).module.to_string(), function.clone(), call, value],
        function,
    }
}
