import type { Client } from "#http/client.ts";
import { printable, table } from "./table.ts";
import { paint } from "./talk.ts";
import { count } from "#system/count.ts";

export type Status = Awaited<ReturnType<Client["house"]["status"]>>;
type Service = Status["services"][number];

const STAGES = ["SPECS", "BUILD", "TEST", "PRODUCTION"];

/** The whole picture for a terminal: position says stage, colour says health. */
export function statusPicture(status: Status, width?: number): string {
  return [head(status), troubles(status), brokenRules(status), services(status, width), waiting(status)]
    .filter(Boolean)
    .join("\n");
}

function head({ counts, agents, switches, uptimeSeconds, spentUsd }: Status): string {
  const working = agents.filter(({ status }) => status === "working").length;
  const parts = [
    count(counts.services, "service"),
    `${counts.production} in production`,
    `${counts.healthy} healthy`,
    `${working} of ${agents.filter(({ status }) => status !== "off").length} agents at work`,
    ...(spentUsd > 0 ? [`$${spentUsd.toFixed(2)} spent`] : []),
    `up ${duration(uptimeSeconds)}`,
  ];
  const stopped = switches.map(({ name, reason }) => paint("red", `STOPPED: ${name} (${reason})`));
  return `${[paint("dim", parts.join(" · ")), ...stopped].join("\n")}\n`;
}

function troubles({ troubles: all }: Status): string {
  return all.map(({ what, todo }) => `${paint("red", what)}\n  ${todo}\n`).join("");
}

/** What the owner wrote and what does not hold, before anything else: all below is decided by older rules. */
function brokenRules({ rules: { file, broken, since } }: Status): string {
  if (broken === null) return "";
  const problems = broken.problems.map(({ line, message }) => `  ${line === null ? "" : `line ${line}: `}${message}`);
  const head = paint("red", `${file} is broken; the rules of ${new Date(since).toLocaleString("sv")} stay in force:`);
  return `${[head, ...problems.map(printable), `  ${broken.todo}`].join("\n")}\n`;
}

function services({ services: all }: Status, width: number | undefined): string {
  if (all.length === 0)
    return "No services yet. `steward init` makes the folder; write a SPEC.md into SERVICES/<name>/.\n";
  const rows = all.map((service) => [
    service.name,
    bar(service.stage),
    service.phase,
    service.health === "unknown" ? "" : service.health,
    now(service),
  ]);
  return table(["SERVICE", "STAGE", "PHASE", "HEALTH", "NOW"], rows, {
    width,
    paint: (cell, column) =>
      column === 3
        ? paint(cell.startsWith("healthy") ? "green" : "red", cell)
        : column === 1
          ? paint("cyan", cell)
          : cell,
  });
}

/** `●●○○ BUILD`: how far along the line. */
function bar(stage: string): string {
  const done = STAGES.indexOf(stage) + 1;
  return `${"●".repeat(done)}${"○".repeat(STAGES.length - done)} ${stage}`;
}

function now({ run, ticket, reasons }: Service): string {
  if (run) {
    const percent = run.percent === null ? "" : ` ${run.percent} %`;
    return `${run.agent} at work on ${run.kind}${percent}${run.progress ? `: ${run.progress}` : ""}`;
  }
  if (ticket?.waits) return `${ticket.kind} ${ticket.waits}`;
  return reasons[0] ?? "";
}

function waiting({ approvals }: Status): string {
  if (approvals.length === 0) return "";
  const lines = approvals.map(
    ({ id, question, why }) =>
      `  ${paint("magenta", question)}\n    ${why}\n    steward approve ${id}  |  steward decline ${id}`,
  );
  return `Waits for you:\n${lines.join("\n")}\n`;
}

export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  const hours = Math.floor(seconds / 3_600);
  return hours < 48 ? `${hours} h ${Math.floor((seconds % 3_600) / 60)} min` : count(Math.floor(hours / 24), "day");
}
