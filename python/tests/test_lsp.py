"""`raddle lsp` as an editor meets it: over standard input and output, with the client of pytest-lsp."""

import asyncio
import os
import textwrap
from contextlib import asynccontextmanager

import pytest
from lsprotocol import types as lsp

pytest_lsp = pytest.importorskip("pytest_lsp")

RADDLE = os.environ.get("RADDLE_BINARY")
pytestmark = pytest.mark.skipif(not RADDLE, reason="RADDLE_BINARY does not name the binary")

PATIENCE = 30

HELPERS = """
    import time

    def pause():
        time.sleep(1)
"""
APP = """
    from helpers import pause

    async def serve():
        pause()
"""
LOST = """
    async def save():
        pass

    async def main():
        save()
"""


class Editor(pytest_lsp.LanguageClient):
    """An editor that remembers what it is shown."""

    def __init__(self):
        super().__init__()
        self.shown = asyncio.Condition()
        self.rounds = {}

        @self.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        async def _(params: lsp.PublishDiagnosticsParams):
            async with self.shown:
                self.diagnostics[params.uri] = params.diagnostics
                self.rounds.setdefault(params.uri, []).append(params)
                self.shown.notify_all()

        @self.feature(lsp.WINDOW_WORK_DONE_PROGRESS_CREATE)
        def _(params: lsp.WorkDoneProgressCreateParams):
            self.progress_reports[params.token] = []

        @self.feature(lsp.PROGRESS)
        def _(params: lsp.ProgressParams):
            self.progress_reports[params.token].append(params.value["kind"])

        @self.feature(lsp.WINDOW_LOG_MESSAGE)
        def _(params: lsp.LogMessageParams):
            self.log_messages.append(params)

        @self.feature(lsp.WINDOW_SHOW_MESSAGE)
        def _(params: lsp.ShowMessageParams):
            self.messages.append(params)

        @self.feature(lsp.CLIENT_REGISTER_CAPABILITY)
        def _(params: lsp.RegistrationParams):
            self.registered = params.registrations

    async def sees(self, uri, wanted):
        """Waits until the diagnostics of a document are as wanted."""

        async def until():
            async with self.shown:
                await self.shown.wait_for(lambda: wanted(self.diagnostics.get(uri, [])))

        try:
            await asyncio.wait_for(until(), PATIENCE)
        except asyncio.TimeoutError:
            raise AssertionError(f"the editor sees {self.diagnostics.get(uri)}") from None
        return self.diagnostics.get(uri, [])

    def open(self, path, text=None):
        uri = path.as_uri()
        text = path.read_bytes().decode() if text is None else text
        item = lsp.TextDocumentItem(uri=uri, language_id="python", version=1, text=text)
        self.text_document_did_open(lsp.DidOpenTextDocumentParams(text_document=item))
        return uri

    def change(self, uri, version, *changes):
        document = lsp.VersionedTextDocumentIdentifier(uri=uri, version=version)
        params = lsp.DidChangeTextDocumentParams(text_document=document, content_changes=list(changes))
        self.text_document_did_change(params)

    async def actions(self, uri, diagnostics, only=None):
        return await self.text_document_code_action_async(
            lsp.CodeActionParams(
                text_document=lsp.TextDocumentIdentifier(uri=uri),
                range=diagnostics[0].range,
                context=lsp.CodeActionContext(diagnostics=diagnostics, only=only),
            )
        )


def codes(diagnostics):
    return sorted(it.code for it in diagnostics)


def whole(text):
    return lsp.TextDocumentContentChangeWholeDocument(text=textwrap.dedent(text))


def part(line, start, end_line, end, text):
    span = lsp.Range(start=lsp.Position(line, start), end=lsp.Position(end_line, end))
    return lsp.TextDocumentContentChangePartial(range=span, text=text)


def project(folder, **files):
    folder.mkdir(exist_ok=True)
    (folder / "raddle.toml").write_text("")
    for name, text in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    return folder


@asynccontextmanager
async def editor(*folders, encodings=("utf-16",), options=None):
    client = Editor()
    await client.start_io(RADDLE, "lsp", "--lang", "en")
    capabilities = lsp.ClientCapabilities(
        general=lsp.GeneralClientCapabilities(position_encodings=list(encodings)),
        window=lsp.WindowClientCapabilities(work_done_progress=True),
        workspace=lsp.WorkspaceClientCapabilities(
            workspace_edit=lsp.WorkspaceEditClientCapabilities(document_changes=True),
            did_change_watched_files=lsp.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True),
        ),
    )
    client.greeting = await client.initialize_session(
        lsp.InitializeParams(
            capabilities=capabilities,
            initialization_options=options,
            workspace_folders=[lsp.WorkspaceFolder(uri=it.as_uri(), name=it.name) for it in folders],
        )
    )
    try:
        yield client
    finally:
        await asyncio.wait_for(client.shutdown_session(), PATIENCE)
        server = client._server
        assert await asyncio.wait_for(server.wait(), PATIENCE) == 0


def run(scenario):
    asyncio.run(scenario())


