import type { Scope } from "#db/schema.ts";
import { Failure } from "#system/failure.ts";

const KINDS: Record<string, Scope> = {
  agent: "agent",
  client: "client",
  line: "line",
  run: "run",
  service: "item",
  item: "item",
};

/** `agent:NAME`, `client:NAME`, `line:service`, `run:ID`, a service's name, or nothing for everything. */
export function parseScope(words: string | undefined): { scope: Scope; id: string } {
  if (words === undefined || words === "everything") return { scope: "everything", id: "" };
  const colon = words.indexOf(":");
  if (colon === -1) return { scope: "item", id: words };
  const kind = words.slice(0, colon);
  const id = words.slice(colon + 1);
  const scope = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (scope === undefined || id === "") {
    throw new Failure(
      "invalid",
      `"${words}" is no scope: write agent:NAME, client:NAME, line:service, run:ID, a service's name, or nothing for everything.`,
    );
  }
  return { scope, id };
}
