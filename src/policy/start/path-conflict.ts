/** What a running task works on. No paths: nobody knows. */
export type RunningTask = { key: string; name: string; paths: readonly string[] };

export type PathConflict =
  | { with: RunningTask; paths: null }
  /** The two that meet, as each task names its own. */
  | { with: RunningTask; paths: [own: string, theirs: string] };

/**
 * The running task on whose files another would work as well, or null. One that names no paths could work on any: that
 * is a conflict with `paths: null`, unless another task meets by name. Folders hold what is below them; a glob reaches
 * as far as its plain beginning, so that two globs are rather thought to meet than not.
 */
export function findPathConflict(paths: readonly string[], running: readonly RunningTask[]): PathConflict | null {
  const own = paths.filter((path) => normalised(path) !== null);
  for (const one of running) {
    for (const mine of own) {
      const theirs = one.paths.find((path) => meets(mine, path));
      if (theirs !== undefined) return { with: one, paths: [mine, theirs] };
    }
  }
  const unknown =
    own.length === 0 ? running[0] : running.find((one) => one.paths.every((path) => normalised(path) === null));
  return unknown ? { with: unknown, paths: null } : null;
}

function meets(a: string, b: string): boolean {
  const [one, other] = [normalised(a), normalised(b)];
  if (one === null || other === null) return false;
  for (let index = 0; index < Math.min(one.length, other.length); index++) {
    const [left, right] = [one[index]!, other[index]!];
    // From a "**" on anything may follow; a star within a name may stand for the other's name.
    if (left === "**" || right === "**") return true;
    if (!segmentMeets(left, right)) return false;
  }
  return true;
}

const glob = /[*?[\]{}!]/;

function segmentMeets(a: string, b: string): boolean {
  if (!glob.test(a) && !glob.test(b)) return a === b;
  const [startA, startB] = [a.split(glob)[0]!, b.split(glob)[0]!];
  const [endA, endB] = [a.split(glob).at(-1)!, b.split(glob).at(-1)!];
  // "*.ts" and "*.md" never meet; a class or a choice may end in anything.
  const open = /[[\]{}]/.test(a + b);
  return (
    (startA.startsWith(startB) || startB.startsWith(startA)) && (open || endA.endsWith(endB) || endB.endsWith(endA))
  );
}

/**
 * The names of a path from the workspace's root on; null for one that says nothing. Case is set aside: on some disks
 * `Src` and `src` are one folder. A path that climbs out keeps its "..": it meets what climbs out likewise.
 */
function normalised(path: string): string[] | null {
  const text = path
    .trim()
    .replace(/^[`"']|[`"']$/g, "")
    .replaceAll("\\", "/")
    .normalize("NFC")
    .toLowerCase();
  if (text === "") return null;
  const names: string[] = [];
  for (const name of text.split("/")) {
    if (name === "" || name === ".") continue;
    if (name === ".." && names.length > 0 && names.at(-1) !== "..") names.pop();
    else names.push(name);
  }
  return names;
}
