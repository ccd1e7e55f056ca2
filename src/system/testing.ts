// Folders and ports for tests.
import { randomInt } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { hasErrorCode } from "./failure.ts";

/**
 * Removes a folder in which something that was just ended may still write its last file: `rm` fails then with ENOTEMPTY,
 * and its own retries begin where they stopped, not with what is new. What goes on writing for ten seconds was not ended.
 */
export async function removeFolder(folder: string): Promise<void> {
  for (const deadline = performance.now() + 10_000; ;) {
    try {
      await rm(folder, { recursive: true, force: true });
      return;
    } catch (error) {
      if (performance.now() > deadline || !hasErrorCode(error, "ENOTEMPTY", "EBUSY", "EPERM", "ENOENT")) throw error;
      await pause(25);
    }
  }
}

/**
 * A port that nothing listens on, and that no other test is given within the hour. Below what systems give out by
 * themselves (from 32768) and what the embedded database takes (from 21000), so that nobody gets it by chance between
 * its choice and its use.
 */
export async function freePort(): Promise<number> {
  const claims = join(tmpdir(), `steward-test-ports-${userInfo().uid}-${Math.floor(Date.now() / 3_600_000)}`);
  await mkdir(claims, { recursive: true });
  for (;;) {
    const port = randomInt(10_000, 20_000);
    if ((await isClaimed(join(claims, String(port)))) && (await isFree(port))) return port;
  }
}

async function isClaimed(file: string): Promise<boolean> {
  try {
    await writeFile(file, "", { flag: "wx" });
    return true;
  } catch (error) {
    if (hasErrorCode(error, "EEXIST")) return false;
    throw error;
  }
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
