"""What is said, in the reader's language. The words stand among raddle's shared words, from which the command line speaks too."""

import functools
import os

from raddle import _bridge

language = None
"""`en` or `zh`, where somebody has chosen."""


def lang():
    """The reader's language: the chosen one, `RADDLE_LANG`, or what the locale says."""
    return language or _of_locale()


@functools.cache
def _of_locale():
    names = ("RADDLE_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    return next((os.environ[it] for it in names if os.environ.get(it)), "en")


def say(key, **values):
    """A sentence."""
    return _bridge.say(lang(), f"explore-{key}", [(name, str(value)) for name, value in values.items()])


def counted(key, n, **values):
    """A sentence that counts."""
    return say(f"{key}-one" if n == 1 else key, n=n, **values)


class Refusal(Exception):
    """Why nothing can be explored, with its key among the words."""

    def __init__(self, key, **values):
        super().__init__(say(key, **values))
