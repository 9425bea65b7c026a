"""Where an actor stands, in the words of the person who wrote the program."""

import functools
import linecache
import os
import sys
import sysconfig
import zlib

from raddle._words import say

_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep
_LIBRARY = tuple(sysconfig.get_path(it) + os.sep for it in ("stdlib", "platstdlib"))
_SITE = tuple(sysconfig.get_path(it) + os.sep for it in ("purelib", "platlib"))
_STEERED = ("functools.py",)
_TOOLS = tuple(f"{os.sep}{it}{os.sep}" for it in ("_pytest", "pytest", "pluggy", "pytest_asyncio", "anyio", "hypothesis"))
"""Packages that run tests: what they keep for themselves is no part of the test."""


@functools.cache
def is_own(filename):
    """Whether a file belongs to raddle."""
    return filename.startswith(_OWN)


@functools.cache
def is_steered(filename):
    """Whether shared accesses in a file are switch points."""
    if is_own(filename) or filename.startswith("<frozen"):
        return False
    if any(it in filename for it in _TOOLS):
        return False
    is_library = filename.startswith(_LIBRARY) and not filename.startswith(_SITE) and "site-packages" not in filename
    return not is_library or os.path.basename(filename) in _STEERED


@functools.cache
def _key(filename, line):
    text = linecache.getline(filename, line).strip()
    return zlib.crc32(f"{text}|{os.path.basename(filename)}".encode()) + 1


def here():
    """A key for the line of the program that runs, and its file and line."""
    frame = sys._getframe(1)
    while frame is not None and not is_steered(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        return 0, None
    place = frame.f_code.co_filename, frame.f_lineno
    return _key(*place), place


def shown(place):
    """`file.py:12`"""
    return say("nowhere") if place is None else f"{os.path.basename(place[0])}:{place[1]}"


def text(place):
    """The line itself."""
    return "" if place is None else linecache.getline(*place).strip()
