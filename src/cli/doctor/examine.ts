import { readRules, tellProblem } from "#config.ts";
import { settingsFor } from "#cli/connect.ts";
import { exitCode } from "#cli/exit-code.ts";
import { paint, print, printJson } from "#cli/talk.ts";
import type { Common } from "#cli/command.ts";
import { messageOf } from "#system/failure.ts";
import { checkAgents } from "./agents.ts";
import { checkClock } from "./clock.ts";
import { checkDatabase } from "./database.ts";
import type { Check, Finding } from "./finding.ts";
import { checkNode } from "./node.ts";
import { checkPort } from "./port.ts";
import { checkState } from "./state.ts";
import { checkTools } from "./tools.ts";
import { checkWorkspace } from "./workspace.ts";
import { count } from "#system/count.ts";

/** Everything that is looked at, in the order in which it is told. */
const checks: Record<string, Check> = {
  node: checkNode,
  state: checkState,
  database: checkDatabase,
  server: checkPort,
  workspace: checkWorkspace,
  tools: checkTools,
  agents: checkAgents,
  clock: checkClock,
};

/** Looks at everything at once and says what was found and what to do; a failed check is exit code 1. */
export async function examine(options: Common): Promise<void> {
  const settings = settingsFor(options);
  const { rules, problems } = readRules(settings.workspace);
  const patient = { settings, rules, problems: problems.map(tellProblem), environment: process.env };
  const found = await Promise.all(
    Object.entries(checks).map(([name, check]) => check(patient).catch((error: unknown) => [broken(name, error)])),
  );
  const findings = found.flat();
  if (options.json) printJson({ ok: findings.every(({ level }) => level !== "fail"), findings });
  else print(picture(findings));
  if (findings.some(({ level }) => level === "fail")) process.exitCode = exitCode.failed;
}

function broken(check: string, error: unknown): Finding {
  return {
    check,
    level: "fail",
    found: `could not be looked at: ${messageOf(error)}`,
    next: "this is a fault of Steward's: please report it",
  };
}

const SIGNS = { ok: ["green", "ok  "], warn: ["yellow", "warn"], fail: ["red", "FAIL"] } as const;

function picture(findings: Finding[]): string {
  const lines = findings.flatMap(({ check, level, found, next }) => {
    const [colour, sign] = SIGNS[level];
    return [
      `${paint(colour, sign)}  ${check.padEnd(10)} ${found}`,
      ...(next === null ? [] : [`                 → ${next}`]),
    ];
  });
  const bad = findings.filter(({ level }) => level === "fail").length;
  const summary =
    bad === 0
      ? "Nothing stands in the way: `steward up` starts the house."
      : `${count(bad, "thing stands", "things stand")} in the way.`;
  return [...lines, "", summary].join("\n");
}
