import { open } from "node:fs/promises";
import { constants } from "node:fs";
import { join } from "node:path";
import { findSpec } from "#proof/find-spec.ts";
import { gate } from "#proof/gate.ts";
import { readTree } from "#proof/read-tree.ts";
import { readSpec } from "#proof/spec-sections.ts";
import { unreadable } from "#proof/unreadable.ts";
import { green, red } from "#proof/verdict.ts";
import { decodeText } from "#system/decode-text.ts";
import { Failure } from "#system/failure.ts";

/** A spec larger than this is not read by anybody; its beginning is judged. */
const SPEC_LIMIT_BYTES = 1 << 20;

/** Is the spec there, with every section that a builder needs, and not just placeholders? */
export const specGate = gate("spec", async ({ serviceDir }) => {
  const started = performance.now();
  const durationMs = () => Math.round(performance.now() - started);
  const file = findSpec(readTree(serviceDir));
  if (file === null) {
    return red("spec_incomplete", ["there is no SPEC.md"], { durationMs: durationMs(), missing: ["SPEC.md"] });
  }
  const spec = readSpec(await beginningOf(join(serviceDir, file)), { file });
  if (spec.complete) return green([`${file} is complete`], { durationMs: durationMs() });
  return red("spec_incomplete", spec.reasons, { durationMs: durationMs(), missing: [...spec.missing, ...spec.empty] });
});

/** Not through a link, and not from a pipe, which would never end. */
async function beginningOf(path: string): Promise<string> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch((error: unknown) => Promise.reject(unreadable(path, error)));
  try {
    if (!(await file.stat()).isFile()) throw new Failure("invalid", `${path} is not a file`);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SPEC_LIMIT_BYTES), 0, SPEC_LIMIT_BYTES, 0);
    const text = decodeText(buffer.subarray(0, bytesRead));
    if (text === null) throw new Failure("invalid", `${path} is not text`);
    return text;
  } finally {
    await file.close();
  }
}
