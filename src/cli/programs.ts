import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";

/** Where a program is that would be started by this name; null if it is nowhere on the path. */
export async function findOnPath(name: string, path: string): Promise<string | null> {
  const places = isAbsolute(name) ? [name] : path.split(delimiter).filter(Boolean).map((folder) => join(folder, name)); // prettier-ignore
  for (const place of places) {
    const runs = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return place;
  }
  return null;
}

/** The first line that a program says of its version; null if it does not within 5 s. */
export function versionOf(program: string, words: string[], path: string): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(program, words, { timeout: 5_000, env: { PATH: path } }, (error, stdout) =>
      resolve(error ? null : (stdout.split("\n")[0] ?? "").trim()),
    );
  });
}
