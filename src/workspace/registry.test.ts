import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync, chmodSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Failure } from "#system/failure.ts";
import { indexRegistry, registryEntries } from "./registry-entries.ts";
import { patchRegistry, updateRegistry, type RegistryUpdate } from "./registry.ts";
import { folderWith } from "./tree.fixture.ts";

const now = new Date("2026-03-01T12:00:00Z");
const stamp = "2026-03-01T12:00:00.000Z";
const patch = (text: string, updates: Record<string, RegistryUpdate>) =>
  patchRegistry(text, new Map(Object.entries(updates)), { now });

const bodies: Record<string, unknown> = {
  "an object by name": { quotes: { port: 8101, status: "live", owner: "Ada" } },
  "a list": [{ name: "quotes", port: "8101", status: "live", owner: "Ada" }],
  "a list under services": { services: [{ service: "Quotes", service_port: 8101, state: "live", maintainer: "Ada" }] },
  "an object under services": { version: 2, services: { quotes: { port: 8101, status: "live", team: "Ada" } } },
  "a list with folders": [{ id: "q-1", path: "./SERVICES/quotes/", port: 8101, status: "live", owner: "Ada" }],
};
for (const [shape, body] of Object.entries(bodies)) {
  test(`a registry that is ${shape} gives port, status and owner`, () => {
    const entry = indexRegistry(registryEntries(body))("quotes");
    assert.deepEqual([entry?.port, entry?.status, entry?.owner], [8101, "live", "Ada"]);
    assert.equal(indexRegistry(registryEntries(body))("other"), null);
  });
}

test("what is no service is passed over", () => {
  assert.deepEqual(registryEntries({ metadata: { port: 1 }, version: 3, list: null }), []);
  assert.deepEqual(registryEntries([1, null, { port: 4 }]), []);
  for (const body of [null, 7, "x", []]) assert.deepEqual(registryEntries(body), []);
  assert.equal(registryEntries({ a: { port: 99_999 } })[0]!.port, null);
});

test("what has the wrong type is said, counts as not said, and harms nothing else", () => {
  const [entry] = registryEntries({
    quotes: { port: true, status: ["production"], owner: { name: "Ada" }, url: 7, path: "", team: "Ada" },
  });
  assert.deepEqual({ ...entry, problems: null }, { name: "quotes", port: null, status: null, owner: null, url: "7", path: null, problems: null }); // prettier-ignore
  assert.deepEqual(entry?.problems, [
    'SERVICE_REGISTRY.json: status of quotes is ["production"]: it must be a word',
    'SERVICE_REGISTRY.json: owner of quotes is {"name":"Ada"}: it must be a name',
    "SERVICE_REGISTRY.json: port of quotes is true: it must be a whole number from 1 to 65535",
  ]);
  const portOf = (port: unknown, more = {}) => registryEntries({ quotes: { port, ...more } })[0]?.port;
  for (const wrong of ["80 80", "0x50", "8080.5", [8080], "", -1, 65_536, {}, "8".repeat(400)]) assert.equal(portOf(wrong), null, JSON.stringify(wrong)); // prettier-ignore
  assert.deepEqual([portOf(" 8101 "), portOf(8101), portOf(null, { http_port: 8101 })], [8101, 8101, 8101]);
  const long = registryEntries({ quotes: { status: "live".repeat(10_000) } })[0];
  assert.equal(long?.status, null);
  assert.ok(long?.problems?.[0] && long.problems[0].length < 250);
  const [evil] = registryEntries(JSON.parse('{"__proto__":{"port":1},"constructor":{"status":"live"}}'));
  assert.equal(evil?.name, "__proto__");
});

test("an object or a list is its owner's, whatever its key, and is not replaced", () => {
  const before = '{"quotes":{"status":{"now":"live"},"phase":["x"],"updated":{},"port":8101}}';
  assert.equal(patch(before, { quotes: { status: "test", phase: "NEEDS_TESTS", port: 9000 } }), before);
});

test("Steward's own old word is replaced, an owner's for the same is kept", () => {
  const update = { status: "production (unknown)", phase: "PRODUCTION" };
  for (const word of ["production", "live", "In Production since May", "✅ Production (healthy)"]) {
    assert.match(patch(JSON.stringify({ quotes: { status: word } }), { quotes: update }), new RegExp(`"${word.replace(/[()]/g, "\\$&")}"`)); // prettier-ignore
  }
  const ours = JSON.stringify({ quotes: { status: "production (healthy)", phase: "PRODUCTION" } });
  assert.match(patch(ours, { quotes: update }), /"production \(unknown\)"/);
  assert.match(patch(ours, { quotes: { status: "ready for build", phase: "READY_FOR_BUILD" } }), /"ready for build"/);
  assert.match(patch(JSON.stringify({ quotes: { status: "live" } }), { quotes: { status: "tests failing" } }), /"tests failing"/); // prettier-ignore
});

