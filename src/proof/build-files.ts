import { knownStacks, stackOf, type KnownStack } from "./stack.ts";
import { codeRoot, filesBelow, type CodeRoot, type Tree } from "./tree.ts";

export type BuildFiles = {
  /** Null: there is no code yet. */
  root: CodeRoot | null;
  stack: string | null;
  missing: { file: string; reason: string }[];
};

/**
 * What a build still lacks: the files that its stack needs (an entry, a manifest, a Dockerfile, an example of its
 * environment). Names are taken as people use them; `start` states how it starts, so that no entry is looked for.
 * A stack that is stated and not one of ours is asked for nothing.
 */
export function checkBuildFiles(
  tree: Tree,
  { stack: stated, start }: { stack?: string; start?: string } = {},
): BuildFiles {
  const root = codeRoot(tree);
  if (root === null) return { root, stack: null, missing: [] };
  const stack = stackOf(tree, root, stated);
  if (stack === null) return { root, stack, missing: [unknownStack] };
  if (!isKnown(stack)) return { root, stack, missing: [] };
  const place = root === "" ? "the service's folder" : root;
  const here = new Set(filesBelow(tree, root));
  const files = [...here, ...tree.files.filter((path) => !path.includes("/"))];
  const missing = [...(start === undefined ? [entries[stack]] : []), manifestsOf[stack], dockerfile, environment]
    .filter(({ like }) => !files.some((path) => like.test(path)))
    .map(({ file, what }) => ({ file, reason: `${place} has no ${file}: ${what}` }));
  return { root, stack, missing };
}

type Need = { file: string; like: RegExp; what: string };

const isKnown = (stack: string): stack is KnownStack => (knownStacks as readonly string[]).includes(stack);

const unknownStack = {
  file: "manifest",
  reason:
    "the stack cannot be told: add requirements.txt, package.json, go.mod or Cargo.toml, or state stack and test in steward.yaml",
};

const entries: Record<KnownStack, Need> = {
  python: {
    file: "src/main.py",
    like: /^(?!tests?\/)(?:[^/]+\/){0,2}(?:__main__|main|app|server|run|manage|wsgi|asgi|api|cli|index|bot|worker)\.py$/,
    what: "the file that starts the service (main.py or app.py in src/, app/ or here)",
  },
  node: {
    file: "src/index.js",
    like: /^(?!tests?\/|node_modules\/)(?:[^/]+\/){0,2}(?:index|main|server|app|start|www|cli|worker|bot|page|_app)\.(?:[cm]?[jt]s|[jt]sx)$/,
    what: "the file that starts the service (index, main, server or app, here or in src/)",
  },
  go: { file: "main.go", like: /^(?:[^/]+\/){0,3}main\.go$/, what: "the file with package main" },
  rust: { file: "src/main.rs", like: /^(?:[^/]+\/){0,2}src\/(?:main|lib|bin\/[^/]+)\.rs$/, what: "the crate's entry" },
};

const manifestsOf: Record<KnownStack, Need> = {
  python: {
    file: "requirements.txt",
    like: /^(?:requirements[^/]*\.(?:txt|in)|requirements\/[^/]+\.txt|pyproject\.toml|setup\.py|setup\.cfg|Pipfile|environment\.ya?ml)$/,
    what: "what it needs installed (requirements.txt or pyproject.toml)",
  },
  node: { file: "package.json", like: /^package\.json$/, what: "what it needs installed and how it is tested" },
  go: { file: "go.mod", like: /^go\.mod$/, what: "what it needs installed" },
  rust: { file: "Cargo.toml", like: /^Cargo\.toml$/, what: "what it needs installed" },
};

const dockerfile: Need = {
  file: "Dockerfile",
  like: /^(?:(?:docker|deploy|deployment|infra|\.docker)\/)?(?:Dockerfile|dockerfile|Containerfile)(?:\.[\w.-]+)?$/,
  what: "how it is packaged",
};

const environment: Need = {
  file: ".env.example",
  like: /^(?:config\/)?(?:\.?env\.(?:example|sample|template|dist|tpl)|(?:example|sample|template)\.env|\.env\.[\w-]+\.example)$/,
  what: "which settings it reads, without their values",
};
