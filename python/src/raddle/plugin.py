"""`pytest --raddle`: a test marked with `@raddle.explore(...)` runs under many schedules. Without the option nothing happens."""

import contextlib
import inspect
import os
import sys

import pytest

FOUND = pytest.StashKey()
"""Where `raddle explore` looks for what was found."""
OPTIONS = pytest.StashKey()
"""Where it leaves the options of its command line."""


def pytest_addoption(parser):
    """The options."""
    group = parser.getgroup("raddle")
    group.addoption("--raddle", action="store_true", help="explore the schedules of tests marked with @raddle.explore")
    group.addoption("--raddle-all", action="store_true", help="explore the schedules of all tests")
    group.addoption("--raddle-seconds", type=float, metavar="N", help="explore each test for so many seconds")
    group.addoption("--raddle-replay", metavar="TOKEN", help="run the one schedule of the token instead of exploring")


def pytest_configure(config):
    """The marker."""
    config.addinivalue_line("markers", "raddle(**options): explore the schedules of this test, as @raddle.explore(**options) does")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Explores a test instead of running it once."""
    if not _is_wanted(pyfuncitem):
        return None
    _explore_item(pyfuncitem, _model(pyfuncitem))
    return True


def pytest_runtest_setup(item):
    """A method of a `unittest.TestCase` runs itself, so it is told to be explored."""
    unittest = sys.modules.get("unittest")
    is_case = unittest is not None and isinstance(item, pytest.Function) and issubclass(item.cls or object, unittest.TestCase)
    if is_case and _is_wanted(item):
        item.runtest = lambda: _explore_item(item, _case(item))


def _passing():
    """A test that skips itself, or says that it is to fail, has not failed."""
    import unittest

    return contextlib.suppress(unittest.SkipTest, pytest.skip.Exception, pytest.xfail.Exception)


def _is_wanted(item):
    config = item.config
    by_mark = config.getoption("--raddle") or config.getoption("--raddle-replay")
    return config.getoption("--raddle-all") or by_mark and _marked(item) is not None


def _explore_item(item, model):
    from raddle import _explore
    from raddle._words import Refusal

    config = item.config
    token, seconds = config.getoption("--raddle-replay"), config.getoption("--raddle-seconds")
    options = {**(_marked(item) or {}), **({} if seconds is None else {"seconds": seconds}), **config.stash.get(OPTIONS, {})}
    options = _explore.Options(**options)
    try:
        found = _explore.again(model, token, options, quiet=True) if token else _explore.search(model, options, quiet=True)
    except (Refusal, ValueError) as reason:
        pytest.fail(str(reason), pytrace=False)
    config.stash.setdefault(FOUND, []).append(found)
    if found.verdict in ("failed", "uncontrolled"):
        pytest.fail(str(found), pytrace=False)
    item.add_report_section("call", "raddle", str(found))
    if found.interrupted:
        print(found)
        raise KeyboardInterrupt


def _marked(item):
    function = getattr(item, "function", None)
    options = getattr(item.obj, "__raddle__", getattr(function, "__raddle__", None))
    mark = item.get_closest_marker("raddle")
    return options if mark is None else {**(options or {}), **mark.kwargs}


def _model(item):
    from raddle import _explore
    from raddle._fresh import Fresh
    from raddle._run import Model

    # Plugins for asyncio put a plain function in the place of a coroutine function.
    test = inspect.unwrap(item.obj)
    names = item._fixtureinfo.argnames
    fixtures, module = _Fixtures(item), Fresh(item.module)

    def setup():
        module.begin()
        fixtures.begin()
        return {name: item.funcargs[name] for name in names}

    if inspect.iscoroutinefunction(test):

        async def actor(arguments):
            with _passing():
                await test(**arguments)

    else:

        def actor(arguments):
            with _passing():
                test(**arguments)

    return Model(setup, [actor], None, _explore.fingerprint(["test", test]), _target(item))


def _target(item):
    return "::".join([os.path.relpath(item.path), *item.nodeid.split("::")[1:]])


def _case(item):
    from raddle import _explore
    from raddle._fresh import Fresh
    from raddle._run import Model

    kind, name, module = item.cls, item.name, Fresh(item.module)

    def actor(_):
        with _passing():
            kind(name).debug()

    return Model(module.begin, [actor], None, _explore.fingerprint(["test", f"{kind.__qualname__}.{name}"]), _target(item))


class _Fixtures:
    """The fixtures of a function, made anew for each run: what one schedule has left in them is no start for the next."""

    def __init__(self, item):
        self.item, self.runs = item, 0
        definitions = [it for defs in item._fixtureinfo.name2fixturedefs.values() for it in defs[-1:]]
        self.mine = [it for it in definitions if it.scope == "function" and it.argname != "request"]

    def begin(self):
        """Ends those of the run before and makes new ones."""
        self.runs += 1
        if self.runs == 1 or not self.mine:
            return
        for it in reversed(self.mine):
            it.finish(self.item._request)
        self.item._initrequest()
        self.item._request._fillfixtures()
