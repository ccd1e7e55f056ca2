import { join } from "node:path";
import { z } from "zod";
import type { Facts, GateName, Verdict } from "#proof/verdict.ts";
import { messageOf } from "#system/failure.ts";
import { editFile, type EditOptions } from "./edit-file.ts";
import { readText } from "./read-text.ts";

/**
 * A gate's verdict as it is kept in the workspace, so that a scan without a server can report it. The ledger has the
 * whole; these files can be edited by anybody, so that nothing is ever advanced on their word.
 */
export type StoredVerdict = {
  gate: GateName;
  contentHash: string;
  settingsHash: string;
  ok: boolean;
  reasons: string[];
  facts: Facts;
  at: string;
};

/** By service, newest first. */
export type StoredVerdicts = ReadonlyMap<string, readonly StoredVerdict[]>;

export const verdictsPath = (root: string): string => join(root, ".steward", "verdicts.json");

/** Of a service: four gates, for the content now and the one before it, and some to spare. */
const keptPerService = 12;
const keptReasons = 20;
const fileCap = 64 << 20;

/** Reads the verdicts of a workspace. Never throws: what cannot be read counts as not judged, and is told. */
export function readVerdicts(root: string): { verdicts: StoredVerdicts; problems: string[] } {
  const read = readText(verdictsPath(root), { within: root, cap: fileCap });
  if ("problem" in read) {
    const problems = read.problem.endsWith("it is not there") ? [] : [`.steward/verdicts.json ${read.problem}`];
    return { verdicts: new Map(), problems };
  }
  try {
    return { verdicts: parse(read.text), problems: [] };
  } catch (error) {
    return {
      verdicts: new Map(),
      problems: [`.steward/verdicts.json cannot be understood: ${messageOf(error).split("\n")[0]}`],
    };
  }
}

/** The newest verdict of a gate about this very content. */
export function verdictFor(
  verdicts: StoredVerdicts,
  service: string,
  gate: GateName,
  contentHash: string,
): StoredVerdict | null {
  return verdicts.get(service)?.find((verdict) => verdict.gate === gate && verdict.contentHash === contentHash) ?? null;
}

/** Keeps a verdict in place of an older one of the same gate about the same content. A broken file is begun anew. */
export async function rememberVerdict(
  root: string,
  service: string,
  verdict: Verdict,
  { at, ...options }: Omit<EditOptions, "within"> & { at: Date },
): Promise<void> {
  await editFile(verdictsPath(root), { ...options, within: root }, (bytes) => {
    const verdicts = new Map(bytes === null ? [] : parseOrForget(bytes));
    const others = (verdicts.get(service) ?? []).filter(
      (other) => other.gate !== verdict.gate || other.contentHash !== verdict.contentHash,
    );
    verdicts.set(service, [stored(verdict, at), ...others].slice(0, keptPerService));
    return Buffer.from(`${JSON.stringify({ version: 1, services: Object.fromEntries(verdicts) }, null, 1)}\n`);
  });
}

function stored({ gate, contentHash, settingsHash, ok, reasons, facts }: Verdict, at: Date): StoredVerdict {
  const { kind, durationMs, tests, coverage, runner, stack, missing, health } = facts;
  const kept = Object.fromEntries(
    Object.entries({ tests, coverage, runner, stack, missing, health }).filter(([, value]) => value !== undefined),
  ) as Omit<Facts, "kind" | "durationMs">;
  return {
    gate,
    contentHash,
    settingsHash,
    ok,
    reasons: reasons.slice(0, keptReasons).map((reason) => reason.slice(0, 500)),
    facts: { kind, durationMs, ...kept },
    at: at.toISOString(),
  };
}

const StoredFile = z.object({
  services: z.record(
    z.string(),
    z.array(
      z.looseObject({
        gate: z.string(),
        contentHash: z.string(),
        settingsHash: z.string(),
        ok: z.boolean(),
        reasons: z.array(z.string()),
        facts: z.looseObject({ kind: z.string().nullable(), durationMs: z.number() }),
        at: z.string(),
      }),
    ),
  ),
});

function parse(text: string): Map<string, readonly StoredVerdict[]> {
  const { services } = StoredFile.parse(JSON.parse(text));
  return new Map(Object.entries(services) as [string, StoredVerdict[]][]);
}

function parseOrForget(bytes: Buffer): Map<string, readonly StoredVerdict[]> {
  try {
    return parse(bytes.toString("utf8"));
  } catch {
    return new Map();
  }
}
