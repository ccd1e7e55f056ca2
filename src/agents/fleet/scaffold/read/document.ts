import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmFromMarkdown } from "mdast-util-gfm";
import { gfm } from "micromark-extension-gfm";
import type { Nodes, RootContent } from "mdast";

/** One piece of a spec, in reading order. `line` counts from 1 in the file as it was given. */
export type Block =
  | { kind: "heading"; depth: number; text: string; line: number }
  | { kind: "text"; text: string; line: number; bullet: boolean }
  | { kind: "code"; language: string; text: string; line: number }
  | { kind: "table"; header: string[]; rows: { cells: string[]; line: number }[]; line: number }
  | { kind: "other"; what: string; line: number };

export type Document = { title: string; frontPort: number | null; blocks: Block[] };

/** Reads Markdown into a flat run of blocks; code spans keep their backticks, every other mark-up is dropped. */
export function readDocument(text: string): Document {
  const { body, frontPort } = cutFrontMatter(text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n"));
  const tree = fromMarkdown(body, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
  const blocks = tree.children.flatMap((node) => blocksOf(node, false));
  const first = blocks.find((block) => block.kind === "heading" && block.depth === 1);
  return { title: first?.kind === "heading" ? first.text : "", frontPort, blocks };
}

/** Front matter keeps its lines, empty, so that line numbers stay those of the file. */
function cutFrontMatter(text: string): { body: string; frontPort: number | null } {
  const match = /^---\n([\s\S]*?)\n---(?=\n|$)/.exec(text);
  if (match === null) return { body: text, frontPort: null };
  const port = /^port:\s*(\d{1,5})\s*$/m.exec(match[1] ?? "");
  const lines = match[0].split("\n").length;
  return { body: "\n".repeat(lines - 1) + text.slice(match[0].length), frontPort: port ? Number(port[1]) : null };
}

/** Deeper than any person nests a spec; what lies below is refused, so that nothing can exhaust the stack. */
const DEEPEST = 20;

function blocksOf(node: RootContent, bullet: boolean, depth = 0): Block[] {
  const line = node.position?.start.line ?? 0;
  if (depth > DEEPEST) return [{ kind: "other", what: "nesting this deep", line }];
  switch (node.type) {
    case "heading":
      return [{ kind: "heading", depth: node.depth, text: plain(node), line }];
    case "paragraph":
      return [{ kind: "text", text: plain(node), line, bullet }];
    case "code":
      return [{ kind: "code", language: (node.lang ?? "").toLowerCase(), text: node.value, line }];
    case "list":
      return node.children.flatMap((item) => item.children.flatMap((child) => blocksOf(child, true, depth + 1)));
    case "blockquote":
      return node.children.flatMap((child) => blocksOf(child, bullet, depth + 1));
    case "table": {
      const [header, ...rows] = node.children;
      return [
        {
          kind: "table",
          header: header?.children.map((cell) => plain(cell)) ?? [],
          rows: rows.map((row) => ({
            cells: row.children.map((cell) => plain(cell)),
            line: row.position?.start.line ?? line,
          })),
          line,
        },
      ];
    }
    case "thematicBreak":
    case "definition":
      return [];
    case "html":
      return /^<!--[\s\S]*-->$/.test(node.value.trim()) ? [] : [{ kind: "other", what: "raw HTML", line }];
    default:
      return [{ kind: "other", what: node.type, line }];
  }
}

function plain(node: Nodes, depth = 0): string {
  if (node.type === "inlineCode") return `\`${node.value.replaceAll("`", "'")}\``;
  if (node.type === "break") return " ";
  if ("value" in node && typeof node.value === "string") return node.value;
  if (!("children" in node) || depth > DEEPEST) return "";
  const text = node.children
    .map((child) => plain(child, depth + 1))
    .join("")
    .replace(/\s+/g, " ");
  return text.trim() === "" ? "" : text;
}
