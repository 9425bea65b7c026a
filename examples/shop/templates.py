"""Texts the shop prints, kept as files beside the code."""

from pathlib import Path
from string import Template

FOLDER = Path(__file__).parent / "texts"


def template(name: str) -> Template:
    path = FOLDER / f"{name}.txt"
    if not path.exists():
        raise LookupError(f"no text named {name}")
    return Template(path.read_text(encoding="utf-8").strip())
