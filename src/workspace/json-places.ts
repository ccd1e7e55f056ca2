/** A JSON value and where it stands, so that one value can be changed and every other byte kept. */
export type JsonPlace = {
  /** Offsets into the text: the value is `text.slice(start, end)`. */
  start: number;
  end: number;
  value: unknown;
  /** Of an object, in their order; a key that stands twice is here twice. */
  members?: JsonMember[];
  /** Of a list. */
  items?: JsonPlace[];
};

export type JsonMember = { key: string; keyStart: number; keyEnd: number; place: JsonPlace };

/** Finds every value of a JSON text. A byte-order mark may stand before it. Throws SyntaxError if it is not JSON. */
export function locateJson(text: string): JsonPlace {
  const from = text.startsWith("\uFEFF") ? 1 : 0;
  JSON.parse(text.slice(from)); // The walk below may then count on well-formed text.
  return placeAt(text, skipSpace(text, from));
}

function placeAt(text: string, start: number): JsonPlace {
  switch (text[start]) {
    case "{":
      return objectAt(text, start);
    case "[":
      return listAt(text, start);
    case '"':
      return scalar(text, start, endOfString(text, start));
    default: {
      let end = start;
      while (end < text.length && !/[\s,\]}]/.test(text[end]!)) end++;
      return scalar(text, start, end);
    }
  }
}

function objectAt(text: string, start: number): JsonPlace {
  const members: JsonMember[] = [];
  let at = skipSpace(text, start + 1);
  while (text[at] !== "}") {
    const keyEnd = endOfString(text, at);
    const place = placeAt(text, skipSpace(text, skipSpace(text, keyEnd) + 1));
    members.push({ key: JSON.parse(text.slice(at, keyEnd)) as string, keyStart: at, keyEnd, place });
    at = skipSpace(text, place.end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  const value = Object.fromEntries(members.map(({ key, place }) => [key, place.value]));
  return { start, end: at + 1, value, members };
}

function listAt(text: string, start: number): JsonPlace {
  const items: JsonPlace[] = [];
  let at = skipSpace(text, start + 1);
  while (text[at] !== "]") {
    const item = placeAt(text, at);
    items.push(item);
    at = skipSpace(text, item.end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return { start, end: at + 1, value: items.map(({ value }) => value), items };
}

const scalar = (text: string, start: number, end: number): JsonPlace => ({
  start,
  end,
  value: JSON.parse(text.slice(start, end)) as unknown,
});

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at++;
  return at;
}
