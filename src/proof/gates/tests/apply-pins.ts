import { lstat, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { isInside } from "#system/files.ts";
import { Failure } from "#system/failure.ts";

/**
 * Puts the owner's version of the files that steer the tests over the clean copy, and says, one sentence each, where
 * the run had changed them. Of package.json and pyproject.toml only that part is the owner's: the dependencies are part
 * of the build.
 */
export async function applyPins(top: string, pinned: Record<string, string | null> = {}): Promise<string[]> {
  const notes: string[] = [];
  for (const [path, content] of Object.entries(pinned)) {
    const target = resolve(top, path);
    if (!isInside(top, target) || target === top)
      throw new Failure("invalid", `pinned file ${path} is not in the service`);
    notes.push(...(await pinOne(target, path, content)));
  }
  return notes;
}

async function pinOne(target: string, path: string, content: string | null): Promise<string[]> {
  if (basename(path) === "package.json" && content !== null) return pinSteeringKeys(target, path, content);
  if (basename(path) === "pyproject.toml") {
    const text = await textOf(target);
    if (text !== null && steeringTables(text) === steeringTables(content ?? "")) return [];
  }
  return pinWhole(target, path, content);
}

/** Of pyproject.toml: the tables about pytest and coverage, and whatever else names them as keys. */
function steeringTables(toml: string): string {
  let steers = false;
  const lines = toml.split(/\r?\n/).filter((line) => {
    const table = /^\s*\[{1,2}\s*([^\]\n]+?)\s*\]{1,2}\s*(?:#.*)?$/.exec(line);
    // The rows of an array are no tables, and harmless: what follows them stays with what was before.
    if (table !== null && /^[\w"'.\s-]+$/.test(table[1]!)) steers = /\b(?:pytest|coverage)\b/.test(table[1]!);
    return (
      steers || /^\s*(?:[\w"'-]+\s*\.\s*)*["']?(?:pytest|coverage)["']?\s*[.=]/.test(line) || /^\s*tool\s*=/.test(line)
    );
  });
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .join("\n");
}

async function textOf(target: string): Promise<string | null> {
  return (await lstat(target).catch(() => null))?.isFile() === true ? readFile(target, "utf8") : null;
}

async function pinWhole(target: string, path: string, content: string | null): Promise<string[]> {
  const found = await lstat(target).catch(() => null);
  if (content === null) {
    if (found === null) return [];
    await rm(target, { recursive: true, force: true });
    return [`the run added ${path}; it was left out, since it steers the tests`];
  }
  const now = await textOf(target);
  if (now === content) return [];
  // Removed first: never written through a link.
  await rm(target, { recursive: true, force: true });
  await mkdir(dirname(target), { recursive: true });
  // A script that could be run still can.
  await writeFile(target, content, { mode: found?.isFile() === true ? found.mode & 0o777 : 0o755 });
  return [`the run ${now === null ? "removed" : "changed"} ${path}; the owner's version was used`];
}

/** The keys of package.json by which tools choose tests and measure, beside its scripts. */
const toolKeys = ["jest", "vitest", "mocha", "nyc", "c8", "ava", "tap", "jasmine", "config"];

async function pinSteeringKeys(target: string, path: string, content: string): Promise<string[]> {
  const owner = objectIn(content) ?? {};
  const text = await textOf(target);
  const now = text === null ? null : objectIn(text);
  if (now === null) return pinWhole(target, path, content);
  const wanted = asObject(owner.scripts);
  const found = asObject(now.scripts);
  const scripts = [...new Set([...Object.keys(wanted), ...Object.keys(found)])].filter(
    (name) => wanted[name] !== found[name],
  );
  const keys = toolKeys.filter((key) => JSON.stringify(owner[key]) !== JSON.stringify(now[key]));
  const changed = [...scripts.map((name) => `scripts.${name}`), ...keys];
  if (changed.length === 0) return [];
  const tools = Object.fromEntries(keys.map((key) => [key, owner[key]]));
  await rm(target, { force: true });
  await writeFile(target, `${JSON.stringify({ ...now, ...tools, scripts: wanted }, null, 2)}\n`);
  return changed.map((name) => `the run changed ${path} ${name}; the owner's version was used`);
}

function objectIn(json: string): Record<string, unknown> | null {
  try {
    return asObject(JSON.parse(json));
  } catch {
    return null;
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
