import type { Json } from "#agents/fleet/scaffold/plan/plan.ts";

const isPlainKey = (key: string) => /^[A-Za-z_]\w*$/.test(key) && key !== "__proto__";

/**
 * A JSON value as JavaScript source. Texts go through JSON.stringify, and U+2028, U+2029 and "</" are escaped as well, so
 * that no text of a spec can end its literal, whatever later carries the file.
 */
export function source(value: Json | undefined, indent = ""): string {
  if (typeof value !== "object" || value === null) return quoted(value ?? null);
  const deeper = `${indent}  `;
  const isList = Array.isArray(value);
  const entries = isList
    ? value.map((item) => source(item, deeper))
    : Object.entries(value).map(
        ([key, item]) =>
          `${isPlainKey(key) ? key : key === "__proto__" ? `["__proto__"]` : quoted(key)}: ${source(item, deeper)}`,
      );
  const [open, close, space] = isList ? ["[", "]", ""] : ["{", "}", " "];
  if (entries.length === 0) return open + close;
  const oneLine = `${open}${space}${entries.join(", ")}${space}${close}`;
  if (oneLine.length + indent.length <= 110 && !oneLine.includes("\n")) return oneLine;
  return `${open}\n${entries.map((entry) => `${deeper}${entry},\n`).join("")}${indent}${close}`;
}

export const quoted = (value: Json): string =>
  JSON.stringify(value).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029").replaceAll("</", "<\\/");

/** A text of the spec inside a Markdown table or paragraph: one line, with nothing that Markdown or HTML would act on. */
export const prose = (text: string): string =>
  text
    .replace(/\s+/g, " ")
    .replace(/[\u0000-\u001f\u007f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g, "")
    .replace(/[\\|<>[\]*_#]/g, (mark) => (mark === "<" ? "&lt;" : mark === ">" ? "&gt;" : `\\${mark}`))
    .replaceAll("&lt;!--", "&lt;! --")
    .slice(0, 400);
