"""One run: actors on threads of their own, of which one moves at a time.

Every actor has a baton, a real lock it sleeps on. At a switch point the actor that runs asks the strategy who goes on, and hands the
turn over. Locks, joins and time are data here, so "nobody can go on" is seen at once and without waiting.
"""

import _thread

from raddle import _places, _pool, _seen
from raddle._exploration import Step, Wait
from raddle._words import say

LOCAL, READ, WRITE, UPDATE, ACQUIRE, TRY, RELEASE, CLOCK, SPAWN, JOIN, STEP, OPAQUE = range(12)
START, ACCESS, BLOCKED, YIELDED, AWAITED, ENDED = range(6)
PASSED, FAILED, DEADLOCK, CUT, ABANDONED = range(5)

VERBS = ("waits", "reads", "writes", "updates", "acquires", "tries", "releases", "clock", "starts", "joins", "runs", "calls")
LATENESS = 20_000
"""How many microseconds a timer may be early or late against what else goes on."""
MOST_STEPS = 20_000
PATIENCE = 5.0
"""How many real seconds nothing may happen before the run counts as out of control."""

_get_ident = _thread.get_ident
_allocate = _thread.allocate_lock


class Abort(BaseException):
    """Ends an actor whose run is over."""


class Actor:
    """Whatever runs on its own, and what it is about to do."""

    __slots__ = ("number", "name", "baton", "op", "obj", "lock", "due", "waits", "target", "done", "daemon", "error", "fired", "gil", "locks", "place", "carrier", "thread", "is_worker", "detail", "waited")

    def __init__(self, number, name, daemon):
        self.number, self.name, self.daemon = number, name, daemon
        self.op, self.obj, self.lock, self.due, self.waits, self.target = LOCAL, 0, None, None, False, None
        self.done = self.fired = False
        self.gil = True
        self.error = self.place = self.thread = self.detail = None
        self.is_worker = self.waited = False
        self.locks = 0


