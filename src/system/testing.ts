// Temporary folders for tests.
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { hasErrorCode } from "./failure.ts";

type Cleaner = { after(fn: () => Promise<void>): void };

/** A new folder that other users (PostgreSQL's, under root) may pass through; it is gone after the test. */
export async function makeFolder(t: Cleaner, name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `steward-${name}-`));
  await chmod(folder, 0o755);
  t.after(() => removeFolder(folder));
  return folder;
}

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
