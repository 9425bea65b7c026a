"""`pytest --raddle`: a test marked with `@raddle.explore(...)` runs under many schedules. Without the option nothing happens."""

import inspect
import os

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
    config = pyfuncitem.config
    token = config.getoption("--raddle-replay")
    marked = _marked(pyfuncitem)
    if not (config.getoption("--raddle-all") or (config.getoption("--raddle") or token) and marked is not None):
        return None
    from raddle import _explore
    from raddle._words import Refusal

    seconds = config.getoption("--raddle-seconds")
    options = {**(marked or {}), **({} if seconds is None else {"seconds": seconds}), **config.stash.get(OPTIONS, {})}
    options = _explore.Options(**options)
    model = _model(pyfuncitem)
    try:
        found = _explore.again(model, token, options, quiet=True) if token else _explore.search(model, options, quiet=True)
    except (Refusal, ValueError) as reason:
        pytest.fail(str(reason), pytrace=False)
    config.stash.setdefault(FOUND, []).append(found)
    if found.verdict in ("failed", "uncontrolled"):
        pytest.fail(str(found), pytrace=False)
    pyfuncitem.add_report_section("call", "raddle", str(found))
    if found.interrupted:
        print(found)
        raise KeyboardInterrupt
    return True


def _marked(item):
    function = getattr(item, "function", None)
    options = getattr(item.obj, "__raddle__", getattr(function, "__raddle__", None))
    mark = item.get_closest_marker("raddle")
    return options if mark is None else {**(options or {}), **mark.kwargs}


def _model(item):
    from raddle import _explore
    from raddle._run import Model

    # Plugins for asyncio put a plain function in the place of a coroutine function.
    test = inspect.unwrap(item.obj)
    names = item._fixtureinfo.argnames
    fresh = _Fresh(item)

    def setup():
        fresh.begin()
        return {name: item.funcargs[name] for name in names}

    if inspect.iscoroutinefunction(test):

        async def actor(arguments):
            await test(**arguments)

    else:

        def actor(arguments):
            test(**arguments)

    target = "::".join([os.path.relpath(item.path), *item.nodeid.split("::")[1:]])
    return Model(setup, [actor], None, _explore.fingerprint(["test", test]), target)


class _Fresh:
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
