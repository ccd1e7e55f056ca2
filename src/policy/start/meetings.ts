import { Temporal } from "temporal-polyfill";
import ical, { type EventInstance } from "node-ical";
import { messageOf } from "#system/failure.ts";
import { readCalendar, type CalendarEvent } from "./read-calendar.ts";

/** From its first instant to just before its last. */
export type BusySpan = { from: Date; to: Date };

export type Meetings = {
  /** In order, none touching the next. */
  spans: BusySpan[];
  /** What could not be read of the calendar, in words; the rest counts. */
  problems: string[];
};

/**
 * When the owner is in meetings between two instants, by an ICS text. All-day events, free ("transparent") and cancelled
 * ones do not count. Whatever the text repeats, the work is bounded: by the
 * span, by 10,000 steps a rule, and no rule is followed by the minute.
 */
export function readMeetings(text: string, { from, to, zone }: { from: Date; to: Date; zone: string }): Meetings {
  const { events, problems } = readCalendar(text, zone);
  const spans = events.flatMap((event) => {
    try {
      return [...instancesOf(event, from, to), ...extraDates(event)].filter(
        (one) => one.from < to && one.to > from && one.from < one.to,
      );
    } catch (error) {
      problems.push(
        `how the event "${valueOf(event.summary) || event.uid}" repeats cannot be followed: ${messageOf(error)}`,
      );
      return [];
    }
  });
  return { spans: joined(spans), problems };
}

/** The end of the meeting that is on, with those that follow without a break; null if none is on. */
export function busyUntil(at: Date, spans: readonly BusySpan[]): Date | null {
  return spans.find(({ from, to }) => from <= at && at < to)?.to ?? null;
}

function instancesOf(event: CalendarEvent, from: Date, to: Date): BusySpan[] {
  if (/FREQ=(?:SECONDLY|MINUTELY)/i.test(String(event.rrule ?? "")))
    throw new Error("it does so every minute or faster");
  // One that began before and is still on counts. A long exception of a short series is found by a day's margin.
  const range = { from: new Date(from.getTime() - day), to: new Date(to.getTime() + day), expandOngoing: true };
  return ical
    .expandRecurringEvent(event, range)
    .filter(isMeeting)
    .map((one) => ({ from: new Date(one.start), to: new Date(one.end) }));
}

const day = 24 * 60 * 60 * 1000;

function isMeeting({ isFullDay, event }: Pick<EventInstance, "isFullDay" | "event">): boolean {
  // Outlook says in its own words what is free; a text may give any case.
  const free = [event.transparency, event["MICROSOFT-CDO-BUSYSTATUS"]].some((one) =>
    /^(transparent|free|workingelsewhere)$/i.test(valueOf(one)),
  );
  return !isFullDay && !free && !/^cancelled$/i.test(valueOf(event.status));
}

/** Dates that a series has beside its rule (RDATE), which the parser leaves as text. */
function extraDates(event: CalendarEvent): BusySpan[] {
  if (event.rdate === undefined || !isMeeting({ isFullDay: event.datetype === "date", event })) return [];
  const length = event.end ? event.end.getTime() - event.start.getTime() : 0;
  return [event.rdate].flat().flatMap((one) => {
    const zone = /TZID=([^;:]+)/i.exec(paramsOf(one))?.[1] ?? event.start.tz ?? "UTC";
    return valueOf(one)
      .split(",")
      .flatMap((text) => {
        const [, date, utc] = /^(\d{8}T\d{6})(Z?)/.exec(text.trim()) ?? [];
        if (date === undefined) return [];
        const start = Temporal.PlainDateTime.from(date).toZonedDateTime(utc ? "UTC" : zone).epochMilliseconds;
        return isException(event, start) ? [] : [{ from: new Date(start), to: new Date(start + length) }];
      });
  });
}

function isException({ exdate, recurrences }: CalendarEvent, start: number): boolean {
  const key = new Date(start).toISOString();
  return Object.hasOwn(exdate ?? {}, key) || Object.hasOwn(recurrences ?? {}, key);
}

function valueOf(property: unknown): string {
  if (typeof property === "object" && property !== null && "val" in property) return String(property.val);
  return typeof property === "string" ? property : "";
}

function paramsOf(property: unknown): string {
  if (typeof property !== "object" || property === null || !("params" in property)) return "";
  return Object.entries(property.params as object)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(";");
}

function joined(spans: BusySpan[]): BusySpan[] {
  const found: BusySpan[] = [];
  for (const span of spans.toSorted((a, b) => a.from.getTime() - b.from.getTime())) {
    const last = found.at(-1);
    if (last && span.from <= last.to) last.to = span.to > last.to ? span.to : last.to;
    else found.push({ ...span });
  }
  return found;
}
