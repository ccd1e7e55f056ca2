/**
 * The only texts of a spec that may become identifiers, file names or URL parts. Everything else from a spec is written
 * as a quoted string or not at all.
 */

const RESERVED = new Set([...Object.getOwnPropertyNames(Object.prototype), "prototype", "then", "toJSON"]);

export const isFieldName = (text: string) => /^[A-Za-z][A-Za-z0-9_]{0,47}$/.test(text) && !RESERVED.has(text);

/** "/api/v1/quotes/{id}": letters, digits, dash and underscore; at most 6 parts; a parameter is a field name. */
export function isPath(text: string): boolean {
  const parts = text.split("/").slice(1);
  return (
    text.startsWith("/") &&
    parts.length <= 6 &&
    parts.every((part) => {
      const parameter = /^\{(.*)\}$/.exec(part);
      return parameter
        ? isFieldName(parameter[1] ?? "")
        : /^[A-Za-z][A-Za-z0-9_-]{0,47}$/.test(part) && !RESERVED.has(part);
    })
  );
}

export const isModelName = (text: string) => /^[A-Z][A-Za-z0-9]{0,47}$/.test(text);

const words = (text: string) =>
  text
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== "");

export const pascal = (text: string) =>
  words(text)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");

export const camel = (text: string) => pascal(text).replace(/^./, (first) => first.toLowerCase());

export const spaced = (text: string) => words(text).join(" ").toLowerCase();

/** English plural to singular, as far as paths need it: "entries" → "entry", "boxes" → "box", "quotes" → "quote". */
export function singular(word: string): string {
  if (/ies$/i.test(word) && word.length > 4) return word.replace(/ies$/i, "y");
  if (/(ss|x|ch|sh|z)es$/i.test(word)) return word.slice(0, -2);
  if (/[^s]s$/i.test(word) && !/(us|is)$/i.test(word)) return word.slice(0, -1);
  return word;
}

export const sameThing = (one: string, other: string) => singular(spaced(one)) === singular(spaced(other));
