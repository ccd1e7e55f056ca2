import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { styleText } from "node:util";
import { readRules, rulesFileName, tellProblem } from "#config.ts";
import { decideQueue, type DecidedTask } from "#lines/task/decide-queue.ts";
import { readMeetings, type Meetings } from "#policy/start/meetings.ts";
import type { QueueSettings } from "#policy/start/queue-settings.ts";
import { count } from "#system/count.ts";
import { decodeText } from "#system/decode-text.ts";
import { Failure, hasErrorCode, messageOf } from "#system/failure.ts";
import { readQueue } from "#workspace/queue/read-queue.ts";
import type { Common } from "./command.ts";
import { findWorkspace } from "./find-workspace.ts";
import { table } from "./table.ts";
import { answer } from "./talk.ts";

/** A meeting that began before now counts, and so does one that is on when off-hours begin. */
const CALENDAR_MS = { before: 2 * 24 * 60 * 60_000, after: 8 * 24 * 60 * 60_000 };

/**
 * What would be decided now of every task of a queue, by its file and the steward.yaml beside it: no server, no database,
 * nothing is fetched. What stands under Building counts as running, for who else would know.
 */
export async function checkQueue(named: string | undefined, options: Common & { at?: string }): Promise<void> {
  const now = options.at === undefined ? new Date() : timeOf(options.at);
  const file = named === undefined ? resolve(findWorkspace(options.workspace), "BUILD_QUEUE.md") : resolve(named);
  const workspace = options.workspace === undefined ? dirname(file) : resolve(options.workspace);
  const text = await textOf(file);
  const { rules, problems: ruleProblems } = readRules(workspace);
  const settings = rules.queue;
  const queue = readQueue(text, { now, zone: settings.zone });
  const { meetings, problems } = await readCalendar(settings, { workspace, now });
  const tasks = decideQueue(queue.tasks, { now, settings, meetings });
  const told = [
    ...ruleProblems.map(tellProblem),
    ...problems.map((problem) => `${rulesFileName}: calendar: ${problem}`),
    ...queue.problems.map(({ line, message }) => `${basename(file)} line ${line}: ${message}`),
  ];
  for (const problem of told) process.stderr.write(`steward: ${problem}\n`);
  const next = tasks.find(({ decision }) => decision.start)?.key ?? null;
  answer(options.json, { file, at: now, next, tasks, problems: queue.problems }, shown(tasks, file));
}

function timeOf(text: string): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime()))
    throw new Failure("invalid", `--at ${text} is no time: write it like 2026-03-29T02:30:00+01:00.`);
  return time;
}

async function textOf(file: string): Promise<string> {
  try {
    return decodeText(await readFile(file)) ?? "";
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "ENOTDIR"))
      throw new Failure("not_found", `There is no ${file}: name the queue, \`steward queue check FILE\`.`);
    throw new Failure("invalid", `${file} cannot be read: ${messageOf(error)}`);
  }
}

async function readCalendar(
  { calendar, zone }: QueueSettings,
  { workspace, now }: { workspace: string; now: Date },
): Promise<{ meetings: Meetings | null; problems: string[] }> {
  if (calendar === null) return { meetings: null, problems: [] };
  if (/^(?:https?|webcals?):\/\//i.test(calendar))
    return { meetings: null, problems: [`${calendar} is not asked by this command, which reads files alone`] };
  try {
    const text = await readFile(resolve(workspace, calendar), "utf8");
    const from = new Date(now.getTime() - CALENDAR_MS.before);
    const meetings = readMeetings(text, { from, to: new Date(now.getTime() + CALENDAR_MS.after), zone });
    return { meetings, problems: meetings.problems };
  } catch (error) {
    const problem = `${calendar} cannot be read: ${messageOf(error)}`;
    return { meetings: { spans: [], problems: [problem] }, problems: [problem] };
  }
}

function shown(tasks: readonly DecidedTask[], file: string): string {
  if (tasks.length === 0) return `No tasks in ${file}.`;
  const open = tasks.filter(({ section }) => section !== "completed");
  const rows = open.map(({ name, line, priority, decision }) => [
    String(line),
    name,
    priority ?? "medium, as none is said",
    words[decision.does],
    decision.why,
  ]);
  const done = tasks.length - open.length;
  const rest = done === 0 ? "" : `\n${count(done, "task is", "tasks are")} completed.`;
  return rows.length === 0
    ? `Nothing waits in ${file}.${rest}`
    : `${table(["LINE", "TASK", "PRIORITY", "NOW", "WHY"], rows, { paint }).trimEnd()}${rest}`;
}

const words = { start: "starts", wait: "waits", ask: "asks" } as const;

function paint(cell: string, column: number): string {
  if (column !== 3) return cell;
  return styleText(cell === "starts" ? "green" : cell === "asks" ? "magenta" : "blue", cell);
}
