import { join } from "node:path";
import { inTenant } from "#db/db.ts";
import type { WorkTools } from "#dispatch/work-tools.ts";
import { advanceService, type Advanced } from "#lines/service/advance.ts";
import type { SeenFacts } from "#lines/service/facts.ts";
import { contentHash } from "#proof/content-hash.ts";
import { readFrontMatter } from "#proof/front-matter.ts";
import { failpoint } from "#system/failpoint.ts";
import { Failure } from "#system/failure.ts";
import type { KeeperRules } from "./keeper.ts";
import { stampOfFiles } from "./look-stamp.ts";
import { knownItems, noNews, type KnownItem } from "./news.ts";
import { readControl } from "./read-control.ts";
import { readText } from "./read-text.ts";
import type { openWorkspace } from "./read-workspace.ts";
import type { RegistryWriter } from "./registry-writer.ts";
import { writeStatus, type StatusOf } from "./write-status.ts";

/** With the time before it was opened: its registry is read by then. */
type Opened = Pick<ReturnType<typeof openWorkspace>, "read"> & { at: Date };

export type LookTools = {
  tools: Omit<WorkTools, "lookAgain">;
  workspace: string;
  rules: () => KeeperRules;
  statusOf: StatusOf;
  registry: RegistryWriter;
};

/** What a look went by. "being written": it must be looked at again when it has been still for so long, in ms. */
export type Looked = { itemId: string; stamp: string } | { beingWritten: number } | "unchanged";

/**
 * Looks at one service and moves it along its line, then says in its files where it stands. With `unless`, a service of
 * which that says that its stamp is known is left as it is.
 */
export async function lookOnce(
  { tools, workspace, rules, statusOf, registry }: LookTools,
  name: string,
  {
    open,
    known: knownFirst,
    unless = () => false,
  }: {
    open: () => Opened;
    /** As it was asked before the look; else it is asked here. */
    known?: KnownItem | null | undefined;
    unless?: (known: KnownItem, stamp: string) => boolean;
  },
): Promise<Looked> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const known = attempt === 0 && knownFirst !== undefined ? knownFirst : await knownOf(tools, name);
    const opened = open();
    const seen = opened.read(name);
    const beingWritten = stillFor(seen, { now: tools.clock.now(), settleMs: rules().settleMs });
    if (beingWritten !== null) return { beingWritten };
    const { policyVersion } = rules();
    const files = await stampOfFiles(seen, { known, policyVersion, now: tools.clock.now() });
    if (known && !known.gone && unless(known, `${files} ${known.news}`)) return "unchanged";
    const advanced = await advance(tools, rules(), seen, { begunAt: opened.at, version: known?.version ?? null });
    if (!advanced) continue;
    failpoint("item.decided");
    await writeStatus(tools, { workspace, registry, seen, advanced, statusOf: known?.deployed ? statusOf : neverServed(known) }); // prettier-ignore
    return { itemId: advanced.itemId, stamp: `${files} ${known?.news ?? noNews}` };
  }
  throw new Failure("conflict", `${name} kept changing while it was looked at.`);
}

/** What the tables would say of a service that was never deployed, without asking them. */
function neverServed(known: KnownItem | null): StatusOf {
  return async () => ({ health: known?.health ?? "unknown", port: known?.port ?? null, release: null, happened: [] });
}

async function knownOf({ database, tenantId }: LookTools["tools"], name: string): Promise<KnownItem | null> {
  const [known] = await inTenant(database.app, tenantId, (tx) => knownItems(tx, { keys: [name] }));
  return known ?? null;
}

/** A spec saved a moment ago may be half of one, whoever asks for the look: how long to wait, or null. */
function stillFor({ spec }: SeenFacts, { now, settleMs }: { now: Date; settleMs: number }): number | null {
  const age = spec?.writtenAt ? now.getTime() - spec.writtenAt.getTime() : settleMs;
  return age < 0 || age >= settleMs ? null : settleMs - age + 1;
}

async function advance(
  tools: LookTools["tools"],
  { coverageFloor, drafting, hasDeployTarget, policyVersion }: KeeperRules,
  seen: SeenFacts,
  { begunAt, version }: { begunAt: Date; version: number | null },
): Promise<Advanced | null> {
  const hash = seen.unreadable === null && seen.code !== null ? await contentHash(seen.path).catch(() => null) : null;
  const look = {
    seen,
    specText: specText(seen),
    contentHash: hash,
    control: await readControl(seen, { coverageFloor }),
    draftingAllowed: drafting,
    hasDeployTarget: hasDeployTarget(seen.name),
    begunAt,
    version,
  };
  const because = { actor: "steward", at: tools.clock.now(), policy: policyVersion };
  return advanceService(tools.database.app, tools.tenantId, because, look);
}

/** What is to be built: front matter says how it is judged and run, and that is kept apart. */
function specText({ spec, path }: SeenFacts): string | null {
  if (!spec || spec.unreadable !== null) return null;
  const read = readText(join(path, spec.file), { within: path, cap: 1 << 20 });
  if ("problem" in read) return null;
  const lines = read.text.split("\n");
  return lines.slice(readFrontMatter(lines).lines).join("\n");
}
