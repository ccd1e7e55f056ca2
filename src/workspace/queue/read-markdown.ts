import type { List, ListItem, Nodes, PhrasingContent, RootContent } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmFromMarkdown } from "mdast-util-gfm";
import { gfm } from "micromark-extension-gfm";
import type { Block, Inline, Item } from "./block.ts";

/**
 * A piece of Markdown as blocks, by its real parser; `open` says how a block that the piece's end cut off goes on.
 * `definitions` are link definitions from elsewhere in the document.
 */
export function readMarkdown(
  piece: readonly string[],
  offset: number,
  definitions: string,
): { blocks: Block[]; open: Open | null } {
  const text = `${piece.join("\n")}${definitions === "" ? "" : `\n\n${definitions}`}`;
  const root = fromMarkdown(text, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
  const nodes = root.children.filter((node) => (node.position?.start.line ?? 1) <= piece.length);
  const last = nodes.at(-1);
  const open = last === undefined ? null : openEnd(last, piece);
  if (open !== null) nodes.pop();
  return {
    blocks: nodes.flatMap((node) => blocksOf(node, offset)),
    open: open && { ...open, line: open.line + offset },
  };
}

/** It begins in `line`, and ends with the first line for which `closes` is true (`with` it, or before it). */
export type Open = { line: number; closes: RegExp; inclusive: boolean };

/** Fences and some HTML run over everything up to their own end: more of them than this piece has. */
function openEnd(node: RootContent, piece: readonly string[]): Open | null {
  if ((node.type !== "code" && node.type !== "html") || node.position === undefined) return null;
  const line = node.position.start.line - 1;
  const first = piece[line]!;
  const last = piece[Math.min(node.position.end.line, piece.length) - 1]!;
  if (node.type === "html") {
    const rule = htmlEnds.find(({ begins }) => begins.test(first));
    if (rule === undefined) {
      const blank = piece.slice(line).some((below) => below.trim() === "");
      return blank ? null : { line, closes: /^\s*$/, inclusive: false };
    }
    return piece.slice(line).some((below) => rule.ends.test(below))
      ? null
      : { line, closes: rule.ends, inclusive: true };
  }
  const fence = /^ {0,3}(`{3,}|~{3,})/.exec(first)?.[1];
  if (fence === undefined) return null;
  const closes = new RegExp(`^ {0,3}${fence[0]}{${fence.length},}[ \\t]*$`);
  return node.position.end.line - 1 > line && closes.test(last) ? null : { line, closes, inclusive: true };
}

/** CommonMark's HTML blocks of the kinds 1 to 5; all others end at a blank line. */
const htmlEnds = [
  { begins: /^ {0,3}<(?:script|pre|style|textarea)(?:[\s>]|$)/i, ends: /<\/(?:script|pre|style|textarea)>/i },
  { begins: /^ {0,3}<!--/, ends: /-->/ },
  { begins: /^ {0,3}<\?/, ends: /\?>/ },
  { begins: /^ {0,3}<!\[CDATA\[/, ends: /\]\]>/ },
  { begins: /^ {0,3}<![a-z]/i, ends: />/ },
];

function blocksOf(node: RootContent, offset: number): Block[] {
  const line = (node.position?.start.line ?? 1) - 1 + offset;
  const end = (node.position?.end.line ?? 1) + offset;
  switch (node.type) {
    case "heading":
      return [{ kind: "heading", line, end, level: node.depth, text: textOf(node).trim() }];
    case "paragraph":
      return [{ kind: "paragraph", line, end, inline: inlineOf(node.children) }];
    case "list":
      return itemsOf(node, offset);
    case "table": {
      const [header, ...rows] = node.children.map((row) => ({
        line: (row.position?.start.line ?? 1) - 1 + offset,
        cells: row.children.map((cell) => inlineOf(cell.children)),
      }));
      return [{ kind: "table", line, end, header: header?.cells ?? [], rows }];
    }
    default:
      return [{ kind: "other", line, end }];
  }
}

const itemsOf = (list: List, offset: number): Item[] => list.children.map((item) => itemOf(item, offset));

function itemOf(item: ListItem, offset: number): Item {
  const [first, ...rest] = item.children;
  const own = first?.type === "paragraph" ? inlineOf(first.children) : [];
  const children = first?.type === "paragraph" || first === undefined ? rest : item.children;
  return {
    kind: "item",
    line: (item.position?.start.line ?? 1) - 1 + offset,
    end: (item.position?.end.line ?? 1) + offset,
    checked: item.checked ?? null,
    inline: own,
    children: children.flatMap((child) => blocksOf(child, offset)),
  };
}

function inlineOf(nodes: readonly PhrasingContent[]): Inline[] {
  const found: Inline[] = [];
  for (const node of nodes) {
    const kind = kinds[node.type] ?? "text";
    const text = textOf(node);
    const last = found.at(-1);
    if (text === "") continue;
    if (kind === "text" && last?.kind === "text") last.text += text;
    else found.push({ kind, text });
  }
  return found;
}

const kinds: Record<string, Inline["kind"]> = {
  strong: "strong",
  inlineCode: "code",
  link: "link",
  linkReference: "link",
  delete: "struck",
};

function textOf(node: Nodes): string {
  if (node.type === "html") return /^<br/i.test(node.value) ? " " : "";
  if (node.type === "break") return "\n";
  if (node.type === "image" || node.type === "imageReference") return node.alt ?? "";
  if ("value" in node) return node.value;
  return "children" in node ? node.children.map(textOf).join("") : "";
}
