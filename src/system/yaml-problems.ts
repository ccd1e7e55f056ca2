import { isMap, isScalar, LineCounter, parseDocument, type Document, type Node } from "yaml";
import type { z } from "zod";
import { didYouMean } from "./nearest.ts";

export type YamlProblem = {
  /** From 1 on; null where it is about no line. */
  line: number | null;
  /** What is wrong, with the key that it is about: `agents.x.command is missing`. */
  message: string;
};

export type ReadYaml<T> = { value: T; problems: [] } | { value: null; problems: YamlProblem[] };

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/**
 * A YAML text by its schema; an empty one is an empty object. Otherwise all that is wrong with it, each with its line,
 * in the order of lines. `known` are the keys that there are at a place, for a key that was misspelled.
 */
export function readYaml<T>(
  text: string,
  schema: z.ZodType<T>,
  { known = () => [] }: { known?: (path: Path) => readonly string[] } = {},
): ReadYaml<T> {
  const lines = new LineCounter();
  const document = parseDocument(text, { logLevel: "silent", lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number) => lines.linePos(offset).line;
  if (document.errors.length > 0)
    return failed(document.errors.map(({ pos: [offset], message }) => ({ line: lineAt(offset), message })));
  const read = schema.safeParse(document.toJS() ?? {});
  if (read.success) return { value: read.data, problems: [] };
  return failed(
    read.error.issues.flatMap((issue) =>
      messagesOf(document, issue, known).map(({ path, message }) => {
        const offset = placeOf(document, path);
        return { line: offset === null ? null : lineAt(offset), message };
      }),
    ),
  );
}

function failed<T>(problems: YamlProblem[]): ReadYaml<T> {
  return { value: null, problems: problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)) };
}

function messagesOf(
  document: Document,
  issue: Issue,
  known: (path: Path) => readonly string[],
): { path: Path; message: string }[] {
  const { path } = issue;
  const name = path.join(".") || "the file";
  if (path.length > 0 && !document.hasIn(path)) return [{ path, message: `${name} is missing` }];
  if (issue.code === "unrecognized_keys") {
    const where = path.length === 0 ? "" : ` in ${name}`;
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `there is no setting ${key}${where}.${didYouMean(key, known(path))}`,
    }));
  }
  if (issue.code === "invalid_key") return [{ path, message: `${name}: ${issue.issues[0]?.message ?? issue.message}` }];
  const likeliest = issue.code === "invalid_union" ? closest(issue.errors) : null;
  if (likeliest) {
    return likeliest.flatMap((inner) =>
      messagesOf(document, { ...inner, path: [...path, ...inner.path] } as Issue, known),
    );
  }
  if (issue.code === "invalid_union" && "discriminator" in issue) {
    const options = "options" in issue && Array.isArray(issue.options) ? `; it is ${issue.options.join(" or ")}` : "";
    return [{ path, message: `${name}: there is no ${String(document.getIn(path))}${options}` }];
  }
  if (issue.code === "invalid_union") {
    const given = document.getIn(path, true);
    return [{ path, message: `${name}: ${isScalar(given) ? String(given.value) : "this"} cannot stand here` }];
  }
  return [{ path, message: `${name}: ${issue.message.replace(/^Invalid (?:input|option): /, "")}` }];
}

/** Of a choice's ways the one that got furthest: its complaint is about what was meant. Null if none got anywhere. */
function closest(ways: Issue[][]): Issue[] | null {
  const depth = (way: Issue[]) =>
    Math.max(...way.map(({ path, code }) => path.length + (code === "unrecognized_keys" ? 1 : 0)));
  const [best] = ways.filter((way) => way.length > 0).toSorted((a, b) => depth(b) - depth(a));
  return best && depth(best) > 0 ? best : null;
}

/** Where a value's key stands in the text; of what is missing, where it should be. */
function placeOf(document: Document, path: Path): number | null {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true);
    const last = path[length - 1];
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => (isScalar(key) ? String(key.value) : String(key)) === String(last))
      : undefined;
    const node = (pair?.key ?? document.getIn(path.slice(0, length), true)) as Node | undefined;
    if (node?.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? null;
}
