"""An exploration as a page that needs nothing else: no script, no other file, no network."""

import html

from raddle import _places, _told
from raddle._words import lang, say

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --bad: #c22; --good: #2a7; --mark: #d80; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 80em; padding: 0 1em; }
h1 { font-size: 1.3em; } h2 { font-size: 1.1em; overflow-wrap: anywhere; }
.failed { color: var(--bad); } .proved { color: var(--good); }
pre, code, td { font-family: ui-monospace, monospace; font-size: 13px; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--soft); padding: .6em; border-radius: 4px; }
.run { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { border-left: 1px solid var(--line); padding: .2em .6em; text-align: left; vertical-align: top; }
th { border-bottom: 2px solid var(--line); } td.n, th.n { border-left: 0; text-align: right; opacity: .6; }
td.on { background: var(--soft); } tr.switch td { border-top: 2px dashed var(--mark); } .mark { color: var(--mark); }
td .source { display: block; white-space: pre-wrap; opacity: .75; } td .where { opacity: .6; }
"""


def page(explorations):
    """The page."""
    names = ", ".join(it.target for it in explorations if it.target) or "raddle"
    title = html.escape(say("title", target=names))
    body = "\n".join(_section(it) for it in explorations)
    language = "zh" if lang().startswith("zh") else "en"
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n{body}\n</body></html>\n"
    )


def _section(it):
    head = f'<h2><span class="{it.verdict}">{html.escape(say(it.verdict))}</span> {html.escape(it.target)}</h2>'
    if it.verdict != "failed":
        return f"<section>{head}<p>{html.escape(it.coverage)}</p></section>"
    rule = f"<p><code>{html.escape(it.rule)}</code> {html.escape(_told.rule_name(it.rule))}</p>" if it.rule else ""
    facts = "".join(f"<li>{html.escape(line)}</li>" for line in _told.facts(it))
    replay = html.escape(say("replay", how=_told.replay(it)))
    return f"<section>{head}{rule}<pre>{html.escape(it.failure)}</pre><ul>{facts}</ul>{_run(it.trace)}<pre>{replay}</pre></section>"


def _run(trace):
    actors = {step.actor: step.name for step in trace}
    order = sorted(actors)
    heads = "".join(f"<th>{html.escape(actors[it])}</th>" for it in order)
    rows = "\n".join(_row(n, step, order) for n, step in enumerate(trace, 1))
    return f'<div class="run"><table><thead><tr><th class="n">{html.escape(say("step"))}</th>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table></div>'


def _row(n, step, order):
    mark = f'<span class="mark" title="{html.escape(say("switch"))}">▶ </span>' if step.switch else ""
    where = f'<span class="where">{html.escape(_places.shown(step.place))}</span> ' if step.place else ""
    source = f'<span class="source">{html.escape(_places.text(step.place))}</span>' if step.place else ""
    cell = f'<td class="on">{mark}{where}{html.escape(_told.act(step))}{source}</td>'
    cells = "".join(cell if it == step.actor else "<td></td>" for it in order)
    return f'<tr class="{"switch" if step.switch else "step"}"><td class="n">{n}</td>{cells}</tr>'
