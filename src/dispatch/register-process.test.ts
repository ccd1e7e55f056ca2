import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeFolder } from "#system/testing.ts";
import { keptId } from "./register-process.ts";

test("of many that make an id at once all get the same one, and nobody reads half of it", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "steward-id-"));
  t.after(() => removeFolder(folder));
  for (let round = 0; round < 50; round++) {
    const path = join(folder, "home", `${round}.json`);
    const ids = await Promise.all(Array.from({ length: 8 }, () => keptId(path)));
    assert.equal(new Set(ids).size, 1);
    assert.match(await readFile(path, "utf8"), new RegExp(ids[0]!));
  }
  assert.equal((await readdir(join(folder, "home"))).length, 50, "nothing else is left");
});
