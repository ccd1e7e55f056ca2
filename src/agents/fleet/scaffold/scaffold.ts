import type { Plan } from "./plan/plan.ts";
import { makePlan } from "./plan/make-plan.ts";
import { readDocument } from "./read/document.ts";
import { readSections } from "./read/sections.ts";
import { writeFiles, type ScaffoldFile } from "./write/files.ts";

export type ScaffoldResult = { ok: true; files: ScaffoldFile[]; plan: Plan } | { ok: false; reasons: string[] };

export const about =
  "scaffold writes small Node services that store and serve data over HTTP, straight from a complete SPEC.md, by fixed rules: " +
  "no model, no network, and the same bytes for the same spec. It is not a programmer: it guesses nothing, and refuses with " +
  "reasons any spec with a sentence that it cannot turn into a route and a test; such a ticket is for another builder.";

/** The longest spec that is read, in characters; a real one is some thousand. */
const LONGEST = 200_000;
const DEFAULT_PORT = 8080;

/**
 * Writes the service that a spec describes, under `BUILD/`, or says why not, in the order of the spec's lines. Pure: it
 * reads nothing but its arguments. `name` is the service's folder; the port is `port`, else the spec's, else 8080. The
 * grammar is docs/builder-grammar.md.
 */
export function scaffold(specText: string, options: { name: string; port?: number }): ScaffoldResult {
  if (specText.length > LONGEST)
    return { ok: false, reasons: [`SPEC.md is longer than ${LONGEST} characters: shorten it`] };
  const document = readDocument(specText);
  const { plan, problems } = makePlan(document, readSections(document), {
    name: packageName(options.name),
    port: options.port ?? document.frontPort ?? 0,
    portGiven: options.port !== undefined,
    fallbackPort: DEFAULT_PORT,
  });
  if (problems.length === 0) return { ok: true, files: writeFiles(plan), plan };
  const reasons = problems
    .map((problem, at) => ({ ...problem, at }))
    .sort((one, other) => one.line - other.line || one.at - other.at)
    .map(({ line, message }) => `SPEC.md line ${Math.max(1, line)}: ${message}`);
  return { ok: false, reasons: [...new Set(reasons)] };
}

/** A folder's name as a package's name: lower case, with nothing but letters, digits and dashes. */
function packageName(name: string): string {
  const bare = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60)
    .replace(/-+$/, "");
  return bare === "" ? "service" : bare;
}