def test_the_whole_program_is_judged_with_what_the_editor_holds(tmp_path):
    folder = project(tmp_path / "shop", helpers=HELPERS, app=APP)

    async def scenario():
        async with editor(folder) as client:
            app = (folder / "app.py").as_uri()
            # No document is open: the files on the disk are shown.
            [found] = await client.sees(app, lambda it: codes(it) == ["blocking-call-in-coroutine"])
            assert found.severity == lsp.DiagnosticSeverity.Error
            assert found.source == "raddle"
            steps = [(it.location.uri.rsplit("/", 1)[1], it.message) for it in found.related_information]
            assert steps[-1] == ("helpers.py", "`time.sleep` waits for the clock, and the event loop with it")
            # The helper is mended in a buffer that is never saved.
            helpers = client.open(folder / "helpers.py")
            client.change(helpers, 2, whole("def pause():\n    pass\n"))
            await client.sees(app, lambda it: not it)
            client.change(helpers, 3, whole(HELPERS))
            await client.sees(app, lambda it: len(it) == 1)
            client.change(helpers, 4, whole("def pause():\n    pass\n"))
            await client.sees(app, lambda it: not it)
            # Closed without saving, the disk counts again.
            document = lsp.TextDocumentIdentifier(uri=helpers)
            client.text_document_did_close(lsp.DidCloseTextDocumentParams(text_document=document))
            await client.sees(app, lambda it: len(it) == 1)

    run(scenario)


def test_what_does_not_parse_keeps_what_was_known(tmp_path):
    folder = project(tmp_path / "shop", helpers=HELPERS, app=APP)

    async def scenario():
        async with editor(folder) as client:
            app = (folder / "app.py").as_uri()
            await client.sees(app, lambda it: len(it) == 1)
            helpers = client.open(folder / "helpers.py")
            client.change(helpers, 2, whole(HELPERS + "\ndef broken("))
            # An answer comes only when the check of the change is done.
            await client.text_document_code_lens_async(
                lsp.CodeLensParams(text_document=lsp.TextDocumentIdentifier(uri=app))
            )
            assert len(client.diagnostics[app]) == 1

    run(scenario)


@pytest.mark.parametrize(("encodings", "column"), [(["utf-16"], 9), (["utf-8", "utf-16"], 11)])
def test_positions_are_counted_as_the_editor_counts(tmp_path, encodings, column):
    text = LOST.replace("    save()", "    '😀'; save()")
    folder = project(tmp_path / "shop", app=text)

    async def scenario():
        async with editor(folder, encodings=encodings) as client:
            assert client.greeting.capabilities.position_encoding == encodings[0]
            uri = client.open(folder / "app.py")
            [found] = await client.sees(uri, lambda it: len(it) == 1)
            start = found.range.start
            assert (start.line, start.character) == (5, column + 1)
            # An edit in the same line, in the same counting.
            client.change(uri, 2, part(5, column + 1, 5, column + 1, "await "))
            await client.sees(uri, lambda it: not it)

    run(scenario)


def test_quick_fixes_hover_and_lenses(tmp_path):
    folder = project(tmp_path / "shop", app=LOST)

    async def scenario():
        async with editor(folder) as client:
            uri = client.open(folder / "app.py")
            found = await client.sees(uri, lambda it: codes(it) == ["coroutine-never-awaited"])
            quick, silent, everything = await client.actions(uri, found)
            assert (quick.title, quick.kind, quick.is_preferred) == ("await it", "quickfix", True)
            assert everything.kind == "source.fixAll.raddle"
            [change] = quick.edit.document_changes
            assert change.text_document.version == 1
            [edit] = change.edits
            assert edit.new_text == "await "
            assert silent.title == "ignore `coroutine-never-awaited` on this line"
            assert silent.edit.document_changes[0].edits[0].new_text == "  # raddle: ignore[coroutine-never-awaited]"
            [only] = await client.actions(uri, found, only=["source.fixAll"])
            assert only.kind == "source.fixAll.raddle"
            identifier = lsp.TextDocumentIdentifier(uri=uri)
            hover = await client.text_document_hover_async(
                lsp.HoverParams(text_document=identifier, position=found[0].range.start)
            )
            assert "### coroutine-never-awaited" in hover.contents.value
            assert "runs none of its body" in hover.contents.value
            lenses = await client.text_document_code_lens_async(lsp.CodeLensParams(text_document=identifier))
            titles = [(it.range.start.line, it.command.title) for it in lenses]
            assert titles == [(1, "runs on: event loop"), (4, "runs on: event loop")]
            # The fix is applied and the finding is gone.
            client.change(uri, 2, lsp.TextDocumentContentChangePartial(range=edit.range, text=edit.new_text))
            await client.sees(uri, lambda it: not it)

    run(scenario)


