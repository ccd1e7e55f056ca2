import type { JsonMember, JsonPlace } from "./json-places.ts";

/** One change to a text: `text` takes the place of what stands from `start` to `end`. */
export type Patch = { start: number; end: number; text: string };

/** The patches must not overlap. */
export function applyPatches(text: string, patches: readonly Patch[]): string {
  const pieces: string[] = [];
  let at = 0;
  for (const { start, end, text: replacement } of patches.toSorted((a, b) => a.start - b.start)) {
    pieces.push(text.slice(at, start), replacement);
    at = end;
  }
  return pieces.join("") + text.slice(at);
}

/** The last member of that key, which is the one that a JSON parser takes. */
export const memberOf = (object: JsonPlace, key: string): JsonMember | undefined =>
  object.members?.findLast((member) => member.key === key);

/** Patches that set keys of an object: values in their place, new keys at its end, in the object's own layout. */
export function setKeys(text: string, object: JsonPlace, values: Record<string, unknown>): Patch[] {
  const patches: Patch[] = [];
  const added: [string, unknown][] = [];
  for (const [key, value] of Object.entries(values)) {
    const member = memberOf(object, key);
    if (member === undefined) added.push([key, value]);
    else if (JSON.stringify(member.place.value) !== JSON.stringify(value)) {
      const layout = layoutOf(text, object);
      patches.push({
        start: member.place.start,
        end: member.place.end,
        text: written(value, layout.break, layout.step),
      });
    }
  }
  if (added.length > 0) patches.push(appendTo(text, object, added));
  return patches;
}

/** A patch that adds items to a list, in the list's own layout. */
export function addItems(text: string, list: JsonPlace, values: readonly unknown[]): Patch {
  const layout = layoutOf(text, list);
  const items = values.map((value) => written(value, layout.break, layout.step));
  return join(list, list.items!.at(-1)?.end, layout, items.join(`,${layout.break}`));
}

function appendTo(text: string, object: JsonPlace, added: readonly [string, unknown][]): Patch {
  const layout = layoutOf(text, object);
  const members = added.map(
    ([key, value]) => `${JSON.stringify(key)}${layout.colon}${written(value, layout.break, layout.step)}`,
  );
  return join(object, object.members!.at(-1)?.place.end, layout, members.join(`,${layout.break}`));
}

function join(place: JsonPlace, last: number | undefined, layout: Layout, text: string): Patch {
  if (last !== undefined) return { start: last, end: last, text: `,${layout.break}${text}` };
  const inside = { start: place.start + 1, end: place.end - 1 };
  return { ...inside, text: `${layout.break}${text}${layout.closing}` };
}

type Layout = {
  /** What stands between a comma and the next member: a space, or a line's end and an indentation. */
  break: string;
  /** What stands before the closing bracket of a container that is empty so far. */
  closing: string;
  colon: string;
  /** One level of indentation; "" where all is on one line. */
  step: string;
};

/** How a container is laid out, told by its first two children; an empty one by the file around it. */
function layoutOf(text: string, place: JsonPlace): Layout {
  const starts = place.members?.map(({ keyStart }) => keyStart) ?? place.items!.map(({ start }) => start);
  const newline = text.includes("\r\n") ? "\r\n" : text.includes("\n") ? "\n" : "";
  const step = newline === "" ? "" : (/\n([ \t]+)\S/.exec(text)?.[1] ?? "  ");
  const first = place.members?.[0];
  const colon = first === undefined ? ": " : text.slice(first.keyEnd, first.place.start);
  if (starts[0] === undefined) {
    const outer = newline === "" ? "" : newline + indentOf(text, place.start);
    return { break: newline === "" ? "" : outer + step, closing: outer, colon, step };
  }
  const lead = text.slice(place.start + 1, starts[0]);
  if (lead.includes("\n")) return { break: lead.slice(lead.search(/\r?\n[ \t]*$/)), closing: "", colon, step };
  const compact = starts[1] !== undefined && text[starts[1] - 1] === ",";
  return { break: compact ? "" : " ", closing: "", colon, step: "" };
}

/** The white space with which the line of an offset begins. */
function indentOf(text: string, at: number): string {
  const line = text.slice(text.lastIndexOf("\n", at) + 1, at);
  return /^[ \t]*/.exec(line)![0];
}

/** A value as JSON, its inner lines indented to stand where `lead` puts its first. */
function written(value: unknown, lead: string, step: string): string {
  if (step === "" || !lead.includes("\n")) return JSON.stringify(value);
  return JSON.stringify(value, null, step).replaceAll("\n", lead);
}
