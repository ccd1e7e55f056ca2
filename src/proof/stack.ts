import { codeFiles, filesBelow, manifests, type CodeRoot, type Tree } from "./tree.ts";

export const knownStacks = ["python", "node", "go", "rust"] as const;
export type KnownStack = (typeof knownStacks)[number];

/** The stack that the owner states, else the one that the manifest names, else the one that the sources show. */
export function stackOf(tree: Tree, root: CodeRoot, stated?: string): string | null {
  if (stated !== undefined) return statedStack(stated);
  const files = new Set(filesBelow(tree, root));
  const has = (stack: KnownStack) => manifests[stack].some((name) => files.has(name));
  const named = knownStacks.filter(has);
  const sources = codeFiles(tree, root);
  const written = knownStacks.filter((stack) => sources.some((path) => sourceOf[stack].test(path)));
  // A Python service may carry a package.json for its tooling, and the other way round: the sources decide.
  return named.find((stack) => written.includes(stack)) ?? named[0] ?? written[0] ?? null;
}

const sourceOf: Record<KnownStack, RegExp> = {
  python: /\.py$/,
  node: /\.(?:[cm]?[jt]s|[jt]sx)$/,
  go: /\.go$/,
  rust: /\.rs$/,
};

const alsoCalled: Record<string, KnownStack> = {
  python3: "python",
  py: "python",
  fastapi: "python",
  flask: "python",
  django: "python",
  nodejs: "node",
  "node.js": "node",
  javascript: "node",
  typescript: "node",
  js: "node",
  ts: "node",
  express: "node",
  fastify: "node",
  golang: "go",
};

function statedStack(stated: string): string {
  const plain = stated.trim().toLowerCase();
  return alsoCalled[plain] ?? plain;
}
