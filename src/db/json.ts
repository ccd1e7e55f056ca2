/**
 * JSON that a jsonb column takes. PostgreSQL refuses the character NUL and halves of surrogate pairs, which the output of
 * programs may hold: without them it is still a report, and a report that cannot be stored is a run that is lost.
 */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value);
  if (!maybeRefused.test(text)) return text;
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === "string" ? storable(part) : part));
}

/** The same for a text column. */
export function storable(text: string): string {
  return text.replaceAll("\0", "").toWellFormed();
}

/** A false alarm, such as of a backslash that is text itself, only costs the second look. */
const maybeRefused = /\\u(?:0000|d[89a-f])/;