class World:
    """The actors of one run and the strategy that orders them."""

    def __init__(self, search, model, record=False):
        self.search, self.model = search, model
        self.actors, self.by_ident = [], {}
        self.current = None
        self.objects = {}
        self.clock = 0
        self.steps = 0
        self.abort = False
        self.outcome = None
        self.waiting = []
        self.stuck = []
        self.waits = []
        self.over = _allocate()
        self.over.acquire()
        self.trace = [] if record else None
        self.uncontrolled = None
        self.preempted = False
        self.loops = []
        self.names = {}
        self.unsettled = None
        self.doubts = set()
        self.setup_locks = 0
        self.threads = 0

    # objects and actors

    def object(self, key):
        """The number of an object; given in the order of first sight."""
        number = self.objects.get(key)
        if number is None:
            number = self.objects[key] = len(self.objects) + 1
        return number

    def me(self):
        """The actor of this thread, if it is one."""
        return self.by_ident.get(_get_ident())

    def spawn(self, name, body, daemon=False, is_worker=False):
        """A new actor; it runs `body` once it is chosen."""
        me = self.me()
        if me is not None:
            self.point(me, SPAWN, 0)
        actor = Actor(len(self.actors), name, daemon or is_worker)
        actor.is_worker = is_worker
        self.actors.append(actor)
        actor.carrier = _pool.take(self._run, actor, body)
        actor.baton = actor.carrier.baton
        return actor

    def _run(self, actor, body):
        self.by_ident[_get_ident()] = actor
        try:
            if not self.abort:
                body()
        except Abort:
            pass
        except BaseException as error:
            if not self.abort:
                actor.error = error
        finally:
            actor.done = True
            self.by_ident.pop(_get_ident(), None)
            if not self.abort:
                self._pass_on(actor)

    def _pass_on(self, actor):
        if all(other.done or other.daemon and not self._counts(other) for other in self.actors):
            if any(not other.done and (self._can(other) or other.due is not None) for other in self.actors):
                self.doubts.add("daemons")
            self.finish(PASSED)
            return
        chosen = self._choose(actor, ENDED, 0)
        if chosen is not None:
            chosen.baton.release()

    def _counts(self, actor):
        """Whether a worker of a pool has work: at exit it would be waited for, and while it is idle not."""
        return actor.is_worker and self._can(actor)

    # the one question

    def point(self, me, op, obj, reason=ACCESS, lock=None, due=None, target=None, waits=False):
        """Says what the actor does next and waits for its turn; whether its time was over before it had what it waits for."""
        if self.abort:
            if reason == ACCESS:
                return False
            raise Abort
        me.op, me.obj, me.lock, me.due, me.target, me.waits = op, obj, lock, due, target, waits
        me.fired = False
        key, me.place = _places.here()
        if self.trace is not None and lock is not None and not self.names.get(obj):
            self.names[obj] = _seen.called(lock)
        self.steps += 1
        if self.steps > MOST_STEPS:
            self.finish(CUT)
            raise Abort
        if reason == ACCESS and not self._can(me):
            reason = BLOCKED
        would_go_on = reason == ACCESS
        chosen = self._choose(me, reason, key)
        if chosen is not me:
            self.preempted = would_go_on
            if chosen is not None:
                chosen.baton.release()
                me.baton.acquire()
            if self.abort:
                raise Abort
        if self.trace is not None:
            self._record(me, op, obj, target, lock)
        me.gil = False
        me.lock = me.due = me.target = me.detail = None
        me.waits = False
        return me.fired

    def _record(self, me, op, obj, target, lock):
        """Takes down a step; what it writes is looked at when the next one comes, since nobody runs in between."""
        self.settle()
        what, value, look, verb = "", "", None, VERBS[op]
        if lock is not None and lock.is_waiter:
            # The lock of a wait is taken once to have it, and once more to wait for whoever gives it back.
            verb = "notifies" if op == RELEASE else "waits" if me.waited else None
            me.waited = verb is None
        if verb is None or op == TRY and _seen.is_inner():
            return
        if me.detail is not None:
            frame, code, offset = me.detail
            what = _seen.what_at(code, offset)
            look = _seen.value_at(frame, code, offset) if op in (READ, WRITE, UPDATE) else None
        if look is not None and op == READ:
            value, look = look(), None
        what = target.name if target is not None else what or self._called(obj)
        self.trace.append(Step(me.number, me.name, verb, what, me.place, value, self.preempted))
        self.preempted = False
        self.unsettled = look

    def note(self, *_):
        """What setup and check touch is no step."""

    def settle(self):
        """The last step is over: what it has written can be seen."""
        look, self.unsettled = self.unsettled, None
        if look is not None:
            self.trace[-1] = self.trace[-1]._replace(value=look())

    def _called(self, number):
        name = self.names.get(number)
        if name:
            return name
        for key, value in self.objects.items():
            if value == number:
                return key[1] if isinstance(key[1], str) else f"lock {key[2]}"
        return ""

    def _can(self, actor):
        if actor.waits:
            return False
        if actor.target is not None:
            return actor.target.done
        return actor.lock is None or actor.op == RELEASE or actor.op == TRY and actor.due is None or actor.lock.owner is None

    def _choose(self, me, reason, key):
        runnable, blocked, armed = [], [], []
        for actor in self.actors:
            if actor.done:
                continue
            if self._can(actor):
                runnable.append((actor.number, actor.op, actor.obj))
            elif actor.due is not None:
                armed.append(actor)
            else:
                holder = actor.lock.owner if actor.lock is not None else actor.target
                blocked.append((actor.number, actor.op, actor.obj, holder.number if isinstance(holder, Actor) else -1))
        timers = []
        if armed:
            first = min(actor.due for actor in armed)
            latest = (min(first, self.clock) if runnable else first) + LATENESS
            timers = [(actor.number, actor.obj, actor.due, actor.due <= latest) for actor in armed]
        if not runnable and not timers and all(it.done or it.daemon for it in self.actors):
            self.finish(PASSED)
            return None
        if not runnable and not timers:
            self.stuck = [actor for actor in self.actors if not actor.done]
            self.waiting = blocked
            # The locks are forgotten as soon as the actors are told to end.
            self.waits = [it for actor in self.stuck for it in _waits(self, actor)]
            self.finish(DEADLOCK)
            return None
        if reason == YIELDED and len(runnable) > 1:
            runnable.sort(key=lambda it: it[0] == me.number)
        number = self.search.choose(-1 if me is None else me.number, reason, key, runnable, blocked, timers)
        if number < 0:
            self.waiting = blocked
            self.finish(ABANDONED)
            return None
        chosen = self.actors[number]
        if timers and any(number == it[0] for it in timers):
            self.clock = max(self.clock, chosen.due)
            chosen.fired = True
        self.current = chosen
        return chosen

    def finish(self, outcome):
        """The run is over; the thread that began it is woken."""
        if self.outcome is None:
            self.outcome = outcome
            self.abort = True
            self.over.release()

    def run(self):
        """Lets the actors run to the end; gives the outcome."""
        if self.actors:
            chosen = self._choose(None, START, 0)
            if chosen is not None:
                chosen.baton.release()
            seen = -1
            while not self.over.acquire(timeout=PATIENCE):
                if self.steps == seen:
                    self.uncontrolled = say("real-wait")
                    self.finish(CUT)
                seen = self.steps
        else:
            self.outcome = PASSED
        self.abort = True
        for actor in self.actors:
            was_done = actor.done
            if not was_done:
                # It may be on its way rather than wait for its baton, which then lies about: no other actor may find it.
                actor.carrier.leaves = True
                actor.baton.release()
            if not actor.carrier.ended.acquire(timeout=1.0):
                self.uncontrolled = self.uncontrolled or say("no-end")
            elif was_done:
                _pool.give_back(actor.carrier)
        return self.outcome

    # what actors do

    def sleep(self, seconds):
        """Virtual time."""
        me = self.me()
        if me is None:
            return
        if seconds <= 0:
            self.point(me, LOCAL, 0, YIELDED)
        else:
            self.point(me, LOCAL, self.object(("sleep", "sleep", me.number)), BLOCKED, due=self.clock + int(seconds * 1e6), waits=True)

    def sleep_outside(self, seconds):
        """Nobody waits for whoever is no actor."""

    def now(self):
        """Looks at the virtual clock, in seconds."""
        if self.me() is not None and not self.abort:
            self.search.observe(CLOCK, 0)
        return self.clock / 1e6

    def join(self, target, timeout=None):
        """Waits for another actor."""
        me = self.me()
        if me is None or target.done:
            if me is not None:
                self.point(me, JOIN, target.number, target=target)
            return
        due = None if timeout is None else self.clock + int(max(timeout, 0) * 1e6)
        self.point(me, JOIN, target.number, target=target, due=due)