def test_words_are_chinese_when_the_settings_say_so(tmp_path):
    folder = project(tmp_path / "shop", app=LOST)

    async def scenario():
        async with editor(folder, options={"lang": "zh"}) as client:
            uri = client.open(folder / "app.py")
            [found] = await client.sees(uri, lambda it: len(it) == 1)
            assert found.message.startswith("没有任何代码 `await`")
            lenses = await client.text_document_code_lens_async(
                lsp.CodeLensParams(text_document=lsp.TextDocumentIdentifier(uri=uri))
            )
            assert lenses[0].command.title == "运行在：事件循环"

    run(scenario)


def test_several_roots_and_files_that_come_and_go(tmp_path):
    first = project(tmp_path / "first", app=LOST)
    second = project(tmp_path / "second", app="x = 1\n")

    async def scenario():
        async with editor(first, second) as client:
            await client.sees((first / "app.py").as_uri(), lambda it: len(it) == 1)
            # A new file on the disk.
            late = second / "late.py"
            late.write_text(textwrap.dedent(LOST))
            created = lsp.FileEvent(uri=late.as_uri(), type=lsp.FileChangeType.Created)
            client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams(changes=[created]))
            await client.sees(late.as_uri(), lambda it: len(it) == 1)
            # Settings that turn the rule off.
            (second / "raddle.toml").write_text('ignore = ["coroutine-never-awaited"]\n')
            event = lsp.FileEvent(uri=(second / "raddle.toml").as_uri(), type=lsp.FileChangeType.Changed)
            client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams(changes=[event]))
            await client.sees(late.as_uri(), lambda it: not it)
            # A root that is taken away takes its findings with it.
            gone = lsp.WorkspaceFolder(uri=first.as_uri(), name="first")
            event = lsp.WorkspaceFoldersChangeEvent(added=[], removed=[gone])
            client.workspace_did_change_workspace_folders(lsp.DidChangeWorkspaceFoldersParams(event=event))
            await client.sees((first / "app.py").as_uri(), lambda it: not it)
            # A file below no root is checked alone.
            loose = tmp_path / "loose.py"
            loose.write_text(textwrap.dedent(LOST))
            uri = client.open(loose)
            await client.sees(uri, lambda it: len(it) == 1)

    run(scenario)


def test_broken_settings_are_told_once_and_mended(tmp_path):
    folder = project(tmp_path / "shop", app=LOST)
    settings = folder / "raddle.toml"

    async def scenario():
        async with editor(folder) as client:
            uri = client.open(folder / "app.py")
            await client.sees(uri, lambda it: len(it) == 1)
            event = lsp.FileEvent(uri=settings.as_uri(), type=lsp.FileChangeType.Changed)
            params = lsp.DidChangeWatchedFilesParams(changes=[event])
            settings.write_text("ignore = 3\n")
            client.workspace_did_change_watched_files(params)
            for version in range(2, 5):
                client.change(uri, version, whole(LOST))
                await client.text_document_code_lens_async(
                    lsp.CodeLensParams(text_document=lsp.TextDocumentIdentifier(uri=uri))
                )
            [message] = client.messages
            assert "`ignore` is a list of text" in message.message
            settings.write_text('ignore = ["coroutine-never-awaited"]\n')
            client.workspace_did_change_watched_files(params)
            await client.sees(uri, lambda it: not it)

    run(scenario)


def test_progress_and_cancellation(tmp_path):
    folder = project(tmp_path / "shop", app=LOST)

    async def scenario():
        async with editor(folder) as client:
            uri = client.open(folder / "app.py")
            await client.sees(uri, lambda it: len(it) == 1)
            await client.text_document_code_lens_async(
                lsp.CodeLensParams(text_document=lsp.TextDocumentIdentifier(uri=uri))
            )
            [kinds] = client.progress_reports.values()
            assert kinds[0] == "begin" and kinds[-1] == "end" and "report" in kinds
            # A request that waits for a check can be taken back.
            client.change(uri, 2, whole(LOST))
            params = lsp.CodeLensParams(text_document=lsp.TextDocumentIdentifier(uri=uri))
            request = client.protocol.send_request(lsp.TEXT_DOCUMENT_CODE_LENS, params, msg_id="lens")
            client.cancel_request(lsp.CancelParams(id="lens"))
            with pytest.raises(Exception, match="(?i)cancel"):
                await asyncio.wait_for(asyncio.wrap_future(request), PATIENCE)

    run(scenario)


def test_many_edits_end_where_a_cold_check_ends(tmp_path):
    folder = project(tmp_path / "shop", helpers=HELPERS, app=APP)

    async def scenario():
        async with editor(folder) as client:
            app = client.open(folder / "app.py")
            await client.sees(app, lambda it: len(it) == 1)
            for version in range(2, 60):
                line = "    pause()\n" if version % 2 else "    save = pause\n"
                client.change(app, version, part(1, 0, 1, 0, f"# {version}\n"), part(5, 0, 6, 0, line))
                await asyncio.sleep(0.002 * (version % 7))
            client.change(app, 60, whole(APP))
            await client.text_document_code_lens_async(
                lsp.CodeLensParams(text_document=lsp.TextDocumentIdentifier(uri=app))
            )
            last = client.rounds[app][-1]
            assert (last.version, [it.range.start.line for it in last.diagnostics]) == (60, [4])

    run(scenario)
