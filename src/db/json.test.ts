import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { storable, toJson } from "./json.ts";
import { createTestDatabase } from "./testing.ts";

test("any text can be stored as JSON, less the characters that PostgreSQL refuses", async (t) => {
  const { database } = await createTestDatabase(t);
  const value = { plain: "é 😀", nul: "a\0b", half: "a\ud800b", backslash: "\\u0000", list: ["\0", new Date(0)] };
  const { rows } = await sql<{ stored: unknown }>`select ${toJson(value)}::jsonb as stored`.execute(database.app);
  assert.deepEqual(rows[0]!.stored, {
    plain: "é 😀",
    nul: "ab",
    half: "a\ufffdb",
    backslash: "\\u0000",
    list: ["", "1970-01-01T00:00:00.000Z"],
  });
});

test("and as text", async (t) => {
  const { database } = await createTestDatabase(t);
  const { rows } = await sql<{ stored: string }>`select ${storable("a\0b\ud800")}::text as stored`.execute(
    database.app,
  );
  assert.equal(rows[0]!.stored, "ab\ufffd");
});
