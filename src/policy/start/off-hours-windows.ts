/** Part of a day, in minutes from its midnight by the clock on the wall; `to` at or before `from` is on the next day. */
export type Window = { from: number; to: number };

/** Windows by the day on which they begin, Monday first; `named` are the days (0 to 6) of which the owner spoke himself. */
export type OffHoursWindows = { days: Window[][]; named: number[] };

/** What may stand behind `off_hours:`: `22:00-06:00`, several of them, `none`, `all day`, or any of these by day. */
export type OffHoursText = string | false | string[] | Record<string, string | false | string[]>;

export const wholeDay: Window = { from: 0, to: 24 * 60 };

/** The windows that a text means, or what is wrong with it, in words. */
export function readWindows(text: OffHoursText): { windows: OffHoursWindows; problems: string[] } {
  const problems: string[] = [];
  const days: Window[][] = Array.from({ length: 7 }, () => []);
  const named: number[] = [];
  if (typeof text !== "object" || Array.isArray(text))
    return { windows: { days: days.map(() => read(text)), named }, problems: [...new Set(problems)] };
  // From the widest word to the narrowest, so that "friday" has the last say over "weekdays", wherever it stands.
  const entries = Object.entries(text).toSorted(([a], [b]) => daysOf(b).length - daysOf(a).length);
  for (const [word, value] of entries) {
    const meant = daysOf(word);
    if (meant.length === 0)
      problems.push(`there is no day ${word}; it is monday to sunday, weekdays, weekends or every day`);
    const windows = read(value);
    for (const day of meant) days[day] = windows;
    if (meant.length < 7) named.push(...meant);
  }
  return { windows: { days, named: [...new Set(named)].toSorted((a, b) => a - b) }, problems };

  function read(value: string | false | string[]): Window[] {
    return [value].flat().flatMap((one) => {
      const window = one === false ? null : readWindow(one);
      if (typeof window === "string") problems.push(window);
      return window === null || typeof window === "string" ? [] : [window];
    });
  }
}

const dayNames = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

function daysOf(word: string): number[] {
  const plain = word.trim().toLowerCase();
  if (/^(every ?day|daily|always|all)$/.test(plain)) return [0, 1, 2, 3, 4, 5, 6];
  if (/^weekdays?$/.test(plain)) return [0, 1, 2, 3, 4];
  if (/^weekends?$/.test(plain)) return [5, 6];
  const day = dayNames.findIndex(
    (name) => name === plain || `${name}s` === plain || (plain.length >= 3 && name.startsWith(plain)),
  );
  return day === -1 ? [] : [day];
}

/** A window, null for "none", or a sentence about what is wrong. */
function readWindow(text: string): Window | null | string {
  const plain = text.trim().toLowerCase();
  if (/^(none|never|no|off|-)$/.test(plain)) return null;
  if (/^(all ?day|whole day|always|24h)$/.test(plain)) return wholeDay;
  const [from, to, rest] = plain.split(/\s*(?:-|–|—|\bto\b|\buntil\b)\s*/).map(readTime);
  if (from === undefined || to === undefined || rest !== undefined || from === null || to === null || from === 1440)
    return `"${text}" is no window; write it like "22:00-06:00"`;
  if (from === to) return `"${text}" begins and ends at once; write "all day" or "none"`;
  return { from, to };
}

/** Minutes of `22:00`, `22.00`, `22`, `10pm`, `10:30 pm`; null if it is no time of day. */
function readTime(text: string): number | null {
  const [, hours, minutes = "0", half] = /^(\d{1,2})(?:[:.](\d{2}))?\s*(am|pm)?$/.exec(text) ?? [];
  if (hours === undefined || (half && (Number(hours) < 1 || Number(hours) > 12))) return null;
  const hour = half ? (Number(hours) % 12) + (half === "pm" ? 12 : 0) : Number(hours);
  const minute = hour * 60 + Number(minutes);
  return Number(minutes) > 59 || minute > 1440 ? null : minute;
}
