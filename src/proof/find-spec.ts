import type { Tree } from "./tree.ts";

/** A service's spec: SPEC.md or SPECS.md in any case, at the root before SPECS/, docs/ and BUILD/. Null if there is none. */
export function findSpec(tree: Tree): string | null {
  const candidates = tree.names.filter((path) => specPath.test(path));
  return candidates.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))[0] ?? null;
}

const specPath = /^(?:(?:specs?|docs?|build|documentation)\/)?(?:specs?|specification)\.(?:md|markdown)$/i;

function rank(path: string): number {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return (path.includes("/") ? 2 : 0) + (/specs/i.test(name) ? 1 : 0);
}
