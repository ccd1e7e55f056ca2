import assert from "node:assert/strict";
import { test } from "node:test";
import { findPathConflict } from "./path-conflict.ts";

const running = (...paths: string[]) => [{ key: "other", name: "Other", paths }];
const found = (own: string[], ...theirs: string[]) => findPathConflict(own, running(...theirs))?.paths;

test("paths meet where one is the other, or holds it, however they are written", () => {
  for (const [a, b, meet] of [
    ["src/quotes", "src/quotes", true],
    ["src/quotes/", "./src//quotes", true],
    ["src", "src/quotes/list.ts", true],
    ["src/quotes/list.ts", "src/quotes", true],
    ["src/quotes/../login", "src/login/form.ts", true],
    ["src\\quotes", "`src/quotes`", true],
    ["SRC/Quotes", "src/quotes", true],
    [".", "docs/a.md", true],
    ["/", "docs/a.md", true],
    ["../shop/api", "../shop", true],
    ["src/quotes", "src/quotes-api", false],
    ["src/quotes", "src/login", false],
    ["src/quotes", "docs/quotes", false],
    ["../shop", "shop", false],
    ["src/**", "src/quotes/list.ts", true],
    ["src/*/list.ts", "src/quotes/list.ts", true],
    ["src/*/list.ts", "src/quotes/form.ts", false],
    ["src/*.ts", "src/*.md", false],
    ["src/a*.ts", "src/ab*", true],
    ["src/a*", "src/b*", false],
    ["src/{a,b}/x.ts", "src/b/x.ts", true],
    ["**/*.md", "docs/a.md", true],
    ["docs/**", "src/**", false],
  ] as const) {
    assert.equal(found([a], b) !== undefined, meet, `${a} and ${b}`);
    assert.equal(found([b], a) !== undefined, meet, `${b} and ${a}`);
  }
});

test("the two that meet are named; a task without paths could be anywhere, and is named last", () => {
  const [first, second] = [
    { key: "a", name: "A", paths: [] },
    { key: "b", name: "B", paths: ["docs", "src"] },
  ];
  assert.deepEqual(findPathConflict(["src/x.ts"], [first, second]), { with: second, paths: ["src/x.ts", "src"] });
  assert.deepEqual(findPathConflict(["web"], [first, second]), { with: first, paths: null });
  assert.deepEqual(findPathConflict([" "], [second]), { with: second, paths: null });
  assert.equal(findPathConflict(["web"], [second]), null);
  assert.equal(findPathConflict([], []), null);
});
