"""The HTML report in a browser: what it shows, what its filter leaves, and that nothing in it runs or is loaded."""

import os
import re
import shutil
import subprocess
import textwrap

import pytest

RADDLE = os.environ.get("RADDLE_BINARY")
CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
pytestmark = [
    pytest.mark.skipif(not RADDLE, reason="RADDLE_BINARY does not name the binary"),
    pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium"),
]

PROGRAM = """
    import threading
    import time

    async def save():
        pass

    async def main():
        save()  # <script>document.title = "run"</script><img src="https://example.com/x">

    async def slow():
        time.sleep(1)

    class Counter:
        def __init__(self):
            self.count = 0

        def work(self):
            self.count += 1

        def start(self):
            for _ in range(4):
                threading.Thread(target=self.work).start()
"""


@pytest.fixture
def report(tmp_path):
    (tmp_path / "app.py").write_text(textwrap.dedent(PROGRAM))
    page = tmp_path / "report.html"
    command = [RADDLE, "check", "--no-cache", "--lang", "en", "--output-format", "html", "--output-file", page, "."]
    subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, timeout=60)
    return page


def shown(page, state=""):
    """The page after its script has run, and the rules of the findings that are not hidden."""
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"{page.as_uri()}#{state}"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = re.findall(r"<details[^>]*>", said)
    return said, sorted(re.search('data-rule="([^"]*)"', it)[1] for it in found if "hidden" not in it)


ALL = ["blocking-call-in-coroutine", "coroutine-never-awaited", "unguarded-shared-write"]


def test_findings_and_filter(report):
    assert shown(report)[1] == ALL
    assert shown(report, "rule=coroutine-never-awaited")[1] == ["coroutine-never-awaited"]
    assert shown(report, "search=time.sleep")[1] == ["blocking-call-in-coroutine"]
    said, left = shown(report, "search=nothing-like-this")
    assert left == []
    assert '<p id="none">' in said


def test_code_is_shown_and_not_run(report):
    said, _ = shown(report)
    assert "<title>raddle: findings</title>" in said
    assert "&lt;script&gt;document.title" in said
    assert "<img" not in said
    # Nothing is asked of the network: no address but names of code.
    assert not re.search(r"(src|href)=", re.sub(r"&lt;.*?&gt;", "", said))
