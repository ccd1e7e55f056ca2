import { Temporal } from "temporal-polyfill";

export type DateContext = { now: Date; zone: string };

/**
 * A date as people write it: ISO with or without time and offset, 2026/02/06, 06.02.2026 15:00, 2/6/2026 (the month first
 * unless it cannot be), Feb 6 2026 3pm, 6 February, today, yesterday 14:00. Without an offset it is in the owner's zone;
 * without a time, that day's start; without a year, the last such day that is not in the future. Null for anything else.
 */
export function readDate(value: string, { now, zone }: DateContext): Date | null {
  const text = value
    .slice(0, 60)
    .trim()
    .replace(/^(?:on|at|since)\s+/i, "");
  const { rest, time, offset } = takeTime(text);
  const day = readDay(rest, now, zone);
  if (day === null) return null;
  try {
    const local = Temporal.PlainDateTime.from({ ...day, ...(time ?? { hour: 0, minute: 0 }) }, { overflow: "reject" });
    const instant =
      offset === null ? local.toZonedDateTime(zone).epochMilliseconds : local.toZonedDateTime(offset).epochMilliseconds;
    return new Date(instant);
  } catch {
    return null;
  }
}

type Day = { year: number; month: number; day: number };
type Time = { hour: number; minute: number; second?: number };

function takeTime(text: string): { rest: string; time: Time | null; offset: string | null } {
  const clock =
    /(?:^|[T\s,@]|\bat\s)\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([ap]\.?m\.?)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?(?:\s*\(?[A-Z]{2,5}\)?)?\s*$/i.exec(
      text,
    ) ?? /(?:^|[T\s,@]|\bat\s)\s*(\d{1,2})()()\s*([ap]\.?m\.?)()\s*$/i.exec(text);
  if (clock === null) return { rest: text, time: null, offset: null };
  const half = clock[4]?.[0]?.toLowerCase();
  const written = Number(clock[1]);
  const hour = half === undefined ? written : (written % 12) + (half === "p" ? 12 : 0);
  const zone = clock[5];
  const offset = !zone ? null : /^[+-]/.test(zone) ? zone.replace(/^(...):?(..)$/, "$1:$2") : "UTC";
  const time = { hour, minute: Number(clock[2] || 0), second: Number(clock[3] || 0) };
  return {
    rest: text
      .slice(0, clock.index)
      .replace(/[,@]\s*$|\bat\s*$/i, "")
      .trim(),
    time,
    offset,
  };
}

function readDay(text: string, now: Date, zone: string): Day | null {
  const iso = /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$/.exec(text);
  if (iso !== null) return dayOf(iso[1]!, iso[2]!, iso[3]!);
  const german = /^(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4}|\d{2})$/.exec(text);
  if (german !== null) return dayOf(german[3]!, german[2]!, german[1]!);
  const slashes = /^(\d{1,2})[/-](\d{1,2})[/-](\d{4}|\d{2})$/.exec(text);
  if (slashes !== null) {
    const dayFirst = Number(slashes[1]) > 12;
    return dayOf(slashes[3]!, slashes[dayFirst ? 2 : 1]!, slashes[dayFirst ? 1 : 2]!);
  }
  const words = text
    .replace(/^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+/i, "")
    .replace(/(\d)(?:st|nd|rd|th)\b/i, "$1");
  const monthFirst = /^([a-z]{3,9})\.?\s+(\d{1,2})(?:,?\s+(\d{4}))?$/i.exec(words);
  const dayFirst = /^(\d{1,2})\.?[\s-]+([a-z]{3,9})\.?(?:[,\s-]+(\d{4}))?$/i.exec(words);
  const name = (monthFirst?.[1] ?? dayFirst?.[2])?.slice(0, 3).toLowerCase();
  const today = () => Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(zone).toPlainDate();
  if (name !== undefined) {
    const month = months.indexOf(name) + 1;
    if (month === 0) return null;
    const day = Number(monthFirst?.[2] ?? dayFirst?.[1]);
    const year = monthFirst?.[3] ?? dayFirst?.[3];
    if (year !== undefined) return { year: Number(year), month, day };
    const { year: current, month: monthNow, day: dayNow } = today();
    return { year: month > monthNow || (month === monthNow && day > dayNow) ? current - 1 : current, month, day };
  }
  const relative = /^(today|now|yesterday)$/i.exec(text)?.[1]?.toLowerCase();
  if (relative === undefined) return null;
  const { year, month, day } = relative === "yesterday" ? today().subtract({ days: 1 }) : today();
  return { year, month, day };
}

const months = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");

const dayOf = (year: string, month: string, day: string): Day => ({
  year: Number(year) + (year.length === 2 ? 2000 : 0),
  month: Number(month),
  day: Number(day),
});

/** `2026-02-06 15:00` in the owner's zone: how Steward writes a time in the queue. */
export function writeDate(at: Date, zone: string): string {
  const local = Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(zone);
  return `${local.toPlainDate().toString()} ${local.toPlainTime().toString({ smallestUnit: "minute" })}`;
}
