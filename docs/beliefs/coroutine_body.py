"""Calling a coroutine function runs none of its body, not even the lines before the first `await`."""

import warnings

ran = []


async def work():
    ran.append("first line")


with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    work()
assert ran == []
assert any("was never awaited" in str(warning.message) for warning in seen)
