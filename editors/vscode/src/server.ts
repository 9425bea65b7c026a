// How the server is started, and what it is told; nothing here needs an editor, so that it can be tested without one.

/** The settings of the extension, as the editor gives them. */
export interface Settings {
  get<T>(key: string): T | undefined;
}

/** A program and its arguments. */
export interface Command {
  command: string;
  args: string[];
}

/** The command that serves an editor. */
export function command(settings: Settings, home: string): Command {
  const path = settings.get<string>("path")?.trim() || "raddle";
  return { command: path.replace(/^~(?=\/|\\|$)/, home), args: ["lsp"] };
}

const NAMES = ["lang", "minConfidence", "pedantic", "python", "select", "ignore", "codeLens"] as const;

/** What the server takes as its options: what is set, and the language of the editor where none is. */
export function options(settings: Settings, language: string): Record<string, unknown> {
  const chosen: Record<string, unknown> = {};
  for (const name of NAMES) {
    const value = settings.get<unknown>(name);
    if (value !== undefined && value !== null) {
      chosen[name] = value;
    }
  }
  chosen["lang"] ??= language.toLowerCase().startsWith("zh") ? "zh" : "en";
  return chosen;
}
