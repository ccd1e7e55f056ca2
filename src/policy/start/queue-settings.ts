import { z } from "zod";
import { readWindows, type OffHoursText } from "./off-hours-windows.ts";
import { waivable } from "./risk-kinds.ts";

/**
 * "Always allow like this": what an owner has said yes to for good. The pattern is compared with the words that were
 * found risky, case and spacing aside; `*` stands for any words. `task` narrows it to tasks whose name fits.
 */
export const AllowRule = z.strictObject({
  kind: z.enum(waivable),
  pattern: z.string().trim().min(1).max(500),
  task: z.string().trim().min(1).max(200).optional(),
});
export type AllowRule = z.infer<typeof AllowRule>;

const windowText = z.union([z.string(), z.literal(false), z.array(z.string())]);

const OffHours = z
  .union([windowText, z.record(z.string(), windowText)])
  .default("22:00-06:00")
  .transform((text, context) => {
    const { windows, problems } = readWindows(text as OffHoursText);
    for (const message of problems) context.addIssue({ code: "custom", message, input: text });
    return windows;
  });

/** The `queue:` section of steward.yaml: when a task of the build queue may start. */
export const QueueSettings = z.strictObject({
  /** How many builds may run at once. Never two on the same paths. */
  parallel: z.int().min(1).max(64).default(1),
  /** The owner's time zone, as IANA names it; the machine's own where it is not said. */
  zone: z.string().refine(isZone, "must be a time zone such as Europe/Berlin").default(machineZone),
  /** When Medium tasks may start: "22:00-06:00", several of them, or by day: { weekdays: "22:00-06:00", friday: "18:00-06:00" }. */
  off_hours: OffHours,
  /** Saturday and Sunday are off-hours from midnight to midnight, unless off_hours names that day. */
  weekends: z.boolean().default(true),
  /** An ICS file, or its address, with the owner's meetings: Medium tasks wait for their end. */
  calendar: z.string().trim().min(1).nullable().default(null),
  /** Hold Medium tasks back while the calendar cannot be read. Otherwise it is told, and they start. */
  require_calendar: z.boolean().default(false),
  /** Have an architect draft missing completion criteria and estimates, for the owner's approval. */
  draft_missing: z.boolean().default(false),
  /** What needs no question any more. */
  allow: z.array(AllowRule).max(1_000).default([]),
});
export type QueueSettings = z.infer<typeof QueueSettings>;

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return /[A-Za-z]/.test(zone);
  } catch {
    return false;
  }
}

function machineZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
