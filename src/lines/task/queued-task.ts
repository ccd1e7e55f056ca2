/** How pressing a task is, as its owner wrote it. */
export type Priority = "high" | "medium" | "low";

/** Where a task's line stands in the file. */
export type QueueSection = "building" | "queue" | "completed";

/** Something that could not be read as it stands; the line keeps its place, and its task what else was read of it. */
export type QueueProblem = { line: number; message: string };

/** One thing that must be true when a task is done. */
export type Criterion = {
  text: string;
  checked: boolean;
  line: number;
};

/** A task as its owner's file says it. Lines are counted from one. What is not said is null or empty, never guessed. */
export type QueuedTask = {
  /**
   * Stands for it as long as its name stays: lower case, words joined by dashes, and a number where a name comes twice.
   * Once Steward has started it, the label that stands in its line, which stays through moves and other tasks of its name.
   */
  key: string;
  name: string;
  section: QueueSection;
  /** Its box is ticked, whichever section it stands in. */
  ticked: boolean;
  priority: Priority | null;
  addedAt: Date | null;
  /** Its place among the tasks of its section, from zero. */
  place: number;
  /** Of its own line. */
  line: number;
  description: string | null;
  criteria: Criterion[];
  tech: string[];
  /** The owner's own estimate, in minutes. */
  estimateMinutes: number | null;
  /** What holds it back, as words. */
  blockers: string[];
  /** Keys or names of tasks that must be done first. */
  after: string[];
  category: string | null;
  /** The model, and the agent, that the owner wants for it. */
  model: string | null;
  agent: string | null;
  /** Files and folders that it is about, where the owner names them. */
  paths: string[];
  /** Stalled after this long without a sign of life, in minutes, where it is not the default. */
  stallMinutes: number | null;
  /** Everything that was written about it, as it stands in the file: what its agent gets. */
  text: string;
  problems: QueueProblem[];
};
