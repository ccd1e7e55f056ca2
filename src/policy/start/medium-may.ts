import { busyUntil, type Meetings } from "./meetings.ts";
import { isOffHours, nextOffHours } from "./off-hours.ts";
import type { QueueSettings } from "./queue-settings.ts";

type MediumMay = { rule: "priority.medium" | "off-hours" | "meeting" | "calendar"; why: string; until: Date | null };

type MediumFacts = { now: Date; settings: QueueSettings; meetings: Meetings | null };

/**
 * Whether a task of Medium priority may start now, and if not, why and until when. The same for each of them: worked
 * out once for these facts, be it for 5,000 tasks.
 */
export function mediumMay(facts: MediumFacts): MediumMay {
  const known = answers.get(facts) ?? workOut(facts);
  answers.set(facts, known);
  return known;
}

const answers = new WeakMap<MediumFacts, MediumMay>();

function workOut({ now, settings, meetings }: MediumFacts): MediumMay {
  const problem = meetings?.problems[0] ?? null;
  const until = nextFree(now, settings, meetings);
  const at = (date: Date) => tellTime(date, now, settings.zone);
  if (!isOffHours(now, settings))
    return {
      rule: "off-hours",
      until,
      why: until
        ? `it waits for off-hours, until ${at(until)}.`
        : "it waits for off-hours, of which there are none in steward.yaml; say yes to it, or set queue.off_hours.",
    };
  if (problem !== null && settings.require_calendar)
    return { rule: "calendar", until: null, why: `it waits until the calendar can be read (${problem}).` };
  const meeting = busyUntil(now, meetings?.spans ?? []);
  if (meeting)
    return { rule: "meeting", until, why: `it waits for the end of a meeting, until ${at(until ?? meeting)}.` };
  const told = problem === null ? "" : ` The calendar could not be read (${problem}), so meetings are not known.`;
  return { rule: "priority.medium", until: null, why: `these are off-hours.${told}` };
}

/** The next moment in off-hours and in no meeting; null if there is none in sight. */
function nextFree(now: Date, settings: QueueSettings, meetings: Meetings | null): Date | null {
  let at = nextOffHours(now, settings);
  // Each round passes a window or a meeting; a hundred meetings end to end are not looked past.
  for (let round = 0; at && round < 100; round++) {
    const busy = busyUntil(at, meetings?.spans ?? []);
    if (!busy) return at;
    at = nextOffHours(busy, settings);
  }
  return at;
}

/** `22:00`, with the day where it is not today's, by the owner's clock. */
function tellTime(date: Date, now: Date, zone: string): string {
  const day = new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" });
  const time = new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeStyle: "short" }).format(date);
  return day.format(date) === day.format(now) ? time : `${time} on ${day.format(date)}`;
}
