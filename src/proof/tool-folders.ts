/**
 * Installed, cached, or a tool's own: nobody's work, wherever it lies and whatever the case of its letters. The one
 * list, for what is content (left-out.ts), what detection looks into (tree.ts), what an agent is given, and what is a
 * service. What is generated *into* a project (dist, target, coverage) is no tool's own: each of these says for itself
 * what it makes of it.
 */
const toolFolders: ReadonlySet<string> = new Set([
  ".git",
  ".hg",
  ".svn",
  "node_modules",
  ".venv",
  "venv",
  "__pycache__",
  ".pytest_cache",
  ".mypy_cache",
  ".ruff_cache",
  ".hypothesis",
  ".tox",
  ".nox",
  ".eggs",
  "htmlcov",
  ".nyc_output",
  ".c8",
  ".cache",
  ".npm",
  ".parcel-cache",
  ".turbo",
  ".gradle",
  ".idea",
  ".vscode",
]);

/** Letter case does not count, as it does not on every disk: `.GIT` is git's there. */
export const isToolFolder = (name: string): boolean => toolFolders.has(name.toLowerCase());
