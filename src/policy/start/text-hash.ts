import { createHash } from "node:crypto";
import type { StartTask } from "./start-task.ts";

/**
 * What an approval is bound to: the task as it was read when it was asked about. Line ends, spaces at their ends and
 * ticks are left out, for ticking a criterion changes nothing of what was approved; any other letter does.
 */
export function textHash({ name, text, paths }: Pick<StartTask, "name" | "text" | "paths">): string {
  const told = text
    .split(/\r\n|\r|\n/)
    .map((line) => line.trimEnd().replace(/^(\s*(?:[-*+]|\d+[.)])\s+)\[[xX]\]/, "$1[ ]"));
  return createHash("sha256")
    .update(JSON.stringify([name.trim(), told.join("\n").trim(), paths]))
    .digest("hex");
}