test("only Steward's own values change, byte for byte", () => {
  const before = `{
    "metadata" : {"by":"Ada",   "n": 1e3},
  "services": [
\t{ "name": "quotes", "port": 8101, "status": "building",
      "tags": ["a","b"], "phase": "BUILD_IN_PROGRESS",
\t  "updated": "yesterday" },
    {"name":"other","status":"live"}
  ] }`;
  assert.equal(
    patch(before, { quotes: { status: "production", phase: "PRODUCTION", port: 9000 } }),
    before
      .replace('"building"', '"production"')
      .replace('"BUILD_IN_PROGRESS"', '"PRODUCTION"')
      .replace('"yesterday"', `"${stamp}"`),
  );
});

test("new keys stand at the end of their service, in its own layout", () => {
  assert.equal(
    patch('{\n\t"quotes": {\n\t\t"owner": "Ada"\n\t}\n}\n', { quotes: { status: "test", port: 8101 } }),
    `{\n\t"quotes": {\n\t\t"owner": "Ada",\n\t\t"status": "test",\n\t\t"port": 8101,\n\t\t"updated": "${stamp}"\n\t}\n}\n`,
  );
  assert.equal(
    patch('{"quotes":{"owner":"Ada","x":1}}', { quotes: { status: "test" } }),
    `{"quotes":{"owner":"Ada","x":1,"status":"test","updated":"${stamp}"}}`,
  );
  assert.equal(
    patch('{"quotes": {}}', { quotes: { status: "test" } }),
    `{"quotes": {"status": "test","updated": "${stamp}"}}`,
  );
});

test("Windows line ends, a byte-order mark and a missing last line end are kept", () => {
  const before = '\uFEFF{\r\n  "quotes": {\r\n    "owner": "Ada"\r\n  }\r\n}';
  assert.equal(
    patch(before, { quotes: { status: "test" } }),
    before.replace('"Ada"', `"Ada",\r\n    "status": "test",\r\n    "updated": "${stamp}"`),
  );
});

test("a port, and an owner's own wording for the same status, are left alone", () => {
  const before = '{"quotes":{"port":8101,"status":"✅ Production (healthy)","phase":"PRODUCTION"}}';
  assert.equal(patch(before, { quotes: { status: "production", phase: "PRODUCTION", port: 9000 } }), before);
  assert.match(patch('{"quotes":{"port":null}}', { quotes: { port: 9000 } }), /"port":9000/);
});

test("a name that stands for something else in the registry is not replaced", () => {
  for (const text of ['{"a":"http://example.com"}', '{"a":[1]}', '{"services":{"a":null}}', '{"config":{"x":1}}']) {
    assert.equal(
      patch(text, { a: { status: "test" }, config: { status: "test" } }).includes(text.slice(1, -2)),
      true,
      text,
    );
  }
  assert.equal(patch('{"a":"b"}', { a: { status: "test" } }), '{"a":"b"}');
});

test("nothing changed is nothing written: the time alone is no change", () => {
  const once = patch("{}\n", { quotes: { status: "build", phase: "READY_FOR_BUILD" } });
  assert.equal(
    patchRegistry(once, new Map([["quotes", { status: "build", phase: "READY_FOR_BUILD" }]]), { now: new Date() }),
    once,
  );
});

test("a service that is not listed is added, in the registry's shape", () => {
  assert.deepEqual(JSON.parse(patch("{}\n", { a: { status: "build" }, b: { status: "test" } })), {
    a: { status: "build", updated: stamp },
    b: { status: "test", updated: stamp },
  });
  assert.equal(
    patch('{\n  "services": [\n    {\n      "name": "a"\n    }\n  ]\n}\n', { b: { status: "test" } }),
    `{\n  "services": [\n    {\n      "name": "a"\n    },\n    {\n      "name": "b",\n      "status": "test",\n      "updated": "${stamp}"\n    }\n  ]\n}\n`,
  );
});

test("the result is always JSON that says the same, but for Steward's keys", () => {
  const texts = [
    '{"a":{"x":"\\"}, \\\\","status":"x"},"b":[1,{"y":{}}]}',
    '[ {"name":"a" , "e\\u0301":"\\ud83d\\ude80"} , 3 ]',
    '{"services":{}}',
    "[]",
    '{"a":{"status":1,"status":"two"}}',
    '{ "a" : { } , "__proto__" : { "z" : 1 } }',
  ];
  for (const text of texts) {
    const after = patch(text, { a: { status: "test" } });
    const entry = registryEntries(JSON.parse(after)).find(({ name }) => name === "a");
    assert.equal(entry?.status, "test", after);
  }
});

