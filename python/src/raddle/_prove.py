"""`raddle prove`: writes a harness for a finding of `raddle check`, and looks for a schedule in which it comes true."""

import ast
import dataclasses
import os
import tempfile

from raddle import _bridge, _build, _explore, _harness, _target
from raddle._words import Refusal, say

RACES = {"unguarded-shared-write", "check-then-act", "lazy-init-race", "inconsistent-guard", "await-splits-update", "mutated-while-iterated"}
DEADLOCKS = {"lock-order-cycle", "self-deadlock", "lock-not-released", "wait-while-holding-lock"}
_TELLING = {"read", "write", "acquire", "release", "await", "swallow-cancel", "update", "touch"}
_AFTER = (0, 0.02, 2.0)


@dataclasses.dataclass
class Proof:
    """What came of it."""

    finding: dict
    harness: str | None
    exploration: object
    """What was explored, or nothing where a harness could not be made."""
    needs: str
    """Why there is none."""

    @property
    def is_replayed(self):
        """Whether a schedule shows it."""
        return self.exploration is not None and self.exploration.verdict == "failed"

    def as_data(self):
        """The finding, with its proof as `raddle check` writes it where there is one."""
        proof = {"kind": "replayed", "schedule": self.exploration.token} if self.is_replayed else self.finding["proof"]
        explored = None if self.exploration is None else self.exploration.as_data()
        return {**self.finding, "proof": proof, "harness": self.harness, "needs": self.needs or None, "exploration": explored}

    def __str__(self):
        place = f"{self.finding['file']}:{self.finding['line']}"
        head = f"{place} [{self.finding['rule']}] {self.finding['message']}"
        if self.exploration is None:
            return f"{head}\n{say('prove-needs', what=self.needs)}"
        key = "prove-replayed" if self.is_replayed else "prove-not-replayed"
        return f"{head}\n{say(key, harness=self.harness)}\n\n{self.exploration}"


def prove(finding, options):
    """Tries each harness that fits the finding."""
    try:
        harnesses = list(_harnesses(finding))
    except Refusal as reason:
        return Proof(finding, None, None, str(reason))
    last = None
    for kinds, path in harnesses:
        try:
            _controlled(path, options)
            (model,) = _target.models(path, "MODEL", f"{path}::MODEL")
            found = _explore.search(model, options, quiet=True)
        except Refusal as reason:
            return Proof(finding, path, None, str(reason))
        if found.verdict == "failed" and found.kind not in kinds:
            # It breaks, and not as the finding says: that is no proof of it.
            found = dataclasses.replace(found, verdict="not-found", coverage=say("prove-otherwise", text=found.failure.splitlines()[0]))
        last = Proof(finding, path, found, "")
        if last.is_replayed:
            return last
    return last


def _controlled(path, options):
    """Calls that differ from one time to the next say nothing of schedules."""
    with open(path, encoding="utf-8") as harness:
        if "CONTROL" not in harness.read():
            return
    (model,) = _target.models(path, "CONTROL", f"{path}::CONTROL")
    undisturbed = _bridge.Search("random").last(model.fingerprint)[0]
    if _explore.again(model, undisturbed, options, quiet=True).verdict in ("failed", "uncontrolled"):
        raise Refusal("prove-differs")


def _harnesses(finding):
    """The ways in which a failure counts, and the file that explores it."""
    rule, file = finding["rule"], os.path.abspath(finding["file"])
    if rule not in RACES | DEADLOCKS | {"cancellation-swallowed", "coroutine-never-awaited"}:
        raise Refusal("prove-rule", rule=rule)
    module = _harness.load(file)
    functions, is_nested = _functions(finding, file)
    calls = [_build.call(module, it) for it in functions]
    if is_nested and rule == "cancellation-swallowed":
        raise Refusal("prove-nested", name=functions[0])
    if rule == "cancellation-swallowed":
        for after in _AFTER:
            yield ("invariant",), _written(finding, file, functions[:1], f"cancelled(module, build, CALLS[0], {after})")
    elif rule == "coroutine-never-awaited":
        yield ("never-awaited",), _written(finding, file, functions[:1], "together(module, build, CALLS, True)")
    elif is_nested:
        # What stands inside can only be reached by a run of the whole, which says by its undisturbed end what is right.
        whole, kinds = ("together", ("deadlock",)) if rule in DEADLOCKS else ("serial", ("invariant", "exception"))
        yield kinds, _written(finding, file, functions[:1], f"{whole}(module, build, CALLS)")
    elif rule in DEADLOCKS:
        pair = functions if len(functions) > 1 or rule == "self-deadlock" else functions * 2
        yield ("deadlock",), _written(finding, file, pair, "together(module, build, CALLS)")
    else:
        pair = [functions[0], functions[0]]
        yield ("invariant", "exception"), _written(finding, file, pair, "serial(module, build, CALLS)")
        if len(calls) > 1:
            yield ("invariant", "exception"), _written(finding, file, functions[:2], "serial(module, build, CALLS)")


def _functions(finding, file):
    """Names of the functions that the finding is about, the one it stands in first."""
    with open(file, "rb") as source:
        tree = ast.parse(source.read(), file)
    places = [(finding["file"], finding["line"])]
    places += [(it["file"], it["line"]) for it in finding["story"] if it["act"] in _TELLING]
    found, is_nested = [], False
    for where, line in places:
        name, inner = _around(tree, line) if os.path.abspath(where) == file else (None, 0)
        if name is not None and name not in found:
            is_nested |= inner > 1 and not found
            found.append(name)
    if not found:
        raise Refusal("prove-no-function", place=f"{finding['file']}:{finding['line']}")
    return found, is_nested


def _around(tree, line):
    """The outermost function around a line, and how many stand around it."""
    names = []

    def enter(body):
        for node in body:
            is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            if (is_function or isinstance(node, ast.ClassDef)) and node.lineno <= line <= node.end_lineno:
                names.append((node.name, is_function))
                return enter(node.body)

    enter(tree.body)
    inner = sum(is_function for _, is_function in names)
    if inner == 0:
        return None, 0
    outermost = next(at for at, (_, is_function) in enumerate(names) if is_function)
    return ".".join(name for name, _ in names[:outermost + 1]), inner


def _written(finding, file, functions, model):
    folder = tempfile.mkdtemp(prefix="raddle-prove-")
    path = os.path.join(folder, "harness.py")
    names = ", ".join(map(repr, functions))
    lines = [
        f'"""{finding["rule"]} in {os.path.basename(file)}, line {finding["line"]}: a harness that `raddle prove` wrote."""',
        "",
        "from raddle._build import builder, call",
        "from raddle._harness import cancelled, control, load, serial, together",
        "",
        f"module = load({file!r})",
        f"FUNCTIONS = [{names}]",
        "build = builder(module, FUNCTIONS)",
        "CALLS = [call(module, it) for it in FUNCTIONS]",
        f"MODEL = {model}",
        *([f"CONTROL = {model.replace('serial', 'control')}"] if model.startswith("serial") else []),
        "",
    ]
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(lines))
    return path


def findings(request):
    """Those that the native `raddle` has found at the place; each is tried."""
    options = _explore.Options(**request["options"])
    return [prove(it, options) for it in request["findings"]]
