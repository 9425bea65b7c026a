"""What a module holds when an exploration begins, to be put back before each run: one schedule's leavings are no start for the next."""

import collections
import types

from raddle._replaced import is_steered

PLAIN = (int, float, complex, bool, str, bytes, type(None))
_CONTAINERS = (list, dict, set, collections.deque)
_DEEPEST = 4
_LARGEST = 1_000
"""A container with more elements is taken for a table that nobody changes."""
_MOST = 5_000


def kept_attributes(value):
    """The attributes of an object of the program, of a class or of a module; nothing of what is not the program's."""
    if isinstance(value, (types.FunctionType, types.MethodType)):
        return None
    if isinstance(value, type):
        return vars(value) if is_steered(value.__module__) else None
    if isinstance(value, types.ModuleType) or not is_steered(type(value).__module__):
        return None
    return getattr(value, "__dict__", None)


class Fresh:
    """The data of a module, of its classes and of the objects that it keeps, as they are now."""

    def __init__(self, module):
        self.module = module
        self.attributes, self.contents, self.seen = [], [], set()
        self._owner(module, vars(module), 0)

    def _owner(self, owner, attributes, depth):
        for name, value in list(attributes.items()):
            if name.startswith("__") or isinstance(owner, types.ModuleType) and isinstance(value, type) and value.__module__ != owner.__name__:
                continue
            if type(value) in PLAIN or type(value) in _CONTAINERS:
                self.attributes.append((owner, name, value))
            self._value(value, depth + 1)

    def _value(self, value, depth):
        if type(value) in PLAIN or id(value) in self.seen or depth > _DEEPEST or len(self.seen) > _MOST:
            return
        self.seen.add(id(value))
        if type(value) in _CONTAINERS:
            if len(value) <= _LARGEST:
                self.contents.append((value, value.copy()))
                for it in list(value.values()) if isinstance(value, dict) else list(value):
                    self._value(it, depth + 1)
        elif type(value) is tuple:
            for it in value[:_LARGEST]:
                self._value(it, depth + 1)
        else:
            attributes = kept_attributes(value)
            if attributes is not None:
                self._owner(value, attributes, depth)

    def begin(self):
        """Puts everything back: containers and objects stay who they are."""
        for owner, name, value in self.attributes:
            try:
                if vars(owner).get(name) is not value:
                    setattr(owner, name, value)
            except (AttributeError, TypeError):
                continue
        for value, copied in self.contents:
            if isinstance(value, (dict, set)):
                value.clear()
                value.update(copied)
            else:
                value.clear()
                value.extend(copied)

    def now(self, seen):
        """What the module's own data is now, to be compared."""
        own = [(name, vars(owner).get(name)) for owner, name, _ in self.attributes]
        return tuple((name, seen(value)) for name, value in own)
