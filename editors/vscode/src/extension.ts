// The extension: starts the server, and starts it anew when the settings change.

import { homedir } from "node:os";
import * as vscode from "vscode";
import { LanguageClient } from "vscode-languageclient/node";
import { command, options } from "./server";

let client: LanguageClient | undefined;

async function start(): Promise<void> {
  const settings = vscode.workspace.getConfiguration("raddle");
  client = new LanguageClient(
    "raddle",
    "raddle",
    command(settings, homedir()),
    {
      documentSelector: [{ scheme: "file", language: "python" }],
      initializationOptions: options(settings, vscode.env.language),
    },
  );
  await client.start();
}

async function stop(): Promise<void> {
  const last = client;
  client = undefined;
  // A server that never came up cannot be asked to go.
  if (last?.needsStop()) {
    await last.stop();
  }
}

// One after the other: two settings that change at once start the server twice, not side by side.
let queue: Promise<void> = Promise.resolve();
function restart(): Promise<void> {
  queue = queue.then(stop).then(start).catch((error: unknown) => {
    void vscode.window.showErrorMessage(`raddle: ${error instanceof Error ? error.message : String(error)}`);
  });
  return queue;
}

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  context.subscriptions.push(
    vscode.commands.registerCommand("raddle.restart", restart),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("raddle")) {
        void restart();
      }
    }),
  );
  await restart();
}

export async function deactivate(): Promise<void> {
  await queue.then(stop);
}
