"""An exploration as text: the verdict, the failing run with a column for each actor, and how to run it again."""

import unicodedata

from raddle import _bridge, _places
from raddle._words import counted, lang, say

LEFT = 60
"""So many of the last steps are shown."""
_BUILDS = {"any build": "any-build", "free-threaded only": "free-threaded", "free-threaded; not found with the GIL": "perhaps-gil"}


def told(it):
    """The whole."""
    name = f" {it.target}" if it.target else ""
    if it.verdict != "failed":
        return f"{say(it.verdict)}{name}: {it.coverage}"
    rule = f"[{it.rule}]" if it.rule else f" ({it.kind})"
    lines = [f"{say('failed')}{name}{rule}: {it.failure}", ""]
    lines += facts(it)
    lines += ["", table(it.trace), "", say("replay", how=replay(it))]
    return "\n".join(lines)


def facts(it):
    """On which builds, by which preemptions, after how many schedules."""
    lines = []
    if it.builds:
        lines.append(say(_BUILDS[it.builds]))
    if it.preemptions is not None:
        places = [_places.shown(step.place) for step in it.trace if step.switch]
        lines.append(counted("preemptions", it.preemptions, places=", ".join(places)) if it.preemptions else say("preemptions-none"))
    lines.append(counted("after", it.schedules))
    return lines


def replay(it):
    """What to say to see it again."""
    return f"raddle replay {it.token} {it.target}" if it.target else it.token


def rule_name(rule):
    """The rule for a reader."""
    return _bridge.rule(lang(), rule) or rule


def act(step):
    """What a step does, in words."""
    known = {"items": say("items"), "outside": say("outside")}
    value = f" = {step.value}" if step.value else ""
    return f"{say('act-' + step.verb)} {known.get(step.what, step.what)}{value}".strip()


def width_of(text):
    """Columns on a terminal: Han characters take two."""
    return sum(2 if unicodedata.east_asian_width(it) in "WF" else 1 for it in text)


def _cut(text, width):
    if width_of(text) <= width:
        return text
    while text and width_of(text) > width - 1:
        text = text[:-1]
    return text + "…"


def _at(column, width, text):
    return (" " * (width + 2) * column + text).rstrip()


def table(trace):
    """One column an actor, one line a step."""
    shown = trace[-LEFT:]
    actors = {step.actor: step.name for step in shown}
    order = sorted(actors)
    width = max(26, min(52, 150 // max(len(order), 1)))
    heads = [_cut(actors[it], width) for it in order]
    lines = ["  ".join(it + " " * (width - width_of(it)) for it in heads).rstrip()]
    if len(trace) > LEFT:
        lines.insert(0, say("earlier", n=len(trace) - LEFT))
    before = None
    for step in shown:
        column = order.index(step.actor)
        where = f"{_places.shown(step.place)} " if step.place else ""
        mark = "▶ " if step.switch else "  "
        lines.append(_at(column, width, _cut(mark + where + act(step), width + 30)))
        source = _places.text(step.place)
        if source and (step.actor, step.place) != before:
            lines.append(_at(column, width, _cut("    " + source, width + 20)))
        before = step.actor, step.place
    return "\n".join(lines)
