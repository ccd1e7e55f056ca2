import { createHash } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { takeOver, workOf } from "#agents/work/take-over.ts";
import { runFolderOf } from "#agents/work/run-folder.ts";
import type { Tools } from "#agents/tools.ts";
import { prepareWorkplace } from "#agents/workplace/prepare-workplace.ts";
import { saveBaseline } from "#agents/workplace/baseline.ts";
import { inTenant } from "#db/db.ts";
import { outlastDatabase } from "#db/outlast.ts";
import type { Claimed } from "#dispatch/claim.ts";
import { decodeText } from "#system/decode-text.ts";
import { hasErrorCode } from "#system/failure.ts";
import { writeFileAtomic } from "#system/files.ts";
import { about, scaffold } from "./scaffold/scaffold.ts";
import { failpoint } from "#system/failpoint.ts";

export const builtInBuilder = { name: "scaffold", capabilities: ["builder"], about, slots: 4 };

/** What scaffold wrote, with the hash of each file: what differs from it was written by somebody else. */
type Manifest = { files: Record<string, string> };
const MANIFEST = "BUILD/.scaffold.json";

/**
 * Builds a service by the fixed rules of scaffold, in a copy like every other agent. It refuses what its grammar does not
 * cover, and a folder where somebody else's code stands: it would write over it. Returns the refusal, or null after the
 * run was reported.
 */
export async function buildByRules(tools: Tools, claimed: Claimed, signal: AbortSignal): Promise<string[] | null> {
  const folder = runFolderOf(tools.home, claimed.runId);
  const item = await inTenant(tools.database.app, tools.tenantId, (tx) =>
    tx.selectFrom("item").select(["folder", "port"]).where("id", "=", claimed.item_id).executeTakeFirstOrThrow(),
  );
  try {
    await rm(folder.work, { recursive: true, force: true });
    await saveBaseline(folder.baseline, await prepareWorkplace({ serviceDir: item.folder!, workDir: folder.work }));
    const refusal = await writeInto(folder.work, claimed, item.port);
    if (refusal) return refusal;
    signal.throwIfAborted();
    failpoint("scaffold.written");
    await outlastDatabase(tools.database, () => takeOver(tools, workOf(claimed), folder));
    return null;
  } finally {
    await rm(folder.folder, { recursive: true, force: true });
  }
}

async function writeInto(
  work: string,
  { body, item_key: name }: Claimed,
  port: number | null,
): Promise<string[] | null> {
  const spec = typeof body.spec === "string" ? (decodeText(await readFile(join(work, body.spec))) ?? "") : "";
  const built = scaffold(spec, { name, ...(port !== null && { port }) });
  if (!built.ok) return built.reasons;
  const before = await readManifest(work);
  const foreign = await othersFiles(
    work,
    built.files.map(({ path }) => path),
    before,
  );
  if (foreign.length > 0)
    return [
      `these files were written or changed by somebody else, and scaffold would write over them: ${foreign.slice(0, 10).join(", ")}`,
    ];

  const manifest: Manifest = { files: {} };
  for (const path of Object.keys(before.files)) await rm(join(work, path), { force: true });
  for (const { path, content, mode } of built.files) {
    await mkdir(dirname(join(work, path)), { recursive: true });
    await writeFileAtomic(join(work, path), content, { mode: mode ?? 0o644 });
    manifest.files[path] = hashOf(content);
  }
  await writeFileAtomic(join(work, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
  return null;
}

/** Files in the way, and files of its own that were changed since: of these it is not the author any more. */
async function othersFiles(work: string, paths: string[], { files }: Manifest): Promise<string[]> {
  const foreign: string[] = [];
  for (const path of new Set([...paths, ...Object.keys(files)])) {
    const text = await readFile(join(work, path), "utf8").catch((error: unknown) => {
      if (hasErrorCode(error, "ENOENT", "ENOTDIR")) return null;
      throw error;
    });
    if (text !== null && files[path] !== hashOf(text)) foreign.push(path);
  }
  return foreign;
}

async function readManifest(work: string): Promise<Manifest> {
  try {
    const read = JSON.parse(await readFile(join(work, MANIFEST), "utf8")) as Partial<Manifest>;
    const inside = Object.entries(read.files ?? {}).filter(
      ([path]) => path.startsWith("BUILD/") && !path.split("/").includes(".."),
    );
    return { files: Object.fromEntries(inside) };
  } catch {
    return { files: {} };
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
