import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/**
 * The folder that is meant: the one named, or the nearest from here upwards that has a steward.yaml or SERVICES/, or
 * here. Started by `npm start`, "here" is where npm was called.
 */
export function findWorkspace(named: string | undefined): string {
  if (named !== undefined) return resolve(named);
  const { INIT_CWD, npm_lifecycle_event } = process.env;
  const here = npm_lifecycle_event === "start" && INIT_CWD ? INIT_CWD : process.cwd();
  for (let folder = here; ; folder = dirname(folder)) {
    if (isWorkspace(folder)) return folder;
    if (dirname(folder) === folder) return here;
  }
}

export const isWorkspace = (folder: string): boolean =>
  existsSync(join(folder, "steward.yaml")) || existsSync(join(folder, "SERVICES"));
