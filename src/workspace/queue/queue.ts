import type { QueuedTask, QueueProblem } from "#lines/task/queued-task.ts";
import type { Section } from "./find-sections.ts";
import type { TextLines } from "./text-lines.ts";
import type { FieldName } from "./words.ts";

/** A task with what only the file's keeper needs. */
export type ListedTask = QueuedTask & {
  /** Its own line as it stands, without its ending: with its key, what an edit names it by. */
  lineText: string;
  id: string | null;
  startedAt: Date | null;
  doneAt: Date | null;
  durationMinutes: number | null;
  /** Called off by its owner: struck out, `[-]`, or by its status. It counts as ticked. */
  cancelled: boolean;
};

/** Where a task stands; lines from zero, `to` is the line after its last. */
export type TaskPlace = {
  kind: "item" | "row" | "heading";
  from: number;
  to: number;
  /** The section that it stands in, as an index. */
  section: number;
  /** Of a table: which column holds what, and where its header stands. */
  columns?: ReadonlyMap<FieldName, number>;
  header?: number;
  /** Its block of details elsewhere. */
  details?: { from: number; to: number };
  /** The lines of its fields that stand outside its own line. */
  fieldLines: ReadonlyMap<FieldName, number>;
};

/** A queue as its file says it, and what is needed to change the file. */
export type Queue = {
  tasks: ListedTask[];
  problems: QueueProblem[];
  /** False where part of the file could not be read: that a task is not here then does not mean that it is gone. */
  whole: boolean;
  text: TextLines;
  sections: Section[];
  places: ReadonlyMap<string, TaskPlace>;
};

export type ReadOptions = {
  /** For dates without a year and such as "yesterday". */
  now?: Date;
  /** The owner's IANA zone; the machine's where it is not given. */
  zone?: string;
};
