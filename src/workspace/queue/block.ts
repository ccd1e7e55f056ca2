/** A piece of a line's text after its Markdown is read. */
export type Inline = {
  kind: "text" | "strong" | "code" | "link" | "struck";
  text: string;
};

/** Lines are counted from zero, `end` is the line after the last. */
type Place = { line: number; end: number };

export type Heading = Place & { kind: "heading"; level: number; text: string };
export type Item = Place & {
  kind: "item";
  /** Its box, where it has one as GFM knows it. */
  checked: boolean | null;
  /** Its first paragraph. */
  inline: Inline[];
  children: Block[];
};
export type Row = { line: number; cells: Inline[][] };
export type Table = Place & { kind: "table"; header: Inline[][]; rows: Row[] };
export type Paragraph = Place & { kind: "paragraph"; inline: Inline[] };
/** Code, HTML, quotes, rules, definitions: nothing in them is a task. */
export type Other = Place & { kind: "other" };

/** What the queue's reader needs to know of a Markdown document. Items stand without the list around them. */
export type Block = Heading | Item | Table | Paragraph | Other;

export const plainText = (inline: readonly Inline[]): string => inline.map(({ text }) => text).join("");
