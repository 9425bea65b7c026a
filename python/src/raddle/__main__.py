"""`python -m raddle`: the command line of raddle, from beside this Python or from the path."""

import os
import shutil
import subprocess
import sys
import sysconfig


def binary():
    """The native program; nothing where it is not installed."""
    name = "raddle" + (sysconfig.get_config_var("EXE") or "")
    beside = [sysconfig.get_path("scripts"), os.path.dirname(sys.executable)]
    folders = os.pathsep.join(filter(None, [*beside, os.environ.get("PATH")]))
    return shutil.which(name, path=folders)


def main():
    found = binary()
    if found is None:
        sys.exit("error: the program `raddle` is neither beside this Python nor on the path")
    command = [found, *sys.argv[1:]]
    if os.name == "nt":
        sys.exit(subprocess.run(command).returncode)
    os.execv(found, command)


if __name__ == "__main__":
    main()
