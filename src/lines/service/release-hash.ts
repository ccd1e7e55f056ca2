import { createHash } from "node:crypto";
import { canonicalJson } from "#system/same-json.ts";
import type { Control } from "./control.ts";

/** What a policy says of a service's production, and which secrets were set when; null where it says nothing. */
export type ReleaseRules = { deploy: unknown; environment: unknown; secrets: unknown };

/**
 * Of all that decides how a release fares beside its content: the settings in force, what the owner declares about its
 * production, and which secrets were set when. That a release was sick says nothing about one with others. Where the
 * policy is not recorded yet, what was known before stays.
 */
export function releaseHash(control: Control, rules: ReleaseRules | null, { before }: { before: string }): string {
  if (rules === null) return before;
  return createHash("sha256")
    .update(canonicalJson({ settings: control.settings, ...rules }))
    .digest("hex");
}
