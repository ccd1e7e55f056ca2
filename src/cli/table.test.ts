import assert from "node:assert/strict";
import { test } from "node:test";
import { table, widthOf } from "./table.ts";

test("a letter counts as the columns that a terminal gives it", () => {
  const widths: [string, number][] = [
    ["abc", 3],
    ["é", 1],
    ["e\u0301", 1],
    ["🚀", 2],
    ["👩‍🚀", 2],
    ["🇩🇪", 2],
    ["日本", 4],
    ["✔", 1],
    ["✔️", 2],
  ];
  for (const [text, width] of widths) assert.equal(widthOf(text), width, text);
});

test("one long name leaves room for what is said of it, and is whole where nobody looks at columns", () => {
  const rows = [["n".repeat(250), "why"]];
  assert.equal(table(["A", "B"], rows, { width: 150 }).split("\n")[1], `${"n".repeat(49)}…  why`);
  assert.equal(table(["A", "B"], rows, { width: undefined }).split("\n")[1], `${"n".repeat(250)}  why`);
});

test("the last column is cut to the terminal, and a letter is never cut in two", () => {
  assert.equal(table(["A", "B"], [["12345", "x".repeat(40)]], { width: 30 }), `A      B\n12345  ${"x".repeat(22)}…\n`);
  assert.equal(table(["A"], [["🚀".repeat(20)]], { width: 21 }), `A\n${"🚀".repeat(10)}…\n`);
});

test("colour takes no column", () => {
  const text = table(["A", "B"], [["x", "y"]], {
    width: 80,
    paint: (cell, column) => (column === 0 ? `<${cell}>` : cell),
  });
  assert.equal(text, "A  B\n<x>  y\n");
});
