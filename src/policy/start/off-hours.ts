import { Temporal } from "temporal-polyfill";
import { wholeDay, type OffHoursWindows, type Window } from "./off-hours-windows.ts";

/** What the off-hours depend on; the `queue:` section of steward.yaml has it all. */
export type OffHoursSettings = {
  /** IANA, such as Europe/Berlin. */
  zone: string;
  off_hours: OffHoursWindows;
  /** Saturday and Sunday are off-hours as a whole, where the owner said nothing of that very day. */
  weekends: boolean;
};

/** Whether a moment lies in the owner's off-hours. A window's first instant is in it, its last one is not. */
export function isOffHours(at: Date, settings: OffHoursSettings): boolean {
  const now = at.getTime();
  return spansFrom(at, settings, 0).some(({ from, to }) => from <= now && now < to);
}

/** When off-hours are next: `at` itself if they are now; null if the owner has none. */
export function nextOffHours(at: Date, settings: OffHoursSettings): Date | null {
  const now = at.getTime();
  // Two weeks: a window of one weekday may fall into the hour that a change of the clocks swallows.
  const open = spansFrom(at, settings, 14).filter(({ to }) => to > now);
  return open.length === 0 ? null : new Date(Math.max(now, Math.min(...open.map(({ from }) => from))));
}

type Span = { from: number; to: number };

/** The windows as instants, of the day before (they cross midnight) and of as many days from then on. */
function spansFrom(at: Date, settings: OffHoursSettings, days: number): Span[] {
  const today = Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(settings.zone).toPlainDate();
  return Array.from({ length: days + 2 }, (_, index) => today.add({ days: index - 1 })).flatMap((date) =>
    windowsOn(date.dayOfWeek - 1, settings)
      .map(({ from, to }) => ({
        from: instantOf(date, from, settings.zone, "earlier"),
        to: instantOf(date, to <= from ? to + wholeDay.to : to, settings.zone, "later"),
      }))
      .filter(({ from, to }) => from < to),
  );
}

function windowsOn(day: number, { off_hours, weekends }: OffHoursSettings): Window[] {
  const windows = off_hours.days[day] ?? [];
  return weekends && day >= 5 && !off_hours.named.includes(day) ? [wholeDay, ...windows] : windows;
}

/**
 * The instant at which the clock on the wall shows so many minutes after a day's midnight. In the hour that comes twice
 * a window begins at the first time and ends at the second, so that it does not shut and open again between. A time
 * that the clocks leap over is the instant of the leap.
 */
function instantOf(date: Temporal.PlainDate, minutes: number, zone: string, side: "earlier" | "later"): number {
  const wall = date.toPlainDateTime().add({ minutes });
  const found = wall.toZonedDateTime(zone, { disambiguation: side });
  if (found.toPlainDateTime().equals(wall)) return found.epochMilliseconds;
  const before = wall.toZonedDateTime(zone, { disambiguation: "earlier" });
  return (before.getTimeZoneTransition("next") ?? before).epochMilliseconds;
}
