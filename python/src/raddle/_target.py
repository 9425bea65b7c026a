"""What `FILE::NAME` means: a model, a function, a method, a script's `main`, or a test that pytest has to find."""

import ast
import contextlib
import importlib.util
import inspect
import os
import sys
import types

from raddle._explore import fingerprint
from raddle._run import Model
from raddle._words import Refusal


def split(target):
    """The file and the name, which may be empty."""
    file, _, name = target.partition("::")
    if not os.path.isfile(file):
        raise Refusal("no-file", place=file)
    return file, name


def is_test(file, name):
    """Whether pytest is to find it."""
    base = os.path.basename(file)
    last = name.split("::")[-1]
    if name:
        return last.startswith("test") or "[" in last or name.startswith("Test")
    return base.startswith("test_") or base.endswith("_test.py")


def models(file, name, target):
    """What stands in a file under a name; without a name its `main`, or all of its models, or the script itself."""
    if not name and not _has_any(file):
        return [_script(file, target)]
    module = _loaded(file)
    if name:
        return [_named(module, file, name, target)]
    if callable(vars(module).get("main")):
        return [_named(module, file, "main", target)]
    found = [it for it, value in vars(module).items() if _is_model(value)]
    if not found:
        raise Refusal("no-main", place=file)
    return [_named(module, file, it, f"{target}::{it}") for it in found]


def _has_any(file):
    """Whether a file has a `main` or a model, as far as can be seen without running it."""
    try:
        with open(file, "rb") as source:
            tree = ast.parse(source.read(), file)
    except (SyntaxError, ValueError) as reason:
        raise Refusal("cannot-load", place=file, reason=reason) from None
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == "main":
            return True
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple) and len(node.value.elts) in (2, 3) and isinstance(node.value.elts[1], (ast.List, ast.Tuple)):
            return True
    return False


def _is_model(value):
    return isinstance(value, tuple) and len(value) in (2, 3) and callable(value[0]) and isinstance(value[1], (list, tuple)) and value[1] and all(map(callable, value[1]))


def _loaded(file):
    path = os.path.abspath(file)
    sys.path.insert(0, os.path.dirname(path))
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with _as_refusal(file):
        spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _as_refusal(file):
    try:
        yield
    except (Exception, SystemExit) as error:
        raise Refusal("cannot-load", place=file, reason=f"{type(error).__name__}: {error}") from error


def _script(file, target):
    path = os.path.abspath(file)
    with open(path, "rb") as source:
        code = compile(source.read(), path, "exec")
    sys.path.insert(0, os.path.dirname(path))

    def script(_):
        module = types.ModuleType("__main__")
        module.__file__ = path
        exec(code, vars(module))

    return Model(lambda: None, [script], None, fingerprint(["script", os.path.basename(path)]), target)


def _named(module, file, name, target):
    value, owner = module, None
    for part in name.replace("::", ".").split("."):
        owner, value = value, getattr(value, part, None)
    if _is_model(value):
        setup, actors, *check = value
        return Model(setup, actors, check[0] if check else None, fingerprint((setup, *actors)), target)
    if not callable(value) or isinstance(value, type):
        raise Refusal("no-name", place=file, name=name)
    mark = fingerprint(["function", value])
    if isinstance(owner, type) and not isinstance(inspect.getattr_static(owner, value.__name__, None), (staticmethod, classmethod)):
        _without_arguments(owner, owner.__name__)
        _without_arguments(value, name, 1)
        return Model(owner, [value], None, mark, target)
    _without_arguments(value, name)
    return Model(lambda: None, [_alone(value)], None, mark, target)


def _alone(function):
    """A function without arguments as an actor, which is given the state."""
    if inspect.iscoroutinefunction(function):

        async def task(_):
            return await function()

        return task
    return lambda _: function()


def _without_arguments(function, name, given=0):
    try:
        parameters = list(inspect.signature(function).parameters.values())[given:]
    except (TypeError, ValueError):
        return
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [it.name for it in parameters if it.default is it.empty and it.kind not in optional]
    if needed:
        raise Refusal("needs-arguments", name=name, arguments=", ".join(needed))
