/**
 * Minutes: "4 hours", "1h30", "1h 30m", "~90 min", "1:30", "2 days", "half a day", "2-3 hours" (the longer: a task that is
 * thought too short is taken for late). A day of work has 8 hours and a week 5 days, unless days are of the calendar.
 * Null for anything else.
 */
export function readDuration(value: string, { calendar = false } = {}): number | null {
  const text = value
    .slice(0, 80)
    .toLowerCase()
    .replace(
      /^[\s~≈<>=]*(?:about|around|approx(?:imately|\.)?|ca\.?|circa|roughly|up to|max(?:imum|\.)?|under|est\.?|after)?[\s~≈]*/,
      "",
    )
    .replace(/\bhalf an? /, "0.5 ")
    .replace(/^an? (?=h|d|w|m)|^one /, "1 ")
    .replace(/\b(?:a )?couple of\b|\btwo\b/, "2")
    .replace(/\bthree\b/, "3")
    .replace(/½/g, ".5")
    .replace(/(\d),(\d)/g, "$1.$2")
    .trim();
  const perDay = calendar ? 24 * 60 : 8 * 60;
  const units: Record<string, number> = { m: 1, h: 60, d: perDay, w: perDay * (calendar ? 7 : 5) };
  const clock = /^(\d{1,3}):([0-5]\d)(?:\s*h(?:ours?|rs?)?)?(?:$|\s)/.exec(text);
  if (clock !== null) return Number(clock[1]) * 60 + Number(clock[2]);
  const range = /^(\d*\.?\d+)\s*(?:m\w*|h\w*|d\w*|w\w*)?\s*(?:-|–|—|to|or)\s*(\d*\.?\d+.*)$/.exec(text);
  if (range !== null) return readDuration(range[2]!, { calendar });
  let total = 0;
  let rest = text;
  let unit = "";
  for (;;) {
    const part =
      /^(\d*\.?\d+)\s*(?:(min(?:ute)?s?|m|h(?:ou)?rs?|h|d(?:ay)?s?|w(?:ee)?ks?|w)\b\.?|(h)(?=\d))?[\s,]*(?:and\s+|&\s*|\+\s*)?/.exec(
        rest,
      );
    if (part === null) break;
    const named = (part[2] ?? part[3])?.[0];
    // The 30 of "1h30" are minutes; a number by itself says nothing.
    const its = named ?? (unit === "h" ? "m" : undefined);
    if (its === undefined) return null;
    total += Number(part[1]) * units[its]!;
    unit = its;
    rest = rest.slice(part[0].length);
  }
  if (unit === "" || !/^(?:$|[^\p{L}\p{N}]|of\b|work|tops|max|each|total)/u.test(rest)) return null;
  return total > 0 && total < 1e7 ? Math.round(total) : null;
}

/** `4 h 30 min`: how Steward writes a duration in the queue. */
export function writeDuration(minutes: number): string {
  const whole = Math.max(0, Math.round(minutes));
  if (whole < 1) return "under a minute";
  const hours = Math.floor(whole / 60);
  if (hours === 0) return `${whole} min`;
  return whole % 60 === 0 ? `${hours} h` : `${hours} h ${whole % 60} min`;
}
