"""Where actors may be switched: right before each access that another actor could notice.

`sys.monitoring` names the code and the offset of an instruction; instructions that touch nothing shared are disabled at their first
visit. Objects are told apart by the name of the attribute, global or cell; the contents of all containers are one object. That is
coarser than what really depends on each other, so a search may try too much and never too little. A name that no actor ever
writes needs no switch point: names are learnt, and a name learnt late begins the search anew.
"""

import collections
import dis
import inspect
import itertools
import sys
import threading
import types

from raddle import _locks, _places
from raddle._world import OPAQUE, READ, UPDATE, WRITE

_mon = sys.monitoring
_EVENTS = _mon.events
_DISABLE = _mon.DISABLE
ITEMS, OUTSIDE = ("items", "items"), ("outside", "outside")
_GIL = object()

hot = set()
"""Names that some actor writes."""
_tables = {}
_kept = []

_ATTRIBUTES = {"LOAD_ATTR": READ, "STORE_ATTR": WRITE, "DELETE_ATTR": WRITE, "LOAD_GLOBAL": READ, "STORE_GLOBAL": WRITE, "DELETE_GLOBAL": WRITE, "LOAD_NAME": READ, "STORE_NAME": WRITE}
_CELLS = {"LOAD_DEREF": READ, "STORE_DEREF": WRITE, "DELETE_DEREF": WRITE}
_CONTENTS = {
    "BINARY_SUBSCR": READ, "BINARY_SLICE": READ, "STORE_SUBSCR": UPDATE, "DELETE_SUBSCR": UPDATE, "STORE_SLICE": UPDATE, "CONTAINS_OP": READ,
    "GET_ITER": READ, "FOR_ITER": READ, "UNPACK_SEQUENCE": READ, "UNPACK_EX": READ, "LIST_EXTEND": READ, "DICT_UPDATE": READ, "SET_UPDATE": READ,
}
_TRUTH = {"TO_BOOL", "UNARY_NOT", "POP_JUMP_IF_FALSE", "POP_JUMP_IF_TRUE"}
_TESTS = {"COMPARE_OP", "CONTAINS_OP", "IS_OP", "TO_BOOL", "UNARY_NOT"}
_SUBSCRIPT_OPERATOR = 26
_LIBRARY_CODE = [
    threading.Event.is_set, threading.Event.set, threading.Event.clear,
    threading.Barrier.n_waiting.fget, threading.Barrier.broken.fget, threading.Barrier.wait, threading.Barrier._enter, threading.Barrier._exit, threading.Barrier._wait, threading.Barrier._break, threading.Barrier._release,
    _locks.queue._PySimpleQueue.put, _locks.queue._PySimpleQueue.get, _locks.queue._PySimpleQueue.empty, _locks.queue._PySimpleQueue.qsize,
]
_STEERED_CODE = {id(it.__code__) for it in _LIBRARY_CODE}


def _table(code):
    table = {}
    _tables[id(code)] = table
    _kept.append(code)
    if not (_places.is_steered(code.co_filename) or id(code) in _STEERED_CODE):
        return table
    before = ""
    is_generator = bool(code.co_flags & inspect.CO_GENERATOR)
    for it in dis.get_instructions(code):
        name = it.opname
        if name in _ATTRIBUTES and isinstance(it.argval, str) and not it.argval.startswith("__"):
            table[it.offset] = _ATTRIBUTES[name], ("attr", it.argval)
        elif name in _CELLS:
            table[it.offset] = _CELLS[name], ("cell", it.argval)
        elif name in _CONTENTS:
            table[it.offset] = _CONTENTS[name], ITEMS
        elif name in _TRUTH and before not in _TESTS or name == "BINARY_OP" and it.arg == _SUBSCRIPT_OPERATOR and sys.version_info >= (3, 14):
            table[it.offset] = READ, ITEMS
        elif name == "BINARY_OP" and it.arg >= 13 and before in ("BUILD_LIST", "LIST_EXTEND", "BUILD_SET", "BUILD_MAP"):
            table[it.offset] = UPDATE, ITEMS
        elif is_generator and name.startswith("STORE_FAST"):
            table[it.offset] = UPDATE, ITEMS
        elif name.startswith(("CALL", "JUMP_BACKWARD", "RESUME")):
            table[it.offset] = _GIL, None
        before = name
    return table


def _on_instruction(code, offset):
    table = _tables.get(id(code))
    if table is None:
        table = _table(code)
    entry = table.get(offset)
    if entry is None:
        return _DISABLE
    world = _locks.active
    if world is None:
        return None
    me = world.me()
    if me is None and world.trace is None:
        return None
    op, key = entry
    if op is _GIL:
        if me is not None:
            me.gil = True
        return None
    return _touch(world, me, op, key, code, offset)


