"""`except Exception` lets a cancellation through; a bare `except` and `except BaseException` do not."""

import asyncio

assert not issubclass(asyncio.CancelledError, Exception)
assert issubclass(asyncio.CancelledError, BaseException)


async def careless():
    try:
        await asyncio.sleep(60)
    except Exception:
        pass


async def deaf():
    try:
        await asyncio.sleep(60)
    except BaseException:
        pass


async def was_cancelled(function):
    task = asyncio.create_task(function())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    return task.cancelled()


async def main():
    assert await was_cancelled(careless)
    assert not await was_cancelled(deaf)


asyncio.run(main())
