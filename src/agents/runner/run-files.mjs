// The files by which a run is found again: run.<fence> says who runs it, result.<fence>.json how it ended.

import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { ownIdentity } from "#system/processes.mjs";

/** A result is bounded below this: see LAST_BYTES in spool.mjs, and DETAIL_CHARACTERS here. */
const RESULT_BYTES = 64 * 1024;
const DETAIL_CHARACTERS = 2_000;

/**
 * Takes the fence: true for the first runner ever, false for any other. The record is made beside and linked into place
 * (link fails if the name exists, as O_EXCL does), so that nobody ever sees one that does not say whose it is.
 * Not flushed: after a power cut no process is left for which it would speak.
 */
export function claimFence(folder, fence) {
  const path = recordPath(folder, fence);
  const own = `${path}.${process.pid}`;
  writeFileSync(own, JSON.stringify({ fence, ...ownIdentity(), startedAt: new Date().toISOString() }));
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    unlinkSync(own);
  }
}

export function addAgent(folder, fence, agent) {
  const path = recordPath(folder, fence);
  const next = `${path}.${process.pid}`;
  writeFileSync(next, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), agent }));
  renameSync(next, path);
}

/**
 * Takes room for the result before there is anything to report, so that a disk which is full by the end, perhaps with
 * this run's own output, cannot keep it from being written: the bytes are overwritten in place, then renamed, which
 * needs no new block on the usual file systems.
 */
export function reserveResult(folder, fence) {
  const reserved = join(folder, `result.${fence}.reserved`);
  const file = openSync(reserved, "w", 0o644);
  writeSync(file, Buffer.alloc(RESULT_BYTES, " "));
  return {
    write(result) {
      const bytes = Buffer.from(
        `${JSON.stringify({ ...result, detail: result.detail?.slice(0, DETAIL_CHARACTERS) ?? null }, null, 2)}\n`,
      );
      writeSync(file, bytes, 0, bytes.length, 0);
      ftruncateSync(file, bytes.length);
      fsyncSync(file);
      closeSync(file);
      renameSync(reserved, join(folder, `result.${fence}.json`));
    },
  };
}

function recordPath(folder, fence) {
  return join(folder, `run.${fence}`);
}
