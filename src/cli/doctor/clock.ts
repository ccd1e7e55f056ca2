import { ok, warn, type Finding } from "./finding.ts";

/** Steward was written in 2026: a machine that says less has lost its clock, and every deadline with it. */
const NOT_BEFORE = Date.parse("2026-01-01T00:00:00Z");

export async function checkClock(): Promise<Finding[]> {
  const now = new Date();
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (now.getTime() < NOT_BEFORE)
    return [
      warn("clock", `${now.toISOString()} is in the past`, "set the machine's time: leases and schedules go by it"),
    ];
  return [ok("clock", `${now.toISOString()}, zone ${zone}`)];
}
