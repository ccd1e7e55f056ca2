import { Temporal } from "temporal-polyfill";
import ical, { type CalendarResponse, type VEvent } from "node-ical";
import { messageOf } from "#system/failure.ts";

export type CalendarEvent = VEvent & { rdate?: unknown; duration?: unknown };

/**
 * The events of a calendar's text. What one event does wrong is said and costs no other event. Times without a zone,
 * and with one that nobody knows, are the calendar's own (X-WR-TIMEZONE) or else the owner's: never this machine's.
 */
export function readCalendar(text: string, zone: string): { events: CalendarEvent[]; problems: string[] } {
  const lines = text
    .replace(/^\uFEFF/, "")
    .replace(/\r?\n[ \t]/g, "")
    .split(/\r?\n/);
  if (!lines.some((line) => /^BEGIN:VCALENDAR\s*$/i.test(line)))
    return { events: [], problems: ["it is no calendar: there is no BEGIN:VCALENDAR in it"] };
  const problems: string[] = [];
  if (!lines.some((line) => /^END:VCALENDAR\s*$/i.test(line)))
    problems.push("it breaks off: there is no END:VCALENDAR");
  const home =
    lines.map((line) => /^X-WR-TIMEZONE:(.+)$/i.exec(line)?.[1]?.trim()).find((one) => one && isZone(one)) ?? zone;
  const placed = lines.map((line) => inZone(line, home));
  const { before, groups } = groupByUid(placed);
  const events = groups.flatMap(({ name, lines: own }) => {
    const read = readGroup([...before, ...own]);
    if (typeof read === "string") {
      problems.push(`the event ${name} cannot be read: ${read}`);
      return [];
    }
    const unknown = [...new Set(read.flatMap(unknownZones))];
    if (unknown.length === 0) return read;
    problems.push(
      `the event ${name} is in a time zone that nobody knows, ${unknown.join(", ")}; it was read as ${home}`,
    );
    const again = readGroup([...before, ...own.map((line) => replaceZones(line, unknown, home))]);
    return typeof again === "string" ? [] : again;
  });
  const broken = events.filter(({ start }) => !(start instanceof Date) || Number.isNaN(start.getTime()));
  for (const { uid } of broken) problems.push(`the event ${uid} has no time at which it starts`);
  return { events: events.filter((event) => !broken.includes(event)), problems };
}

export function isZone(zone: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone);
    return true;
  } catch {
    return false;
  }
}

const timed = "DTSTART|DTEND|EXDATE|RDATE|RECURRENCE-ID";

function inZone(line: string, zone: string): string {
  const floating = new RegExp(`^(?:${timed})((?:;(?!TZID)[^:;]+)*):[\\dT,]*T\\d{6}\\s*$`, "i").test(line);
  return floating ? line.replace(":", `;TZID=${zone}:`) : line;
}

function replaceZones(line: string, unknown: string[], zone: string): string {
  if (!new RegExp(`^(?:${timed});`, "i").test(line)) return line;
  return line.replace(/;TZID="?([^":;]+)"?/i, (all, one: string) => (unknown.includes(one) ? `;TZID=${zone}` : all));
}

function unknownZones({ start, end }: CalendarEvent): string[] {
  return [start, end].flatMap((date) => (date?.tz && !date.dateOnly && !isZone(date.tz) ? [date.tz] : []));
}

/** Events of one identity belong together (a series and its exceptions); time zones go before all of them. */
function groupByUid(lines: string[]): { before: string[]; groups: { name: string; lines: string[] }[] } {
  const before: string[] = [];
  const groups = new Map<string, { name: string; lines: string[] }>();
  let event: string[] | null = null;
  let inTimeZone = false;
  for (const line of lines) {
    if (/^BEGIN:VEVENT\s*$/i.test(line)) event = [];
    if (/^BEGIN:VTIMEZONE\s*$/i.test(line)) inTimeZone = true;
    if (event) event.push(line);
    else if (inTimeZone) before.push(line);
    if (/^END:VTIMEZONE\s*$/i.test(line)) inTimeZone = false;
    if (!event || !/^END:VEVENT\s*$/i.test(line)) continue;
    const uid = valueOf(event, "UID") ?? `without a name, number ${groups.size + 1}`;
    const group = groups.get(uid) ?? { name: `"${valueOf(event, "SUMMARY") ?? uid}"`, lines: [] };
    group.lines.push(...event);
    groups.set(uid, group);
    event = null;
  }
  return { before, groups: [...groups.values()] };
}

function valueOf(lines: string[], property: string): string | undefined {
  const line = lines.find(
    (one) => one.toUpperCase().startsWith(`${property}:`) || one.toUpperCase().startsWith(`${property};`),
  );
  return line?.slice(line.indexOf(":") + 1).trim() || undefined;
}

function readGroup(lines: string[]): CalendarEvent[] | string {
  try {
    const read: CalendarResponse = ical.sync.parseICS(["BEGIN:VCALENDAR", ...lines, "END:VCALENDAR", ""].join("\r\n"));
    return Object.values(read).filter((one): one is CalendarEvent => one?.["type"] === "VEVENT");
  } catch (error) {
    return messageOf(error);
  }
}
