"""`raddle explore` and `raddle replay`, once the native `raddle` has found the interpreter: one request in, a report out."""

import json
import os
import sys

from raddle import _bridge, _explore, _page, _target, _words
from raddle._words import Refusal, say

PASSED, FAILED, NOT_RUN, INTERRUPTED = 0, 1, 2, 130


def main(request):
    """Runs a request, which is JSON; gives the exit code."""
    request = json.loads(request)
    _words.language = request["lang"]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        found = _found(request)
    except Refusal as reason:
        return _refuse(str(reason))
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        return _refuse(say("broken-start", reason=f"{type(error).__name__}: {error}"))
    try:
        _show(found, request["format"])
        sys.stdout.flush()
    except BrokenPipeError:
        # A reader who has gone away, such as `head`, has read enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if any(it.verdict == "failed" for it in found):
        return FAILED
    if any(it.verdict == "uncontrolled" for it in found):
        return NOT_RUN
    return INTERRUPTED if any(it.interrupted for it in found) else PASSED


def _refuse(text):
    print(_bridge.say(_words.lang(), "label-error", [("text", text)]), file=sys.stderr)
    return NOT_RUN


def _found(request):
    options, token, target = request["options"], request.get("token"), request["target"]
    file, name = _target.split(target)
    if _target.is_test(file, name):
        return _tests(target, options, token)
    options = _explore.Options(**options)
    models = _target.models(file, name, target)
    if token is None:
        return [_explore.search(it, options, quiet=True) for it in models]
    mine = [it for it in models if _fingerprint(token) in (it.fingerprint, it.fingerprint ^ _explore.CANCELLING)]
    if not mine:
        raise Refusal("other-program")
    return [_explore.again(mine[0], token, options, quiet=True)]


def _fingerprint(token):
    try:
        return _bridge.fingerprint(token)
    except ValueError:
        raise Refusal("bad-token", token=token) from None


class _Listener:
    """Hands pytest the options and keeps what it finds and what goes wrong."""

    def __init__(self, options):
        self.options, self.found, self.troubles = options, [], []

    def pytest_configure(self, config):
        """Before anything is collected."""
        from raddle import plugin

        config.stash[plugin.OPTIONS] = self.options
        config.stash[plugin.FOUND] = self.found

    def pytest_collectreport(self, report):
        """A file that cannot be collected."""
        if report.failed:
            self.troubles.append(str(report.longrepr))

    def pytest_runtest_logreport(self, report):
        """A fixture that fails, or a test that cannot be explored."""
        if report.failed and (report.when != "call" or not self.found):
            self.troubles.append(str(report.longrepr))


def _tests(target, options, token):
    try:
        import pytest
    except ImportError:
        raise Refusal("no-pytest", place=sys.executable, target=target) from None
    _fingerprint(token) if token else None
    listener = _Listener(options)
    arguments = [target, "--raddle-all", "-p", "no:terminal", "-p", "no:cacheprovider", *(["--raddle-replay", token] if token else [])]
    from raddle import plugin

    # Where the package was not installed by a wheel, pytest has not found the plugin by itself.
    plugins = [listener] if _is_registered() else [plugin, listener]
    pytest.main(arguments, plugins=plugins)
    if not listener.found:
        if listener.troubles:
            raise Refusal("broken-start", reason="\n".join(listener.troubles))
        raise Refusal("no-tests", target=target)
    return listener.found


def _is_registered():
    from importlib.metadata import entry_points

    return any(it.value == "raddle.plugin" for it in entry_points(group="pytest11"))


def _show(found, form):
    if form == "json":
        data = {"version": 1, "explorations": [it.as_data() for it in found]}
        print(json.dumps(data, ensure_ascii=False, indent=2))
    elif form == "html":
        print(_page.page(found), end="")
    else:
        print("\n\n".join(map(str, found)))
