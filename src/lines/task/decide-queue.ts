import { decideStart, type StartDecision } from "#policy/start/decide-start.ts";
import type { Meetings } from "#policy/start/meetings.ts";
import { orderQueue } from "#policy/start/order-queue.ts";
import type { QueueSettings } from "#policy/start/queue-settings.ts";
import type { QueuedTask } from "./queued-task.ts";

export type DecidedTask = Pick<QueuedTask, "key" | "name" | "section" | "line" | "priority" | "problems"> & {
  decision: StartDecision;
};

/**
 * Of every task of a queue, what would be done with it now, in the order in which they are looked at: each that would
 * start takes its place before the next is asked. By the file alone: what stands under Building runs, what is ticked is
 * done.
 */
export function decideQueue(
  tasks: readonly QueuedTask[],
  { now, settings, meetings }: { now: Date; settings: QueueSettings; meetings: Meetings | null },
): DecidedTask[] {
  const done = new Set(tasks.filter(({ section, ticked }) => section === "completed" || ticked).map(({ key }) => key));
  const running = tasks.filter(({ section, ticked }) => section === "building" && !ticked);
  const waiting = orderQueue(tasks.filter(({ section }) => section === "queue"));
  const others = tasks.filter(({ section }) => section !== "queue");
  const atWork = running.map(({ key, name, paths }) => ({ key, name, paths }));
  return [
    ...others.filter(({ section }) => section === "building"),
    ...waiting,
    ...others.filter(({ section }) => section === "completed"),
  ].map((task) => {
    const decision = decideStart(task, { now, settings, running: atWork, done, tasks, approvals: [], meetings });
    if (decision.start) atWork.push(task);
    const { key, name, section, line, priority, problems } = task;
    return { key, name, section, line, priority, problems, decision };
  });
}
