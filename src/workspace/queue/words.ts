import type { Priority, QueueSection } from "#lines/task/queued-task.ts";

/** What the things under a heading are; "ignored" is text about the queue, such as a template or a legend. */
export type SectionMeaning = QueueSection | "details" | "ignored";

/** What a heading makes of the things under it, as far as its words say. */
export function meaningOfHeading(heading: string): { meaning: SectionMeaning | null; priority: Priority | null } {
  const words = plainWords(heading);
  const priority =
    /^(?:(?:priority )?(high|medium|low)(?: priority)?|(?:priority )?p([0-4]))(?: (?:tasks?|items?|queue|builds?))?$/.exec(
      words,
    );
  if (priority !== null) return { meaning: null, priority: priorityOf(priority[1] ?? `p${priority[2]}`) };
  return { meaning: meaningByWords.get(words) ?? meaningByPattern(words), priority: null };
}

const meaningByWords = new Map<string, SectionMeaning>(
  Object.entries({
    building:
      "priority building|building|priority|priorities|currently building|building now|in progress|work in progress|wip|active|" +
      "active builds|active build|active tasks|current|current build|current builds|current task|current tasks|doing|now|" +
      "working on|ongoing|in flight|in development|started|running|underway|in work|being built|now building",
    queue:
      "active queue|queue|queued|build queue|task queue|queued tasks|queued builds|backlog|to do|todo|todos|to dos|up next|next|next up|" +
      "pending|pending tasks|pending builds|upcoming|planned|waiting|tasks|task list|open|open tasks|not started|ready|later|" +
      "someday|ideas|inbox|to build|next builds|waiting list|new|requested|icebox|blocked|on hold|parked|work queue|roadmap",
    completed:
      "completed|complete|done|finished|shipped|closed|archive|archived|history|completed tasks|completed builds|done tasks|" +
      "recently completed|recent completions|recently done|recently finished|delivered|released|built|finished builds|past builds|cancelled|canceled",
    details:
      "task details|details|task detail|task specs|task specifications|specs|specifications|task descriptions|descriptions|" +
      "build details|build specs|detailed specs|detailed tasks|queue details|full specs|requirements",
    ignored:
      "template|templates|task template|how to use|how it works|how to|legend|format|example|examples|rules|notes|usage|" +
      "instructions|guide|guidelines|priority levels|priority guide|about|readme|configuration|settings|best practices|help|key|" +
      "how to add a task|adding tasks|adding a task|conventions|workflow|process|safety checks|status legend",
  } satisfies Record<SectionMeaning, string>).flatMap(([meaning, all]) =>
    all.split("|").map((words) => [words, meaning as SectionMeaning] as const),
  ),
);

function meaningByPattern(words: string): SectionMeaning | null {
  if (/\b(?:template|legend|how to|example)\b/.test(words)) return "ignored";
  // "Completed this week", "Done in January", "Completed 2026 02", "Shipped v2"; not "Completed but broken".
  if (
    /^(?:recently )?(?:completed|done|finished|shipped|archive|archived|built)(?: (?:this|last|in|on|before|q\d|v?\d|january|february|march|april|may|june|july|august|september|october|november|december|today|yesterday|tasks|builds|items)\b.*)$/.test(
      words,
    )
  )
    return "completed";
  if (/^(?:(?:active|current|main|build|task|overnight|tonight) )+(?:queue|backlog)$/.test(words)) return "queue";
  if (/^(?:queue|backlog|to do|todo|up next)\b(?: (?:for|of|this|next|by|in)\b.*)$/.test(words)) return "queue";
  if (/^(?:currently|now|actively) (?:building|in progress|working on|running)$/.test(words)) return "building";
  return null;
}

