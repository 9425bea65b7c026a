"""What a program made before it is explored: locks, and the functions that make them, wherever it keeps them.

Modules, classes, closures, default arguments, containers and objects of the program are gone through. What is found is exchanged, and
put back at the end; one lock is exchanged for one, however many names it has. What locks are parts of, such as a queue, starts each
run as it was.
"""

import _thread
import collections
import functools
import sys
import types

from raddle import _places, _pool

MOST = 200_000
"""So many objects are looked at."""
_DEEPEST = 60
_ATOMS = {int, float, complex, bool, str, bytes, bytearray, type(None), range, slice, types.CodeType, types.BuiltinFunctionType, type(NotImplemented), type(...)}
_BOUND = types.BuiltinMethodType
_SYNCHRONISERS = ("threading", "queue", "asyncio.locks", "asyncio.queues", "concurrent.futures.thread", "concurrent.futures._base", "raddle._locks")
_COPIED = (set, list, dict, collections.deque)


@functools.cache
def is_steered(module):
    """Whether a module of this name is the program's."""
    found = sys.modules.get(module)
    filename = getattr(found, "__file__", None)
    return module == "__main__" or filename is not None and _places.is_steered(filename)


class Replaced:
    """One exchange, to be undone."""

    def __init__(self, by_id, make_lock, make_rlock, condition, kinds):
        self.by_id, self.make_lock, self.make_rlock, self.condition = by_id, make_lock, make_rlock, condition
        self.lock_kind, self.rlock_kind, self.simple_queue = kinds
        self.seen, self.kept, self.undo, self.starts = {}, [], [], []

    def module(self, module):
        """Goes through the names of a module."""
        for name, value in list(vars(module).items()):
            self._part(vars(module).__setitem__, name, value, 0)

    def restore(self):
        """Puts everything back."""
        for put, name, value in reversed(self.undo):
            put(name, value)

    def begin_run(self):
        """Synchronisers are as they were when the exploration began."""
        for parts, saved in self.starts:
            for name, value in saved.items():
                parts[name] = value.copy() if isinstance(value, _COPIED) else value

    def _part(self, put, name, value, depth):
        new = self.of(value, depth + 1)
        if new is not value:
            try:
                put(name, new)
            except (AttributeError, TypeError):
                return
            self.undo.append((put, name, value))

    def of(self, value, depth=0):
        """What stands in for a value: itself where it may stay."""
        key = id(value)
        instead = self.by_id.get(key)
        if instead is not None:
            return instead
        kind = type(value)
        if kind in _ATOMS and not (kind is _BOUND and type(value.__self__) in (self.lock_kind, self.rlock_kind)):
            return value
        if key in self.seen:
            return self.seen[key]
        if depth > _DEEPEST or len(self.seen) > MOST:
            return value
        # Kept, so that no other object gets its identity.
        self.kept.append(value)
        self.seen[key] = value
        new = self.seen[key] = self._made(value, kind, depth)
        return new

    def _made(self, value, kind, depth):
        if kind is self.lock_kind:
            return self.make_lock()
        if kind is self.rlock_kind:
            return self.make_rlock()
        if kind is self.simple_queue:
            made = self.by_id[id(kind)]()
            self._synchroniser(made, depth)
            return made
        if kind is _BOUND:
            return getattr(self.of(value.__self__, depth + 1), value.__name__, value)
        if kind is tuple:
            parts = [self.of(it, depth + 1) for it in value]
            return value if all(new is old for new, old in zip(parts, value)) else tuple(parts)
        if isinstance(value, _thread._local):
            _pool.is_fresh = True
        elif isinstance(value, dict):
            for name, part in list(value.items()):
                self._part(value.__setitem__, name, part, depth)
            if isinstance(value, collections.defaultdict):
                self._part(functools.partial(setattr, value), "default_factory", value.default_factory, depth)
        elif kind in (list, collections.deque):
            for at, part in enumerate(list(value)):
                self._part(value.__setitem__, at, part, depth)
        else:
            self._object(value, kind, depth)
        return value

    def _object(self, value, kind, depth):
        if kind is types.FunctionType:
            self._function(value, depth)
        elif kind is types.MethodType:
            self.of(value.__func__, depth + 1)
            self.of(value.__self__, depth + 1)
        elif kind in (classmethod, staticmethod):
            self.of(value.__func__, depth + 1)
        elif kind is property:
            for it in (value.fget, value.fset, value.fdel):
                self.of(it, depth + 1)
        elif kind is functools.partial:
            self._partial(value, depth)
        elif isinstance(value, type):
            if is_steered(value.__module__):
                for name, part in list(vars(value).items()):
                    if name not in ("__dict__", "__weakref__", "__doc__", "__module__"):
                        self._part(functools.partial(setattr, value), name, part, depth)
        elif kind is types.ModuleType:
            # One that was imported a second time stands among no modules.
            if sys.modules.get(value.__name__) is not value:
                self.module(value)
        elif kind.__module__ in _SYNCHRONISERS:
            self._synchroniser(value, depth)
        elif is_steered(kind.__module__) or kind is types.SimpleNamespace:
            self._attributes(value, depth)

    def _attributes(self, value, depth):
        for name, part in list(getattr(value, "__dict__", {}).items()):
            self._part(vars(value).__setitem__, name, part, depth)
        for base in type(value).__mro__:
            for name, member in vars(base).items():
                if isinstance(member, types.MemberDescriptorType):
                    try:
                        part = member.__get__(value)
                    except AttributeError:
                        continue
                    self._part(functools.partial(object.__setattr__, value), name, part, depth)

    def _synchroniser(self, value, depth):
        parts = getattr(value, "__dict__", None)
        if parts is None:
            return
        if isinstance(value, self.condition):
            before = dict(parts)
            parts.update(vars(self.condition(self.of(parts["_lock"], depth + 1))))
            self.undo.append((lambda _, old, parts=parts: parts.update(old), "", before))
        else:
            for name, part in list(parts.items()):
                self._part(parts.__setitem__, name, part, depth)
        plain = (*_COPIED, int, bool, float, type(None))
        loops = {name: None for name in parts if name == "_loop"}
        saved = {name: part.copy() if isinstance(part, _COPIED) else part for name, part in parts.items() if isinstance(part, plain)}
        self.starts.append((parts, {**saved, **loops}))

    def _function(self, value, depth):
        if not (_places.is_steered(value.__code__.co_filename) or is_steered(value.__module__ or "")):
            return
        for cell in value.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:
                continue
            self._part(functools.partial(setattr, cell), "cell_contents", content, depth)
        if value.__defaults__:
            self._part(functools.partial(setattr, value), "__defaults__", value.__defaults__, depth)
        if value.__kwdefaults__:
            self.of(value.__kwdefaults__, depth + 1)
        if value.__dict__:
            self.of(value.__dict__, depth + 1)

    def _partial(self, value, depth):
        before = value.__reduce__()[2]
        function, arguments, named, attributes = before
        self.of(named, depth + 1)
        after = (self.of(function, depth + 1), self.of(arguments, depth + 1), named, attributes)
        if after[0] is not function or after[1] is not arguments:
            value.__setstate__(after)
            self.undo.append((lambda _, old: value.__setstate__(old), "", before))