const bad = ["", "{ // comment\n}", '{"a":1,}', "nonsense", "7", '{"a":'];
for (const text of bad) {
  test(`a registry of ${JSON.stringify(text)} is reported and left alone`, async (t) => {
    const dir = folderWith(t, { "SERVICE_REGISTRY.json": text });
    const path = join(dir, "SERVICE_REGISTRY.json");
    await assert.rejects(
      updateRegistry(path, new Map([["a", { status: "test" }]]), { within: dir, now }),
      (error: Failure) => {
        assert.equal(error.code, "invalid");
        assert.match(error.message, /left as it is/);
        return true;
      },
    );
    assert.equal(readFileSync(path, "utf8"), text);
  });
}

test("a registry that is not UTF-8 is left alone", async (t) => {
  const dir = folderWith(t, { r: Buffer.from('{"a":{"owner":"J\xf6rg"}}', "latin1") });
  await assert.rejects(
    updateRegistry(join(dir, "r"), new Map([["a", { status: "x" }]]), { within: dir, now }),
    /not UTF-8/,
  );
});

test("a save by somebody else meanwhile is kept, and the update is made to it", async (t) => {
  const dir = folderWith(t, { r: '{"a":{"status":"build"}}' });
  const path = join(dir, "r");
  await updateRegistry(path, new Map([["a", { status: "test" }]]), {
    within: dir,
    now,
    beforeReplace: async (attempt) => {
      if (attempt === 1) writeFileSync(path, '{"a":{"status":"build","owner":"Ada"},"b":{}}');
    },
  });
  assert.deepEqual(JSON.parse(readFileSync(path, "utf8")), {
    a: { status: "test", owner: "Ada", updated: stamp },
    b: {},
  });
});

test("a file that never holds still is a conflict, and whole", async (t) => {
  const dir = folderWith(t, { r: "{}" });
  const path = join(dir, "r");
  const update = updateRegistry(path, new Map([["a", { status: "test" }]]), {
    within: dir,
    now,
    beforeReplace: async (attempt) => writeFileSync(path, `{"n":${attempt}}`),
  });
  await assert.rejects(update, (error: Failure) => error.code === "conflict");
  assert.equal(readFileSync(path, "utf8"), '{"n":5}');
});

test("the file's mode is kept, and a link inside is written through", async (t) => {
  const dir = folderWith(t, { "real.json": "{}" });
  chmodSync(join(dir, "real.json"), 0o640);
  symlinkSync("real.json", join(dir, "link.json"));
  await updateRegistry(join(dir, "link.json"), new Map([["a", { status: "test" }]]), { within: dir, now });
  assert.equal(statSync(join(dir, "real.json")).mode & 0o777, 0o640);
  assert.match(readFileSync(join(dir, "real.json"), "utf8"), /test/);
});

test("nothing is written through a link that leads out of the workspace", async (t) => {
  const dir = folderWith(t, { "inside/": "", "outside/r": "{}" });
  symlinkSync("../outside/r", join(dir, "inside/r"));
  symlinkSync("../outside", join(dir, "inside/folder"));
  mkdirSync(join(dir, "outside/x"));
  for (const path of ["inside/r", "inside/folder/x/new"]) {
    const update = updateRegistry(join(dir, path), new Map([["a", { status: "t" }]]), {
      within: join(dir, "inside"),
      now,
    });
    await assert.rejects(update, /leads out/);
  }
  assert.equal(readFileSync(join(dir, "outside/r"), "utf8"), "{}");
});

test("many services at once are the same as one after the other, in every shape, and take one reading", () => {
  const names = ["c", "a-b", "a_b", "A B", "new-1", "new_1", "d"];
  const updates = new Map(
    names.map((name, index) => [name, { status: `at ${index}`, phase: "X", port: 4000 + index }]),
  );
  for (const text of [
    `{}\n`,
    `[]`,
    `{"services": [{"name": "c", "status": "old"}, {"name": "a-b"}]}\n`,
    `{\n  "d": {},\n  "c": { "status": "old", "mine": 1 }\n}\n`,
    `{"a-b":{"status":"old"},"new-1":"taken"}`,
  ]) {
    const oneByOne = [...updates].reduce((before, [name, update]) => patchRegistry(before, new Map([[name, update]]), { now }), text); // prettier-ignore
    assert.deepEqual(JSON.parse(patchRegistry(text, updates, { now })), JSON.parse(oneByOne));
  }
  const many = new Map(
    Array.from({ length: 3_000 }, (_, index) => [`service ${index}`, { status: "new", phase: "X" }]),
  );
  const began = performance.now();
  const full = patchRegistry("{}\n", many, { now });
  const next = new Map([...many].map(([name]) => [name, { status: "old" }]));
  assert.equal(Object.keys(JSON.parse(patchRegistry(full, next, { now })) as object).length, 3_000);
  assert.ok(performance.now() - began < 3_000, "a registry of thousands must not be read once for each of them");
});
