//! A small machine that runs small programs under a strategy: what the bridge does for Python, in plain Rust.

use raddle_runtime::{
    ActorId, Blocked, Choice, ObjectId, Operation, Outcome, Point, Reason, Recorder, Strategy, Timer, Turn,
};

pub type Value = i32;

/// One instruction. Each actor has one register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    /// The register becomes the variable.
    Load(u32),
    /// The variable becomes the register plus a number.
    Store(u32, Value),
    /// The variable becomes a number.
    Put(u32, Value),
    /// The variable grows in one go, and the register is what it was.
    Add(u32, Value),
    /// The variable becomes the second number if it is the first; the register says whether.
    Swap(u32, Value, Value),
    Acquire(u32),
    /// The register says whether the lock was free.
    Try(u32),
    Release(u32),
    /// Takes the lock before a time, or the register becomes -1.
    AcquireWithin(u32, u64),
    Wait(u32),
    Set(u32),
    Clear(u32),
    Spawn(u16),
    Join(u16),
    Sleep(u64),
    /// Another task may run, where switches are made at awaits only.
    Await,
    /// Skips instructions if the register is this.
    SkipIf(Value, usize),
    /// Skips instructions if the register is not this.
    SkipUnless(Value, usize),
    /// Goes back.
    Back(usize),
    /// Ends an actor that somebody waits for, where there are daemons.
    End,
    /// What must not be reached.
    Fail,
}

/// Where actors can be interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// Before every shared act.
    Acts,
    /// At awaits and where they must wait.
    Awaits,
}

#[derive(Clone, Debug)]
pub struct Program {
    pub actors: Vec<Vec<Do>>,
    /// How many of them run from the start; the others are spawned.
    pub started: usize,
    pub grain: Grain,
    /// Nobody waits for the last so many.
    pub daemons: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct End {
    pub outcome: &'static str,
    pub variables: Vec<Value>,
    pub registers: Vec<Value>,
    pub stuck: Vec<u16>,
}

pub const VARIABLES: usize = 6;
const LOCKS: u32 = 100;
const EVENTS: u32 = 200;
const SLEEPS: u32 = 300;
const LONGEST: usize = 400;

pub struct Machine<'a> {
    program: &'a Program,
    at: Vec<usize>,
    alive: Vec<bool>,
    registers: Vec<Value>,
    variables: Vec<Value>,
    locks: Vec<Option<u16>>,
    events: Vec<bool>,
    due: Vec<u64>,
    now: u64,
    failed: bool,
    runnable: Vec<Choice>,
    blocked: Vec<Blocked>,
    timers: Vec<Timer>,
}

pub struct Ran {
    pub end: End,
    pub outcome: Outcome,
    pub blocked: Vec<Blocked>,
}

impl Program {
    pub fn new(actors: &[&[Do]]) -> Self {
        let actors: Vec<_> = actors.iter().map(|code| code.to_vec()).collect();
        Self { started: actors.len(), actors, grain: Grain::Acts, daemons: 0 }
    }

    /// Runs once. `end_run` is left to the caller, who knows what comes next.
    pub fn run(&self, strategy: &mut dyn Strategy, recorder: &mut Recorder) -> Ran {
        Machine::new(self).run(strategy, recorder)
    }
}

impl<'a> Machine<'a> {
    fn new(program: &'a Program) -> Self {
        let actors = program.actors.len();
        let mut it = Self {
            program,
            at: vec![0; actors],
            alive: (0..actors).map(|actor| actor < program.started).collect(),
            registers: vec![0; actors],
            variables: vec![0; VARIABLES],
            locks: vec![None; VARIABLES],
            events: vec![false; VARIABLES],
            due: vec![0; actors],
            now: 0,
            failed: false,
            runnable: Vec::new(),
            blocked: Vec::new(),
            timers: Vec::new(),
        };
        for actor in 0..program.started {
            it.settle(actor);
        }
        it
    }

    fn instruction(&self, actor: usize) -> Option<Do> {
        self.program.actors[actor].get(self.at[actor]).copied()
    }

    /// Passes over what nobody else can see; whether that has set a time to wait for.
    fn settle(&mut self, actor: usize) -> bool {
        loop {
            match self.instruction(actor) {
                Some(Do::SkipIf(value, count)) => {
                    self.at[actor] += 1 + if self.registers[actor] == value { count } else { 0 };
                }
                Some(Do::SkipUnless(value, count)) => {
                    self.at[actor] += 1 + if self.registers[actor] == value { 0 } else { count };
                }
                Some(Do::Back(count)) => self.at[actor] -= count,
                Some(Do::Await) if self.program.grain == Grain::Acts => self.at[actor] += 1,
                Some(Do::Fail) => {
                    self.failed = true;
                    self.at[actor] += 1;
                }
                Some(Do::Sleep(time) | Do::AcquireWithin(_, time)) => {
                    self.due[actor] = self.now + time;
                    return true;
                }
                _ => return false,
            }
        }
    }

