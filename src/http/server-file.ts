import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "#system/files.ts";
import { hasErrorCode } from "#system/failure.ts";
import { unreadableHome } from "./secret-file.ts";
import { isAlive, ownIdentity, type ProcessIdentity } from "#system/processes.ts";

/** `<home>/server.json`: where the server that looks after this workspace is, and who it is. */
export type ServerFile = ProcessIdentity & { url: string; version: string; workspace: string };

const pathIn = (home: string): string => join(home, "server.json");

export async function writeServerFile(
  home: string,
  server: { url: string; version: string; workspace: string },
): Promise<void> {
  const file: ServerFile = { ...server, ...ownIdentity() } as ServerFile;
  await writeFileAtomic(pathIn(home), `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
}

/** The living server of this home; null if there is none: a pid without its start time proves nothing. */
export async function findServer(home: string): Promise<ServerFile | null> {
  const file = await read(home);
  return file !== null && isAlive(file) ? file : null;
}

/** The workspace that the last server of this home looked after, living or dead; null if none was, or it left in peace. */
export async function lastWorkspace(home: string): Promise<string | null> {
  return (await read(home))?.workspace ?? null;
}

/** Takes our own entry away; one that another server has written since stays. */
export async function removeServerFile(home: string): Promise<void> {
  const file = await read(home);
  const us = ownIdentity();
  if (file?.pid === us.pid && file.startTime === us.startTime) await rm(pathIn(home), { force: true });
}

async function read(home: string): Promise<ServerFile | null> {
  let text: string;
  try {
    text = await readFile(pathIn(home), "utf8");
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "ENOTDIR")) return null;
    throw unreadableHome(home, error);
  }
  try {
    return JSON.parse(text) as ServerFile;
  } catch {
    return null; // Half a file is no server's.
  }
}
