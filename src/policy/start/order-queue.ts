import type { StartTask } from "./start-task.ts";

/** Which is looked at first: by priority (none said is Medium), then as they stand in the file. */
export function orderQueue<Task extends Pick<StartTask, "priority" | "place">>(tasks: readonly Task[]): Task[] {
  return tasks.toSorted((a, b) => rank[a.priority ?? "medium"] - rank[b.priority ?? "medium"] || a.place - b.place);
}

const rank = { high: 0, medium: 1, low: 2 };
