"""Leaving a `TaskGroup` waits for its tasks; they are cancelled when one of them fails, or when the body does."""

import asyncio
import sys

if sys.version_info < (3, 11):
    # There is no `TaskGroup` before 3.11.
    assert not hasattr(asyncio, "TaskGroup")
    raise SystemExit


async def finish(log):
    await asyncio.sleep(0.01)
    log.append("finished")


async def fail():
    raise ValueError


async def sleep_long(log):
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        log.append("cancelled")
        raise


async def main():
    log = []
    async with asyncio.TaskGroup() as group:
        group.create_task(finish(log))
    assert log == ["finished"]
    log = []
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(sleep_long(log))
            await asyncio.sleep(0)
            group.create_task(fail())
    except BaseException as errors:
        assert [type(error) for error in errors.exceptions] == [ValueError]
    assert log == ["cancelled"]


asyncio.run(main())