    fn operation(&self, actor: usize, instruction: Do) -> Operation {
        match instruction {
            Do::Load(variable) => Operation::Read(ObjectId(variable)),
            Do::Store(variable, _) | Do::Put(variable, _) => Operation::Write(ObjectId(variable)),
            Do::Add(variable, _) | Do::Swap(variable, ..) => Operation::Update(ObjectId(variable)),
            Do::Acquire(lock) => Operation::Acquire(ObjectId(LOCKS + lock)),
            Do::Try(lock) | Do::AcquireWithin(lock, _) => Operation::TryAcquire(ObjectId(LOCKS + lock)),
            Do::Release(lock) if self.locks[lock as usize].is_none() => Operation::Update(ObjectId(LOCKS + lock)),
            Do::Release(lock) => Operation::Release(ObjectId(LOCKS + lock)),
            Do::Wait(event) => Operation::Wait(ObjectId(EVENTS + event)),
            Do::Set(event) | Do::Clear(event) => Operation::Notify(ObjectId(EVENTS + event)),
            Do::Spawn(_) => Operation::Spawn,
            Do::Join(actor) => Operation::Join(ActorId(actor)),
            Do::Sleep(_) => Operation::Timeout(ObjectId(SLEEPS + actor as u32)),
            Do::Await => Operation::Step,
            Do::End => Operation::Opaque,
            other => unreachable!("{other:?} is passed over"),
        }
    }

    fn holder(&self, instruction: Do) -> Option<Option<u16>> {
        match instruction {
            Do::Acquire(lock) | Do::AcquireWithin(lock, _) => self.locks[lock as usize].map(Some),
            Do::Wait(event) => (!self.events[event as usize]).then_some(None),
            Do::Join(actor) => {
                let other = usize::from(actor);
                let ended = self.alive[other] && self.instruction(other).is_none();
                (!ended).then_some(Some(actor))
            }
            _ => None,
        }
    }

    fn waits(instruction: Do) -> bool {
        matches!(instruction, Do::Acquire(_) | Do::AcquireWithin(..) | Do::Wait(_) | Do::Join(_) | Do::Sleep(_))
    }

    fn look(&mut self, current: Option<usize>) {
        self.runnable.clear();
        self.blocked.clear();
        self.timers.clear();
        let actors = self.at.len();
        // Tasks take turns; threads stand in order.
        let first = if self.program.grain == Grain::Awaits { current.map_or(0, |it| it + 1) } else { 0 };
        for actor in (first..first + actors).map(|it| it % actors) {
            let Some(instruction) = self.instruction(actor).filter(|_| self.alive[actor]) else { continue };
            let id = ActorId(actor as u16);
            let holder = self.holder(instruction);
            match (instruction, holder) {
                (Do::Sleep(_), _) => {
                    let object = ObjectId(SLEEPS + actor as u32);
                    self.timers.push(Timer { actor: id, object, due: self.due[actor], ready: true });
                }
                (Do::AcquireWithin(lock, _), Some(_)) => {
                    self.timers.push(Timer {
                        actor: id,
                        object: ObjectId(LOCKS + lock),
                        due: self.due[actor],
                        ready: true,
                    });
                }
                (_, Some(holder)) => {
                    let operation = self.operation(actor, instruction);
                    self.blocked.push(Blocked { actor: id, operation, holder: holder.map(ActorId) });
                }
                (_, None) => {
                    let coarse = self.program.grain == Grain::Awaits && !Self::waits(instruction);
                    let operation = if coarse { Operation::Step } else { self.operation(actor, instruction) };
                    self.runnable.push(Choice { actor: id, operation });
                }
            }
        }
        // Whoever is due first fires first.
        let earliest = self.timers.iter().map(|timer| timer.due).min().unwrap_or(0);
        for timer in &mut self.timers {
            timer.ready = timer.due == earliest;
        }
    }

