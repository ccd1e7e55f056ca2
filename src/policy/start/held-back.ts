import { listed } from "./listed.ts";
import type { StartTask } from "./start-task.ts";

type Others = readonly Pick<StartTask, "key" | "name" | "after">[];

/** What holds a task back that only its owner, or another task's end, can take away; null if nothing does. */
export function heldBack(
  task: Pick<StartTask, "key" | "blockers" | "after">,
  { done, tasks }: { done: ReadonlySet<string>; tasks: Others },
): { rule: "task.blocked" | "task.after"; why: string } | null {
  const find = (word: string) => tasks.find(({ key, name }) => key === slug(word) || slug(name) === slug(word));
  const isDone = (word: string) => done.has(word) || done.has(slug(word)) || done.has(find(word)?.key ?? "");
  const blockers = task.blockers.filter((one) => !saysNothing(one) && !isDone(one));
  if (blockers.length > 0)
    return {
      rule: "task.blocked",
      why: `It is blocked by ${listed(blockers.map((one) => `"${one.trim()}"`))}. Take that line away, or say that it is resolved, when it is.`,
    };
  const open = task.after.filter((one) => !saysNothing(one) && !isDone(one));
  if (open.length === 0) return null;
  const unknown = open.filter((one) => !find(one));
  if (unknown.length > 0)
    return {
      rule: "task.after",
      why: `It comes after ${listed(unknown.map((one) => `"${one}"`))}, and there is no such task. Correct the name, or leave it out.`,
    };
  if (open.some((one) => comesAfter(find(one)!.key, task.key, tasks)))
    return {
      rule: "task.after",
      why: `It comes after ${listed(open.map((one) => `"${one}"`))}, which in turn waits for it: neither can start. Take one of the two out.`,
    };
  return {
    rule: "task.after",
    why: `It comes after ${listed(open.map((one) => `"${find(one)!.name}"`))}, not done yet.`,
  };
}

/** Whether a task waits for another, over any number of steps. */
function comesAfter(from: string, target: string, tasks: Others): boolean {
  const seen = new Set<string>();
  const open = [from];
  for (let key = open.pop(); key !== undefined; key = open.pop()) {
    if (key === target) return true;
    if (seen.has(key)) continue;
    seen.add(key);
    const after = tasks.find((one) => one.key === key)?.after ?? [];
    open.push(
      ...after.flatMap(
        (word) => tasks.find((one) => one.key === slug(word) || slug(one.name) === slug(word))?.key ?? [],
      ),
    );
  }
  return false;
}

/** "Blocked by: none", and one that is struck out or marked as resolved, blocks nothing. */
function saysNothing(text: string): boolean {
  const plain = text.trim().toLowerCase();
  const none =
    /^(?:[-–—]|no(?:ne|thing)?(?: (?:so far|yet|at the moment|currently|known))?|nil|n\/?a|null|no blockers?)?[.!]?$/;
  const resolved =
    /^(?:✅|☑|✔|~~.*~~$|\[x\]|resolved\b)|(?:[([]|[-–—:] ?)(?:resolved|done|unblocked|cleared)[)\]]?[.!]?$/;
  return none.test(plain) || resolved.test(plain);
}

function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "");
}
