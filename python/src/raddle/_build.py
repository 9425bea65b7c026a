"""Objects for a harness: made without arguments, or with trivial ones by their annotations, and shared by all calls of a run."""

import inspect
import typing

from raddle._words import Refusal

_TRIVIAL = {int: 1, float: 1.0, bool: True, str: "a", bytes: b"a", complex: 1j}
_EMPTY = (list, dict, set, frozenset, tuple)
_DEEPEST = 4


def _found(module, name):
    value = module
    for part in name.split("."):
        value = getattr(value, part)
    return value


def owner_of(module, name):
    """The class whose instance a method is called on, if it is one."""
    if "." not in name:
        return None
    owner, _, last = name.rpartition(".")
    kind = _found(module, owner)
    plain = isinstance(kind, type) and not isinstance(inspect.getattr_static(kind, last), (staticmethod, classmethod))
    return kind if plain else None


def call(module, name):
    """A function of the objects of a run that calls it."""
    function, owner = _found(module, name), owner_of(module, name)
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise Refusal("prove-generator", name=name)
    parameters = _parameters(function, name, 0 if owner is None else 1)

    def arguments(objects):
        given = [] if owner is None else [objects[_key(owner)]]
        return given, {it: objects[f"{name}({it})"] if kind is None else objects[_key(kind)] for it, kind in parameters.items()}

    if inspect.iscoroutinefunction(function):

        async def calls(objects):
            given, named = arguments(objects)
            return await function(*given, **named)

    else:

        def calls(objects):
            given, named = arguments(objects)
            return function(*given, **named)

    calls.__qualname__ = name
    return calls


def _key(kind):
    return f"{kind.__module__}.{kind.__qualname__}"


def builder(module, names):
    """A function that makes the objects of a run anew."""
    kinds, values = {}, {}
    for name in names:
        owner = owner_of(module, name)
        if owner is not None:
            kinds[_key(owner)] = owner
        function = _found(module, name)
        for it, kind in _parameters(function, name, 0 if owner is None else 1).items():
            if kind is None:
                values[f"{name}({it})"] = _annotation(function, it)
            else:
                kinds[_key(kind)] = kind

    def build():
        objects = {}
        for key, kind in kinds.items():
            if key not in objects:
                objects[key] = _made(kind, objects, 0)
        for key, kind in values.items():
            objects[key] = _trivial(kind)
        return objects

    return build


def _parameters(function, name, given):
    """Parameters that must be given, each with the class that its annotation names; none where a plain value does."""
    try:
        parameters = list(inspect.signature(function).parameters.values())[given:]
    except (TypeError, ValueError):
        raise Refusal("prove-signature", name=name) from None
    found, unknown = {}, []
    for it in parameters:
        if it.default is not it.empty or it.kind in (it.VAR_POSITIONAL, it.VAR_KEYWORD):
            continue
        kind = _annotation(function, it.name)
        if kind in _TRIVIAL or kind in _EMPTY:
            found[it.name] = None
        elif isinstance(kind, type) and not inspect.isabstract(kind) and kind is not inspect.Parameter.empty:
            found[it.name] = kind
        else:
            unknown.append(it.name)
        if it.kind is it.POSITIONAL_ONLY:
            unknown.append(it.name)
    if unknown:
        raise Refusal("needs-arguments", name=name, arguments=", ".join(unknown))
    return found


def _annotation(function, name):
    try:
        kind = typing.get_type_hints(function).get(name, inspect.Parameter.empty)
    except Exception:
        return inspect.Parameter.empty
    return typing.get_origin(kind) or kind


def _trivial(kind):
    return _TRIVIAL[kind] if kind in _TRIVIAL else kind()


def _made(kind, objects, depth):
    """An instance; those that it is made of are shared as well."""
    if depth > _DEEPEST:
        raise Refusal("prove-construct", name=kind.__qualname__, reason="…")
    arguments = {}
    start = kind.__init__
    if start is not object.__init__:
        for it, needed in _parameters(start, kind.__qualname__, 1).items() if _is_python(start) else ():
            if needed is None:
                arguments[it] = _trivial(_annotation(start, it))
            else:
                if _key(needed) not in objects:
                    objects[_key(needed)] = _made(needed, objects, depth + 1)
                arguments[it] = objects[_key(needed)]
    try:
        return kind(**arguments)
    except Exception as error:
        raise Refusal("prove-construct", name=kind.__qualname__, reason=f"{type(error).__name__}: {error}") from error


def _is_python(function):
    return inspect.isfunction(function)
