/** A text cut into lines as Markdown counts them (\n, \r\n or \r), with what is needed to put it together again. */
export type TextLines = {
  /** Without their endings; the byte order mark, if any, is not part of the first. */
  lines: string[];
  /** The ending of each line, and "" for a last one without. */
  endings: string[];
  mark: string;
  /** The ending that the text uses most often; "\n" where it has none. */
  newline: string;
};

export function splitText(text: string): TextLines {
  const mark = text.startsWith("\uFEFF") ? "\uFEFF" : "";
  const lines: string[] = [];
  const endings: string[] = [];
  let from = mark.length;
  for (const { 0: ending, index } of text.matchAll(/\r\n|\n|\r/g)) {
    lines.push(text.slice(from, index));
    endings.push(ending);
    from = index + ending.length;
  }
  if (from < text.length) {
    lines.push(text.slice(from));
    endings.push("");
  }
  return { lines, endings, mark, newline: usual(endings) };
}

export function joinText({ lines, endings, mark }: TextLines): string {
  return mark + lines.map((line, index) => line + endings[index]!).join("");
}

function usual(endings: readonly string[]): string {
  const counts = new Map<string, number>([["\n", 0]]);
  for (const ending of endings) if (ending !== "") counts.set(ending, (counts.get(ending) ?? 0) + 1);
  return [...counts].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}
