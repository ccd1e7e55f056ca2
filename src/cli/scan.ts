import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { styleText } from "node:util";
import type { Command } from "commander";
import { detectPhase, type PhaseVerdict, type ServicePhase } from "#lines/service/phase.ts";
import { nothingKnown, type KnownFacts, type SeenFacts } from "#lines/service/facts.ts";
import { readRules } from "#config.ts";
import { gateHashOf } from "#lines/service/control.ts";
import { contentHash } from "#proof/content-hash.ts";
import { readControl } from "#workspace/read-control.ts";
import { systemClock, type Clock } from "#system/clock.ts";
import { Failure } from "#system/failure.ts";
import { readVerdicts, verdictFor, type StoredVerdict, type StoredVerdicts } from "#workspace/verdicts-file.ts";
import { readWorkspace } from "#workspace/read-workspace.ts";
import { readStewardYaml, stewardYamlName } from "#workspace/steward-yaml.ts";
import { begin, type Common } from "./command.ts";
import { table } from "./table.ts";

export type ScanRow = {
  service: string;
  path: string;
  stage: PhaseVerdict["stage"];
  phase: PhaseVerdict["phase"];
  reasons: string[];
  needs: PhaseVerdict["needs"];
  stack: string | null;
};

/**
 * What phase every service of a folder is in, from its files, its registry and stored verdicts alone: no server, no
 * database, and nothing is written or run. Fails with "not_found" if `dir` is no folder.
 */
export async function scanWorkspace(
  dir: string,
  { clock = systemClock }: { clock?: Clock } = {},
): Promise<{ rows: ScanRow[]; problems: string[] }> {
  const { home, services } = homeOf(dir);
  const settings = readStewardYaml(home);
  const workspace = readWorkspace(dir, { stated: settings.stated, ...(services === undefined ? {} : { services }) });
  const stored = readVerdicts(home);
  const rows: ScanRow[] = [];
  for (const seen of workspace.services) {
    const hasDeployTarget = settings.hasDeployTarget(seen.name);
    const known: KnownFacts = { ...nothingKnown, draftingAllowed: settings.drafting, hasDeployTarget };
    const first = detectPhase({ seen, known }, { now: clock.now() });
    // Content is hashed only where a verdict about it could change the answer.
    const judged = first.phase === "READY_FOR_TEST" && stored.verdicts.has(seen.name);
    const verdict = judged ? await verdictOf(seen, stored.verdicts, home) : null;
    rows.push(
      row(seen, verdict === null ? first : detectPhase({ seen, known: { ...known, verdict } }, { now: clock.now() })),
    );
  }
  return { rows, problems: [...settings.problems, ...workspace.problems, ...stored.problems] };
}

/**
 * Where the settings and stored verdicts of a folder are: in it, or, if it is a workspace's folder of services or one
 * of them, in that workspace. So what is scanned alone is in the same phase as within the whole.
 */
function homeOf(dir: string): { home: string; services: string | undefined } {
  const path = resolve(dir);
  for (const home of [dirname(path), dirname(dirname(path))]) {
    if (existsSync(join(path, stewardYamlName)) || !existsSync(join(home, stewardYamlName))) continue;
    const folder = resolve(home, readStewardYaml(home).services ?? "SERVICES");
    if (folder === path || folder === dirname(path)) return { home, services: undefined };
  }
  return { home: path, services: readStewardYaml(path).services };
}

/** A verdict counts for the content and for the settings that it judged by, no others. */
async function verdictOf(seen: SeenFacts, verdicts: StoredVerdicts, home: string): Promise<StoredVerdict | null> {
  try {
    const verdict = verdictFor(verdicts, seen.name, "tests", await contentHash(seen.path));
    const control = await readControl(seen, { coverageFloor: readRules(home).rules.coverage_floor });
    return verdict?.settingsHash === gateHashOf(control) ? verdict : null;
  } catch (error) {
    if (error instanceof Failure) return null; // What cannot be hashed has no verdict; a gate would say why.
    throw error;
  }
}

function row(seen: SeenFacts, { stage, phase, reasons, needs }: PhaseVerdict): ScanRow {
  return {
    service: seen.name,
    path: seen.path,
    stage,
    phase,
    reasons,
    needs,
    stack: seen.code?.stack ?? seen.settings.stack ?? null,
  };
}

/** `steward scan [DIR]`. */
export function registerScan(
  program: Command,
  { print = (text) => process.stdout.write(text) }: { print?: (text: string) => unknown } = {},
): void {
  begin(program, "scan", {
    summary: "say which phase every service is in, and why, from its files alone; changes and runs nothing",
    example: "steward scan ~/work",
    json: "print an array of services",
    exits: ["3 there is no such folder"],
  })
    .argument("[dir]", "a workspace, a folder of services, or one service", ".")
    .action(async (named: string, { json, workspace = "." }: Common) => {
      const dir = resolve(workspace, named);
      const { rows, problems } = await scanWorkspace(dir);
      for (const problem of problems) process.stderr.write(`steward: ${problem}\n`);
      print(json ? `${JSON.stringify(rows, null, 2)}\n` : shown(rows, dir));
    });
}

function shown(rows: readonly ScanRow[], dir: string): string {
  if (rows.length === 0)
    return `No services in ${dir}. A service is a folder in SERVICES/ with a SPEC.md; \`steward init\` makes the workspace.\n`;
  const lines = rows.map(({ service, phase, needs, stack, reasons }) => [
    service,
    phase,
    needs ?? "-",
    stack ?? "-",
    reasons[0] ?? "",
  ]);
  return table(["SERVICE", "PHASE", "NEEDS", "STACK", "WHY"], lines, { paint });
}

/** Colour says health; `styleText` leaves it out where stdout is no terminal or NO_COLOR is set. */
function paint(cell: string, column: number): string {
  const colour = column === 1 ? colours[cell as ServicePhase] : undefined;
  return colour === undefined ? cell : styleText(colour, cell);
}

const colours: Partial<Record<ServicePhase, "red" | "green" | "blue" | "magenta">> = {
  UNKNOWN: "magenta",
  UNHEALTHY: "red",
  TESTS_FAILING: "red",
  PRODUCTION: "green",
  READY_FOR_DEPLOY: "green",
  BUILD_IN_PROGRESS: "blue",
};