def _touch(world, me, op, key, code, offset):
    if world.abort:
        return None
    if me is None:
        world.note(op, key[1], code, offset)
        return None
    if key not in hot:
        if op == READ:
            return None
        hot.add(key)
    obj = world.object(key)
    if world.model == "gil" and not me.gil:
        world.search.observe(op, obj)
        return None
    if world.trace is not None:
        me.detail = _frame(code), code, offset
    world.point(me, op, obj)
    return None


def _frame(code):
    frame = sys._getframe(2)
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame


_CONTAINERS = (list, dict, set, collections.deque, bytearray, type({}.keys()), type({}.values()), type({}.items()), types.MappingProxyType)
_LOOKS = {"get", "keys", "values", "items", "copy", "index", "count", "__len__", "__contains__", "__getitem__", "__iter__", "issubset", "issuperset", "union", "intersection", "difference", "isdisjoint"}
_PLAIN = (str, bytes, int, float, complex, tuple, frozenset, bool, type(None), range, slice, type, object, BaseException, types.FunctionType)
_READERS = {"len", "iter", "sum", "min", "max", "sorted", "any", "all", "repr", "hash", "getattr", "hasattr", "format", "divmod", "reversed"}
_HARMLESS = {"isinstance", "issubclass", "callable", "id", "abs", "ord", "chr", "print", "round", "pow", "hex", "bin", "oct", "globals", "locals", "__build_class__", "get_ident", "_getframe", "allocate_lock", "count", "aiter", "anext", "input"}
_PURE_MODULES = {"math", "cmath", "_operator", "_struct", "itertools", "_json", "binascii", "zlib", "_hashlib", "_collections"}
_OUTSIDE = {"_io", "posix", "nt", "io", "_socket", "select", "_random", "_tempfile"}


def _kind(function, first):
    """What a call of something that is not Python code touches."""
    if isinstance(function, type):
        if function in (list, dict, set, tuple, frozenset, collections.deque, sorted, enumerate, zip, map, filter, reversed, bytearray):
            return READ, ITEMS
        return None
    if isinstance(function, (types.MethodDescriptorType, types.WrapperDescriptorType)):
        return _method(function.__objclass__, function.__name__)
    if isinstance(function, types.MethodWrapperType):
        return _method(type(function.__self__), function.__name__)
    if isinstance(function, types.BuiltinFunctionType):
        owner = function.__self__
        if owner is not None and not isinstance(owner, types.ModuleType):
            return _method(owner if isinstance(owner, type) else type(owner), function.__name__)
        module, name = function.__module__ or "", function.__name__
        if name in _READERS:
            return READ, ITEMS
        if name == "next" or module in ("_heapq", "_bisect"):
            return UPDATE, ITEMS
        if name in _HARMLESS or module in _PURE_MODULES:
            return None
        if name == "open" or module in _OUTSIDE:
            return UPDATE, OUTSIDE
        return OPAQUE, OUTSIDE
    return None


def _method(owner, name):
    if issubclass(owner, _CONTAINERS):
        return (READ if name in _LOOKS else UPDATE), ITEMS
    if issubclass(owner, (types.GeneratorType, itertools.count)):
        return UPDATE, ITEMS
    if issubclass(owner, _PLAIN) and owner is not object and name not in ("__setattr__", "__delattr__"):
        return None
    if owner.__module__ in _OUTSIDE:
        return UPDATE, OUTSIDE
    if name in ("__init__", "__new__", "__init_subclass__", "__enter__", "__exit__", "__repr__", "__eq__", "__hash__") and owner is object:
        return None
    return OPAQUE, OUTSIDE


def _on_call(code, offset, function, first):
    if not (_places.is_steered(code.co_filename) or id(code) in _STEERED_CODE):
        return _DISABLE
    world = _locks.active
    if world is None:
        return None
    me = world.me()
    if me is None and world.trace is None:
        return None
    kind = _kind(function, first)
    if kind is not None:
        _touch(world, me, *kind, code, offset)
    if me is not None:
        me.gil = True
    return None


class Monitoring:
    """Switch points are on while this lasts."""

    def __enter__(self):
        self.tool = next((it for it in (4, 3, 5, 2, 1) if _mon.get_tool(it) is None), None)
        if self.tool is None:
            raise RuntimeError("every tool of sys.monitoring is in use")
        _mon.use_tool_id(self.tool, "raddle")
        _mon.register_callback(self.tool, _EVENTS.INSTRUCTION, _on_instruction)
        _mon.register_callback(self.tool, _EVENTS.CALL, _on_call)
        _mon.set_events(self.tool, _EVENTS.INSTRUCTION | _EVENTS.CALL)
        return self

    def __exit__(self, *_):
        _mon.set_events(self.tool, 0)
        _mon.register_callback(self.tool, _EVENTS.INSTRUCTION, None)
        _mon.register_callback(self.tool, _EVENTS.CALL, None)
        _mon.free_tool_id(self.tool)
