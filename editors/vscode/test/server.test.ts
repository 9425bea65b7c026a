// How the server is started, and, where RADDLE_BINARY names one, that it answers.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";
import {
  createProtocolConnection,
  DidOpenTextDocumentNotification,
  ExitNotification,
  InitializedNotification,
  InitializeRequest,
  PublishDiagnosticsNotification,
  ShutdownRequest,
  StreamMessageReader,
  StreamMessageWriter,
  type PublishDiagnosticsParams,
} from "vscode-languageserver-protocol/node";
import { command, options, type Settings } from "../src/server";

function settings(values: Record<string, unknown>): Settings {
  return { get: <T>(key: string) => values[key] as T | undefined };
}

test("the program is the one that is named, else the one on the path", () => {
  assert.deepEqual(command(settings({}), "/home/a"), { command: "raddle", args: ["lsp"] });
  assert.deepEqual(command(settings({ path: " " }), "/home/a").command, "raddle");
  assert.equal(command(settings({ path: "~/bin/raddle" }), "/home/a").command, "/home/a/bin/raddle");
  assert.equal(command(settings({ path: "/opt/~x/raddle" }), "/home/a").command, "/opt/~x/raddle");
});

test("only what is set is told, and the language of the editor", () => {
  assert.deepEqual(options(settings({ lang: null, python: null, path: "x" }), "zh-cn"), { lang: "zh" });
  assert.deepEqual(options(settings({ lang: "en", pedantic: false, ignore: ["a"] }), "zh-cn"), {
    lang: "en",
    pedantic: false,
    ignore: ["a"],
  });
  assert.deepEqual(options(settings({}), "de"), { lang: "en" });
});

const binary = process.env["RADDLE_BINARY"];

test("a server with these options shows findings", { skip: !binary && "RADDLE_BINARY is not set" }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "raddle-"));
  const { command: program, args } = command(settings({ path: binary }), "/");
  const server = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const connection = createProtocolConnection(
    new StreamMessageReader(server.stdout),
    new StreamMessageWriter(server.stdin),
  );
  try {
    const file = join(folder, "app.py");
    const text = "async def f():\n    pass\n\nasync def g():\n    f()\n";
    writeFileSync(file, text);
    const seen = new Promise<PublishDiagnosticsParams>((resolve) => {
      connection.onNotification(PublishDiagnosticsNotification.type, (it) => it.diagnostics.length && resolve(it));
    });
    connection.listen();
    await connection.sendRequest(InitializeRequest.type, {
      processId: process.pid,
      rootUri: null,
      capabilities: {},
      workspaceFolders: [{ uri: pathToFileURL(folder).href, name: "it" }],
      initializationOptions: options(settings({}), "zh-cn"),
    });
    await connection.sendNotification(InitializedNotification.type, {});
    const document = { uri: pathToFileURL(file).href, languageId: "python", version: 1, text };
    await connection.sendNotification(DidOpenTextDocumentNotification.type, { textDocument: document });
    const [found] = (await seen).diagnostics;
    assert.equal(found?.code, "coroutine-never-awaited");
    assert.match(found?.message ?? "", /没有任何代码/);
    await connection.sendRequest(ShutdownRequest.type);
    await connection.sendNotification(ExitNotification.type);
    const [code] = await once(server, "exit");
    assert.equal(code, 0);
  } finally {
    connection.dispose();
    server.kill();
    rmSync(folder, { recursive: true });
  }
});
