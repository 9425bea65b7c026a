"""A future that `as_completed` yields is done: a timeout of its `result` never counts. That of `as_completed` does."""

import concurrent.futures
import time


def work(seconds):
    time.sleep(seconds)
    return seconds


with concurrent.futures.ThreadPoolExecutor() as pool:
    futures = [pool.submit(work, 0.05)]
    start = time.monotonic()
    for future in concurrent.futures.as_completed(futures):
        # Far shorter than the work takes, and no `TimeoutError`.
        assert future.done()
        assert future.result(timeout=0) == 0.05
    assert time.monotonic() - start > 0.04
    slow = [pool.submit(work, 0.3)]
    try:
        for future in concurrent.futures.as_completed(slow, timeout=0.01):
            pass
    except concurrent.futures.TimeoutError:
        pass
    else:
        raise AssertionError("the timeout of `as_completed` did not count")
