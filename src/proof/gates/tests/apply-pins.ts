import { lstat, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { isInside } from "#system/files.ts";
import { Failure } from "#system/failure.ts";

/**
 * Puts the owner's version of the files that steer the tests over the clean copy, and says, one sentence each, where
 * the run had changed them. Of package.json only `scripts` is the owner's: its dependencies are part of the build.
 */
export async function applyPins(top: string, pinned: Record<string, string | null> = {}): Promise<string[]> {
  const notes: string[] = [];
  for (const [path, content] of Object.entries(pinned)) {
    const target = resolve(top, path);
    if (!isInside(top, target) || target === top)
      throw new Failure("invalid", `pinned file ${path} is not in the service`);
    const note =
      basename(path) === "package.json" && content !== null
        ? await pinScripts(target, path, content)
        : await pinWhole(target, path, content);
    notes.push(...note);
  }
  return notes;
}

async function pinWhole(target: string, path: string, content: string | null): Promise<string[]> {
  const found = await lstat(target).catch(() => null);
  if (content === null) {
    if (found === null) return [];
    await rm(target, { recursive: true, force: true });
    return [`the run added ${path}; it was left out, since it steers the tests`];
  }
  const now = found?.isFile() === true ? await readFile(target, "utf8") : null;
  if (now === content) return [];
  // Removed first: never written through a link.
  await rm(target, { recursive: true, force: true });
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, content);
  return [`the run ${now === null ? "removed" : "changed"} ${path}; the owner's version was used`];
}

async function pinScripts(target: string, path: string, content: string): Promise<string[]> {
  const owner = objectIn(content) ?? {};
  const text = (await lstat(target).catch(() => null))?.isFile() === true ? await readFile(target, "utf8") : null;
  const now = text === null ? null : objectIn(text);
  if (now === null) return pinWhole(target, path, content);
  const wanted = asObject(owner.scripts);
  const found = asObject(now.scripts);
  const changed = [...new Set([...Object.keys(wanted), ...Object.keys(found)])].filter(
    (name) => wanted[name] !== found[name],
  );
  if (changed.length === 0) return [];
  await rm(target, { force: true });
  await writeFile(target, `${JSON.stringify({ ...now, scripts: wanted }, null, 2)}\n`);
  return changed.map((name) => `the run changed ${path} scripts.${name}; the owner's version was used`);
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
