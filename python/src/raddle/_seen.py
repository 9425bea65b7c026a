"""What a step of the run that is shown touches: as the program writes it, and its value.

Nothing of the program is called: a name is followed through plain attributes and through elements of plain containers only.
"""

import ast
import dis
import functools
import linecache
import queue
import reprlib
import sys
import threading
import types

from raddle import _places

_LONGEST = 44
_PLAIN = (int, float, complex, bool, str, bytes, type(None), list, tuple, dict, set, frozenset)
_MISSING = object()
_DEEPEST = 3
_SYNC = (threading.Condition, threading.Event, threading.Semaphore, threading.Barrier, queue.Queue)


@functools.cache
def _positions(code):
    return {it.offset: it.positions for it in dis.get_instructions(code)}


def text_at(code, offset):
    """The source of the instruction, where it is a piece of one line."""
    it = _positions(code).get(offset)
    if it is None or it.lineno is None or it.lineno != it.end_lineno or it.col_offset is None:
        return ""
    line = linecache.getline(code.co_filename, it.lineno).encode()
    return line[it.col_offset:it.end_col_offset].decode(errors="replace")


def what_at(code, offset):
    """What the program calls it, if that is short."""
    text = text_at(code, offset)
    return text if 0 < len(text) <= _LONGEST else ""


def value_at(frame, code, offset):
    """A function that looks at the value of a name, an attribute or an element, without running any of the program."""
    try:
        tree = ast.parse(text_at(code, offset), mode="eval").body
    except (SyntaxError, ValueError):
        return None
    if isinstance(tree, ast.Attribute | ast.Subscript):
        owner = _evaluated(tree.value, frame)
        if owner is _MISSING:
            return None
        return lambda: shown(_part(owner, tree, frame))
    if isinstance(tree, ast.Name):
        return lambda: shown(_evaluated(tree, frame))
    return None


def _evaluated(tree, frame):
    if isinstance(tree, ast.Constant):
        return tree.value
    if isinstance(tree, ast.Name):
        local = frame.f_locals
        return local[tree.id] if tree.id in local else frame.f_globals.get(tree.id, _MISSING)
    if isinstance(tree, ast.Attribute | ast.Subscript):
        owner = _evaluated(tree.value, frame)
        return _MISSING if owner is _MISSING else _part(owner, tree, frame)
    return _MISSING


def _part(owner, tree, frame):
    if isinstance(tree, ast.Attribute):
        return _own(owner).get(tree.attr, _MISSING)
    index = _evaluated(tree.slice, frame)
    if type(owner) in (dict, list, tuple) and type(index) in (int, str, bool, type(None)):
        try:
            return owner[index]
        except (LookupError, TypeError):
            pass
    return _MISSING


def _own(owner):
    """The plain attributes of an object, of its class and of its slots."""
    if isinstance(owner, types.ModuleType):
        return vars(owner)
    try:
        found = dict(object.__getattribute__(owner, "__dict__"))
    except AttributeError:
        found = {}
    for kind in type(owner).__mro__:
        for name, value in vars(kind).items():
            if isinstance(value, types.MemberDescriptorType):
                try:
                    found.setdefault(name, value.__get__(owner))
                except AttributeError:
                    pass
            elif isinstance(value, _PLAIN):
                found.setdefault(name, value)
    return found


def shown(value):
    """A value in few letters; of what is not plain its type alone, since its `repr` is the program's code."""
    if value is _MISSING:
        return ""
    if type(value) in _PLAIN:
        if isinstance(value, (list, tuple, set, frozenset, dict)):
            inside = [*value, *value.values()] if isinstance(value, dict) else value
            if not all(type(it) in _PLAIN and not isinstance(it, (list, tuple, set, frozenset, dict)) for it in list(inside)[:50]):
                return f"<{type(value).__name__} of {len(value)}>"
        return reprlib.repr(value)
    return f"<{type(value).__name__}>"


# names of locks


def called(lock):
    """What the program calls a lock, or the synchroniser of the library that it is a part of; seen from the line that runs."""
    frame, target = sys._getframe(1), lock
    while frame is not None and not _places.is_steered(frame.f_code.co_filename):
        if not _places.is_own(frame.f_code.co_filename):
            found = frame.f_locals.get("self")
            if found is not None and not isinstance(found, threading.Thread):
                target = found
        frame = frame.f_back
    return path_to(target, frame) if frame is not None else ""


_INNER = threading.Condition._is_owned.__code__


def is_inner():
    """Whether the library only asks whether a lock is held."""
    frame = sys._getframe(1)
    while frame is not None and not _places.is_steered(frame.f_code.co_filename):
        if frame.f_code is _INNER:
            return True
        frame = frame.f_back
    return False


def path_to(target, frame):
    """A path of attributes and elements to an object, the shortest one."""
    local = [(name, value) for name, value in frame.f_locals.items() if not name.startswith(".")]
    outer = [(name, value) for name, value in frame.f_globals.items() if not name.startswith("__")]
    for start in (local, outer):
        found = _search(target, start)
        if found:
            return found
    return ""


def _search(target, level):
    seen = set()
    for _ in range(_DEEPEST):
        below = []
        for name, value in level:
            if value is target:
                return name
            if id(value) not in seen and not isinstance(value, (types.ModuleType, type, types.FunctionType)):
                seen.add(id(value))
                below.extend(_parts(name, value))
        level = below[:2000]
    return ""


def _parts(name, value):
    if type(value) is dict:
        return [(f"{name}[{shown(key)}]", it) for key, it in list(value.items())[:50]]
    if type(value) in (list, tuple):
        return [(f"{name}[{at}]", it) for at, it in enumerate(value[:50])]
    if isinstance(value, _SYNC) or isinstance(value, _PLAIN):
        return []
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return []
    return [(f"{name}.{attribute}", it) for attribute, it in list(attributes.items())[:50]]