def _waits(world, actor):
    """An event loop waits with all of its tasks."""
    loop = next((it for it in world.loops if it.actor is actor and actor.waits), None)
    return [_wait(world, actor)] if loop is None else loop.waits()


def _wait(world, actor):
    """Who waits for what, where, and who holds it."""
    if actor.lock is not None:
        owner = None if actor.lock.is_waiter else actor.lock.owner
        holder = owner.name if isinstance(owner, Actor) else None
        return Wait(actor.name, world._called(actor.obj), actor.place, holder, actor.lock.place if holder else None)
    if actor.target is not None:
        return Wait(actor.name, actor.target.name, actor.place, actor.target.name, None)
    return Wait(actor.name, "", actor.place, None, None)


def told(waits):
    """A deadlock in words."""
    lines = [say("deadlock")]
    for it in waits:
        where = _places.shown(it.place)
        values = {"actor": it.actor, "where": where}
        if it.since is not None or it.holder is not None and it.what != it.holder:
            line = say("waits-held", lock=it.what, holder=it.holder, since=_places.shown(it.since), **values)
        elif it.holder is not None:
            line = say("waits-end", other=it.holder, **values)
        elif it.what:
            line = say("waits-lock", lock=it.what, **values)
        else:
            line = say("waits", **values)
        lines.append("  " + line)
    return "\n".join(lines)
