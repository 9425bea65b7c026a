"""Which rule a failure is an instance of, by what its run shows; nothing where no shape fits."""

import ast

from raddle import _places

_CHANGED = "changed size during iteration"


def of_deadlock(waits, ended):
    """A circle of locks, a lock of one's own, one that nobody gives back, or a wait for something else with a lock held."""
    holders = {it.actor: it for it in waits}
    locked = [it for it in waits if it.since is not None]
    for it in locked:
        if it.holder == it.actor:
            return "self-deadlock"
        if it.holder in ended:
            return "lock-not-released"
    for start in locked:
        seen, at = [], start
        while at is not None and at.actor not in seen:
            seen.append(at.actor)
            at = holders.get(at.holder) if at.holder is not None else None
        if at is not None and len(seen) > 1:
            return "lock-order-cycle" if all(it.since is not None for it in waits if it.actor in seen) else "wait-while-holding-lock"
    return "wait-while-holding-lock" if any(it.holder in holders for it in locked) else None


def of_run(trace, error, is_tasks):
    """A read that another actor's write made stale before the actor's own write."""
    if error is not None and isinstance(error, RuntimeError) and _CHANGED in str(error):
        return "mutated-while-iterated"
    for at, look in enumerate(trace):
        if look.verb not in ("reads", "updates") or not look.what:
            continue
        shape = _gap(trace, at, look)
        if shape is not None:
            write, other = shape
            if is_tasks:
                return "await-splits-update" if _is_test(look) or _same(look.what, write.what) else None
            if _is_first_time(look) and _same(look.what, write.what):
                return "lazy-init-race"
            return "check-then-act" if _is_test(look) else "unguarded-shared-write"
    return None


def telling(trace):
    """Without looks at what nobody changes in this run."""
    changed = {_root(it.what) for it in trace if it.verb in ("writes", "updates")}
    return [it for it in trace if it.verb != "reads" or it.switch or _root(it.what) in changed]


def _gap(trace, at, look):
    """The actor's own write after another one's in between, if there are such."""
    other = None
    for step in trace[at + 1:]:
        if step.actor != look.actor:
            if step.verb in ("writes", "updates") and _same(step.what, look.what):
                other = step
        elif step.verb in ("writes", "updates") and other is not None and (_same(step.what, look.what) or _is_test(look)):
            return step, other
        elif step.verb == "reads" and _same(step.what, look.what) and step.place != look.place:
            return None
    return None


def _root(what):
    """`self.items.append(1)` and `state.items[0]` are both about `items`."""
    try:
        tree = ast.parse(what, mode="eval").body
    except (SyntaxError, ValueError):
        return what
    while isinstance(tree, (ast.Call, ast.Subscript)):
        tree = tree.func.value if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute) else getattr(tree, "value", None) or (tree.args[0] if getattr(tree, "args", None) else None)
    if isinstance(tree, ast.Compare):
        tree = tree.comparators[-1]
    if isinstance(tree, ast.Attribute):
        return tree.attr
    return tree.id if isinstance(tree, ast.Name) else what


def _same(one, other):
    return bool(one) and _root(one) == _root(other)


def _is_test(step):
    return _places.text(step.place).startswith(("if ", "elif ", "while ")) or " if " in _places.text(step.place)


def _is_first_time(step):
    source = _places.text(step.place)
    return _is_test(step) and (" is None" in source or source.startswith(("if not ", "elif not ")) and " in " not in source)
