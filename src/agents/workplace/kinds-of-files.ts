/** Installed, generated or another tool's own: never copied into a workplace, and never a change. At any depth. */
const ignored = new Set([
  "node_modules",
  ".git",
  ".hg",
  ".svn",
  ".venv",
  "venv",
  "__pycache__",
  ".pytest_cache",
  ".mypy_cache",
  ".ruff_cache",
  ".tox",
  ".nox",
  ".cache",
  ".npm",
  ".gradle",
  ".nyc_output",
  ".coverage",
  "coverage",
  "htmlcov",
  ".ds_store",
]);

export const isIgnored = (name: string): boolean => ignored.has(name.toLowerCase());

/** Steward's own records of a service: an agent does not need them, and they are not its to write. */
export const isStewards = (path: string): boolean => ["production", ".steward"].includes(firstOf(path));

const controlNames = new Set([
  "spec.md",
  "specs.md",
  "steward.yaml",
  "steward.yml",
  "service_registry.json",
  "heartbeat.md",
  "build_queue.md",
  "build_status.md",
  ".gitlab-ci.yml",
  ".gitlab-ci.yaml",
  ".travis.yml",
  "jenkinsfile",
  "azure-pipelines.yml",
  "bitbucket-pipelines.yml",
  "codeowners",
]);
const controlFolders = new Set([
  ".steward",
  ".github",
  ".gitlab",
  ".ci",
  ".circleci",
  ".buildkite",
  ".woodpecker",
  ".husky",
]);

/**
 * What says how work is judged and released. Nobody is their own judge: a run's change to one is a proposal. Letter case
 * does not count, as it does not on every disk.
 */
export function isControlFile(path: string): boolean {
  const parts = path.toLowerCase().split("/");
  const name = parts.at(-1)!;
  return parts[0] === "production" || controlNames.has(name) || parts.some((part) => controlFolders.has(part));
}

/** By the habits of pytest, unittest, node:test, Jest, Vitest, Go, Rust and RSpec. */
export function isTestFile(path: string): boolean {
  const parts = path.toLowerCase().split("/");
  const name = parts.at(-1)!;
  return (
    parts.slice(0, -1).some((part) => ["test", "tests", "__tests__", "spec", "specs"].includes(part)) ||
    /^test_.*\.py$|_test\.(py|go|rb|rs)$|_spec\.rb$|[.-](test|spec)\.[cm]?[jt]sx?$/.test(name) ||
    /^test\.[cm]?[jt]sx?$/.test(name)
  );
}

const firstOf = (path: string): string => path.split("/", 1)[0]!.toLowerCase();
