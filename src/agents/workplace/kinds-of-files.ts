import { isLeftOut } from "#proof/left-out.ts";

/**
 * No part of the service's content, whatever it is, file, folder or link: never copied into a workplace, and never a
 * change. Steward's own records are not among them: a run that writes there is seen, and refused.
 */
export const isIgnored = (path: string): boolean =>
  !isStewards(path) && (isLeftOut(path, "folder") || isLeftOut(path, "file"));

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