/** "## 🔥 **Priority / Building** (2)" → "priority building": without emoji, numbers in front, counts and marks. */
export function plainWords(text: string): string {
  if (/^[A-Za-z][A-Za-z0-9 ]{0,299}$/.test(text)) return text.toLowerCase().replace(/ {2,}/g, " ").trimEnd();
  return text
    .slice(0, 300)
    .normalize("NFKC")
    .toLowerCase()
    .replace(/:[a-z0-9_+-]+:/g, " ")
    .replace(/\(\s*\d+[^)]*\)|\[\s*\d+\s*\]/g, " ")
    .replace(/^[\s\p{P}\p{S}]*(?:\d+[.):]\s*)+/u, "")
    .replace(/['’]/g, "")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** By what names are compared: their words, or where they have none, as they stand. */
export const nameWords = (name: string): string => plainWords(name) || name.trim();

export type FieldName =
  | "added"
  | "priority"
  | "estimate"
  | "tech"
  | "after"
  | "blockers"
  | "dependencies"
  | "category"
  | "model"
  | "agent"
  | "paths"
  | "stall"
  | "description"
  | "criteria"
  | "status"
  | "id"
  | "label"
  | "started"
  | "completed"
  | "duration"
  | "deliverables"
  | "name";

/** Which field a label such as "Est. time" stands for, or null. */
export const fieldOf = (label: string): FieldName | null => fields.get(plainWords(label)) ?? null;

const fieldWords = {
  added: "added|created|date added|added on|added at|created on|created at|opened|requested|queued|queued on|date",
  priority: "priority|prio|p|importance|urgency|pri",
  estimate:
    "estimated time|time estimate|estimate|est|est time|estimated|time|effort|estimated effort|estimated duration|time needed|eta|size",
  tech: "tech stack|tech|stack|technology|technologies|technical stack|tools|built with|languages|language",
  after: "depends on|after|depends|requires|prerequisite|prerequisites|needs|do after|comes after",
  blockers:
    "blocked by|blocker|blockers|blocked|blocked on|waiting on|waiting for|dependencies blockers|blockers dependencies|on hold",
  dependencies: "dependencies|dependency|deps",
  category: "category|type|area|kind|tag|tags|component|project",
  model: "model|llm|ai model",
  agent: "agent|builder|assigned to|assignee|assigned|worker|assigned agent",
  paths: "paths|path|files|file|folders|folder|location|touches|directory|directories|where",
  stall: "stall|stall after|stalls after|stalled after|stall timeout|stall limit|max silence|silence",
  description:
    "description|desc|what|summary|details|goal|task description|overview|about|purpose|objective|spec|scope",
  criteria:
    "completion criteria|criteria|acceptance criteria|done when|success criteria|definition of done|acceptance|dod|checklist|" +
    "completion criterion|completion|complete when|finished when|exit criteria",
  status: "status|state|progress",
  id: "id|task id|ticket|ref|nr|no|number",
  label: "label",
  started: "started|start|started at|started on|building since|start time|since",
  completed:
    "completed|finished|done|shipped|completed on|completed at|finished on|done on|closed|date completed|completion date",
  duration: "duration|took|time taken|actual time|actual|time spent|spent|total time",
  deliverables: "deliverables|deliverable|links|link|output|outputs|artifacts|artefacts|result|results|delivered",
  name: "task|name|title|item|feature|build|what to build|task name|subject|todo|to do",
} satisfies Record<FieldName, string>;

const fields = new Map<string, FieldName>(
  Object.entries(fieldWords).flatMap(([name, all]) =>
    all.split("|").map((words) => [words, name as FieldName] as const),
  ),
);

/** Which field a label in a task's own line stands for: there, some labels are plain words. */
export function lineFieldOf(label: string): FieldName | null {
  const words = plainWords(label);
  const name = notInLines.has(words) ? undefined : fields.get(words);
  return name === undefined || name === "name" || name === "description" ? null : name;
}

const notInLines = new Set(["p", "date", "size", "no", "number", "start", "done", "type"]);

/** Null where the words say no priority, or more than one ("High/Medium/Low"). */
export function priorityOf(value: string): Priority | null {
  const words = plainWords(value).replace(/^\d+$/, "p$&");
  const found = new Set<Priority>();
  for (const word of words.split(" ")) {
    if (highWords.has(word)) found.add("high");
    else if (mediumWords.has(word)) found.add("medium");
    else if (lowWords.has(word)) found.add("low");
  }
  if (found.size === 0) {
    if (/[🔴🔥🚨⏫🔺]/u.test(value)) found.add("high");
    else if (/[🟡🟠🔼]/u.test(value)) found.add("medium");
    else if (/[🟢🔵⚪🔽]/u.test(value)) found.add("low");
    else if (/^!+$/.test(value.trim())) found.add(value.trim().length > 1 ? "high" : "medium");
    else if (/^(?:nice to have|when there is time|whenever)/.test(words)) found.add("low");
  }
  return found.size === 1 ? [...found][0]! : null;
}

const highWords = new Set("high highest urgent critical p0 p1 asap top important blocker hi must h".split(" "));
const mediumWords = new Set("medium med normal p2 moderate default mid standard should m".split(" "));
const lowWords = new Set("low lowest p3 p4 p5 minor someday trivial lo could l".split(" "));

/** What a status says about where its task stands, and what it says of it besides. */
export function statusOf(value: string): QueueSection | "blocked" | "cancelled" | null {
  const words = plainWords(value);
  if (
    /^(?:not (?:yet )?(?:started|done)|queued?|todo|to do|open|pending|waiting|planned|backlog|new|ready|next|parked|idea|requested|unstarted|scheduled)\b/.test(
      words,
    )
  ) {
    return "queue";
  }
  if (/^(?:done|complete|completed|finished|shipped|closed|delivered|live|deployed|built|merged)\b/.test(words))
    return "completed";
  if (
    /^(?:building|in progress|wip|doing|started|active|running|in work|working|ongoing|under way|underway|in development|current)\b/.test(
      words,
    )
  ) {
    return "building";
  }
  if (/^(?:blocked|on hold|paused|stuck|waiting for|waiting on|hold)\b/.test(words)) return "blocked";
  if (/^(?:cancelled|canceled|dropped|abandoned|wont do|wontfix|rejected|called off|skipped|declined)\b/.test(words))
    return "cancelled";
  if (/[✅☑✔]/u.test(value)) return "completed";
  if (/[🔨🚧🏗🔄]/u.test(value)) return "building";
  if (/[⏳⬜📋🕐]/u.test(value)) return "queue";
  if (/[🚫❌]/u.test(value)) return words === "" ? "cancelled" : null;
  return null;
}

/** What people write where there is nothing. */
export const saysNothing = (value: string): boolean =>
  /^[\s\-–—_.…?[\]()*]*$/.test(value) ||
  /^(?:none|no|nothing|n ?a|nil|empty|not applicable|nobody|no one|null|tbd|todo|unknown|none yet|nothing yet|none currently|nothing here|nothing queued|no tasks|no blockers|no dependencies|no active builds?|nothing building|nothing in progress|no builds?|empty all caught up|all caught up|idle)$/.test(
    plainWords(value),
  );