    fn perform(&mut self, actor: usize, strategy: &mut dyn Strategy) {
        let instruction = self.instruction(actor).expect("a chosen actor has something to do");
        self.at[actor] += 1;
        let who = Some(actor as u16);
        match instruction {
            Do::Load(variable) => self.registers[actor] = self.variables[variable as usize],
            Do::Store(variable, more) => self.variables[variable as usize] = self.registers[actor] + more,
            Do::Put(variable, value) => self.variables[variable as usize] = value,
            Do::Add(variable, more) => {
                self.registers[actor] = self.variables[variable as usize];
                self.variables[variable as usize] += more;
            }
            Do::Swap(variable, old, new) => {
                let same = self.variables[variable as usize] == old;
                self.registers[actor] = Value::from(same);
                if same {
                    self.variables[variable as usize] = new;
                }
            }
            Do::Acquire(lock) => self.locks[lock as usize] = who,
            Do::AcquireWithin(lock, _) => match self.locks[lock as usize] {
                None => {
                    self.locks[lock as usize] = who;
                    self.registers[actor] = 1;
                }
                Some(_) => {
                    self.now = self.now.max(self.due[actor]);
                    self.registers[actor] = -1;
                }
            },
            Do::Try(lock) => {
                self.registers[actor] = Value::from(self.locks[lock as usize].is_none());
                if self.locks[lock as usize].is_none() {
                    self.locks[lock as usize] = who;
                }
            }
            Do::Release(lock) => {
                if self.locks[lock as usize].is_none() {
                    self.registers[actor] = -7;
                    strategy.observe(Operation::Update(ObjectId(LOCKS + lock)));
                }
                self.locks[lock as usize] = None;
            }
            Do::Set(event) => self.events[event as usize] = true,
            Do::Clear(event) => self.events[event as usize] = false,
            Do::Spawn(child) => {
                self.alive[usize::from(child)] = true;
                if self.settle(usize::from(child)) {
                    strategy.observe(Operation::Clock);
                }
            }
            Do::Sleep(_) => self.now = self.now.max(self.due[actor]),
            _ => {}
        }
        if self.settle(actor) {
            strategy.observe(Operation::Clock);
        }
    }

    /// Runs an actor up to its next switch point.
    fn go_on(&mut self, actor: usize, strategy: &mut dyn Strategy) {
        let first = self.instruction(actor).expect("a chosen actor has something to do");
        if self.program.grain == Grain::Awaits && !Self::waits(first) {
            strategy.observe(self.operation(actor, first));
        }
        self.perform(actor, strategy);
        while self.program.grain == Grain::Awaits
            && let Some(next) = self.instruction(actor)
            && next != Do::Await
            && !Self::waits(next)
        {
            strategy.observe(self.operation(actor, next));
            self.perform(actor, strategy);
        }
    }

    fn only_daemons(&self) -> bool {
        let others = 0..self.program.actors.len() - self.program.daemons;
        others.into_iter().all(|actor| self.alive[actor] && self.instruction(actor).is_none())
    }

    fn reason(&self, current: Option<usize>) -> Reason {
        let Some(current) = current else { return Reason::Start };
        let id = ActorId(current as u16);
        if self.instruction(current).is_none() {
            Reason::Ended
        } else if !self.runnable.iter().any(|it| it.actor == id) {
            Reason::Blocked
        } else if self.program.grain == Grain::Awaits {
            Reason::Awaited
        } else {
            Reason::Access
        }
    }

    fn run(mut self, strategy: &mut dyn Strategy, recorder: &mut Recorder) -> Ran {
        strategy.begin_run();
        recorder.begin_run();
        let mut current = None;
        let mut outcome = None;
        for step in 0.. {
            self.look(current);
            if self.runnable.is_empty() && self.timers.is_empty() || self.only_daemons() {
                break;
            }
            if step == LONGEST {
                outcome = Some(Outcome::Cut);
                break;
            }
            let reason = self.reason(current);
            let key = current.map_or(0, |it| self.at[it] as u64 + 1);
            let point = Point {
                current: current.map(|it| ActorId(it as u16)),
                reason,
                key,
                runnable: &self.runnable,
                blocked: &self.blocked,
                timers: &self.timers,
            };
            let Turn::Run(chosen) = strategy.choose(&point) else {
                outcome = Some(Outcome::Abandoned);
                break;
            };
            assert!(point.operation(chosen).is_some(), "{chosen:?} cannot run at {point:?}");
            recorder.note(&point, chosen);
            let actor = usize::from(chosen.0);
            self.go_on(actor, strategy);
            current = Some(actor);
        }
        let is_over = self.blocked.is_empty() || self.only_daemons();
        if self.only_daemons() {
            for actor in self.runnable.iter().map(|it| it.actor).chain(self.timers.iter().map(|it| it.actor)) {
                strategy.left_over(actor);
            }
        }
        let natural = match (self.failed, is_over) {
            (true, _) => Outcome::Failed,
            (false, true) => Outcome::Passed,
            (false, false) => Outcome::Deadlock,
        };
        let outcome = outcome.unwrap_or(natural);
        let name = match outcome {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Deadlock => "deadlock",
            Outcome::Cut => "cut",
            Outcome::Abandoned => "abandoned",
        };
        let mut stuck: Vec<u16> = self.blocked.iter().map(|it| it.actor.0).collect();
        stuck.sort_unstable();
        let end = End { outcome: name, variables: self.variables, registers: self.registers, stuck };
        Ran { end, outcome, blocked: self.blocked }
    }
}
