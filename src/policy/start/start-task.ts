/** What the rules need to know of a task; a QueuedTask has it all. Nothing here is guessed: what was not said is empty. */
export type StartTask = {
  key: string;
  name: string;
  section: "building" | "queue" | "completed";
  ticked: boolean;
  priority: "high" | "medium" | "low" | null;
  /** Its place among the tasks of its section, from zero. */
  place: number;
  description: string | null;
  criteria: readonly { text: string; line: number }[];
  tech: readonly string[];
  blockers: readonly string[];
  /** Keys or names of tasks that must be done first. */
  after: readonly string[];
  paths: readonly string[];
  /** Everything that was written about it: what its agent gets. */
  text: string;
};
