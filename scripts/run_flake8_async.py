"""flake8-async on every Python file below the working folder, with its own options and in its own format.

Its own command line stops at the first file that this Python cannot parse; here such files are counted and left out.
"""

import argparse
import pathlib
import sys

from flake8_async import Plugin


def main():
    parser = argparse.ArgumentParser()
    Plugin.add_options(parser)
    Plugin.parse_options(parser.parse_args())
    unreadable = 0
    for path in sorted(pathlib.Path().rglob("*.py")):
        try:
            plugin = Plugin.from_filename(path)
            errors = sorted(plugin.run())
        except (SyntaxError, ValueError, RecursionError) as error:
            unreadable += 1
            print(f"{path}: {type(error).__name__}", file=sys.stderr)
            continue
        for error in errors:
            print(f"{path}:{error}", flush=True)
    print(f"{unreadable} files left out", file=sys.stderr)


if __name__ == "__main__":
    main()
