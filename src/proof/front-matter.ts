import { parse } from "yaml";
import { messageOf } from "#system/failure.ts";

export type FrontMatter = {
  /** What stands between the two rules of dashes; empty without front matter, or when it cannot be read. */
  values: Record<string, unknown>;
  problem: string | null;
  /** How many lines it takes, both rules included; 0 without front matter. */
  lines: number;
};

const nothing: FrontMatter = { values: {}, problem: null, lines: 0 };

/** Reads the YAML that a Markdown file may begin with. `lines` are the file's lines. Never throws. */
export function readFrontMatter(lines: readonly string[]): FrontMatter {
  if (lines[0]?.trimEnd() !== "---") return nothing;
  const end = lines.findIndex((line, index) => index > 0 && /^(?:---|\.\.\.)\s*$/.test(line));
  // A rule of dashes that is never closed is a thematic break, which Markdown allows on the first line.
  if (end < 0) return nothing;
  const inner = lines.slice(1, end);
  // Some people draw a rule above their title: prose between two rules is not meant as YAML.
  if (inner.some((line) => /^#{1,6}\s/.test(line)) && !inner.some((line) => /^[\w-]+\s*:/.test(line))) return nothing;
  try {
    return { values: flatValues(inner) ?? parsed(inner), problem: null, lines: end + 1 };
  } catch (error) {
    const [first = "it is not YAML"] = messageOf(error).split("\n");
    return {
      values: {},
      problem: first.replace(/ at line (\d+).*$/, (_, at) => ` (line ${Number(at) + 1})`).replace(/:$/, ""),
      lines: end + 1,
    };
  }
}

/** Most front matter is a few plain "key: value" lines: a scan of 10,000 specs need not start a YAML parser for them. */
function flatValues(lines: readonly string[]): Record<string, unknown> | null {
  const values: Record<string, unknown> = {};
  for (const line of lines) {
    if (line.trim() === "") continue;
    const match = /^([A-Za-z][\w-]*):[ \t]+([A-Za-z0-9/.][\w ./@-]*)$/.exec(line.trimEnd());
    if (match === null || match[1]! in values) return null;
    const value = match[2]!;
    if (/^[1-9]\d{0,8}$|^0$/.test(value)) values[match[1]!] = Number(value);
    // Anything that YAML may read as something else than text (true, null, 1e3, dates) is left to YAML.
    else if (/^[\d.]|^(?:true|false|null|yes|no|on|off)$/i.test(value)) return null;
    else values[match[1]!] = value;
  }
  return values;
}

function parsed(lines: readonly string[]): Record<string, unknown> {
  const value: unknown = parse(lines.join("\n"), { prettyErrors: true, logLevel: "error" });
  if (value === null || value === undefined) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error("it is not a list of keys and values");
}
