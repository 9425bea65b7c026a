"""`pytest --raddle`: a test marked with `@raddle.explore(...)` runs under many schedules. Without the option nothing happens."""

import inspect

import pytest


def pytest_addoption(parser):
    """The options."""
    group = parser.getgroup("raddle")
    group.addoption("--raddle", action="store_true", help="explore the schedules of tests marked with @raddle.explore")
    group.addoption("--raddle-all", action="store_true", help="explore the schedules of all tests")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Explores a test instead of running it once."""
    config = pyfuncitem.config
    options = getattr(pyfuncitem.obj, "__raddle__", None)
    if not (config.getoption("--raddle-all") or config.getoption("--raddle") and options is not None):
        return None
    from raddle import _explore

    test = pyfuncitem.obj
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    if inspect.iscoroutinefunction(test):

        async def actor(_):
            await test(**arguments)

    else:

        def actor(_):
            test(**arguments)

    actor.__qualname__ = test.__qualname__
    found = _explore.explore(lambda: None, actor, **(options or {}))
    if found.verdict in ("failed", "uncontrolled"):
        pytest.fail(str(found), pytrace=False)
    pyfuncitem.add_report_section("call", "raddle", str(found))
    return True
