"""Runs a command and writes what it cost, as JSON: measure.py SECONDS REPORT.json COMMAND...

The command is ended with its children after SECONDS. `cpu` is user and system time of the command and of the children it
waited for, `peak` the largest resident memory of any one of them, in bytes; this script's own 10 MB or so are its floor.
"""

import json
import os
import signal
import subprocess
import sys
import time


def main():
    seconds, report, command = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
    late = False
    start = time.monotonic()
    child = subprocess.Popen(command, start_new_session=True)

    def end(*_):
        nonlocal late
        late = True
        os.killpg(child.pid, signal.SIGKILL)

    signal.signal(signal.SIGALRM, end)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        _, status, usage = os.wait4(child.pid, 0)
    except BaseException:
        # The child has a session of its own and would go on.
        os.killpg(child.pid, signal.SIGKILL)
        raise
    wall = time.monotonic() - start
    signal.setitimer(signal.ITIMER_REAL, 0)
    cost = {
        "code": os.waitstatus_to_exitcode(status),
        "late": late,
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss * 1024,
    }
    with open(report, "w") as file:
        json.dump(cost, file)


if __name__ == "__main__":
    main()
