import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { initWorkspace } from "./init.ts";
import { readStewardYaml } from "./steward-yaml.ts";
import { completeSpec, folderWith, pythonBuild, service } from "./tree.fixture.ts";

const now = new Date("2026-03-01T12:00:00Z");

test("an empty folder becomes a workspace: commented settings and a place for services", async (t) => {
  const dir = folderWith(t, {});
  const found = await initWorkspace(dir, { write: true, now });
  assert.deepEqual(found, {
    root: dir,
    folder: join(dir, "SERVICES"),
    wrote: ["steward.yaml", "SERVICES/"],
    services: [],
    agents: [],
    git: false,
    problems: [],
  });
  assert.deepEqual(parse(readFileSync(join(dir, "steward.yaml"), "utf8")), { services: "SERVICES", drafting: false });
  assert.deepEqual(readStewardYaml(dir).problems, []);
});

test("it says what it found, and writes over nothing", async (t) => {
  const dir = folderWith(t, {
    ...service("quotes", { "SPEC.md": completeSpec, ...pythonBuild }),
    ...service("idea", { "README.md": "x" }),
    "steward.yaml": "# mine\nagents: { a: { command: [x] } }\n",
    "claude_sessions.json": "{}",
    ".git/HEAD": "",
  });
  const found = await initWorkspace(dir, { write: true, now });
  assert.deepEqual(found.wrote, []);
  assert.deepEqual(
    found.services.map(({ name, phase, stack }) => [name, phase, stack]),
    [
      ["idea", "NEEDS_SPEC", null],
      ["quotes", "NEEDS_TESTS", "python"],
    ],
  );
  assert.deepEqual(found.agents, ["steward.yaml", "claude_sessions.json"]);
  assert.equal(found.git, true);
  assert.match(readFileSync(join(dir, "steward.yaml"), "utf8"), /^# mine/);
});

test("a folder that is itself one of services stays so, and its settings say it", async (t) => {
  const dir = folderWith(t, { "quotes/SPEC.md": completeSpec, "docs/x.md": "" });
  const found = await initWorkspace(dir, { write: true, now });
  assert.equal(found.folder, dir);
  assert.deepEqual(found.wrote, ["steward.yaml"]);
  assert.equal(readStewardYaml(dir).services, ".");
  assert.deepEqual((await initWorkspace(dir, { write: false, now })).services, found.services);
});

test("a folder of other things does not become a service for each of them", async (t) => {
  const dir = folderWith(t, { "photos/a.jpg": "", "notes/b.md": "" });
  const found = await initWorkspace(dir, { write: true, now });
  assert.deepEqual([found.services, found.wrote], [[], ["steward.yaml", "SERVICES/"]]);
});

test("without write, it only says what it would do", async (t) => {
  const dir = folderWith(t, {});
  const found = await initWorkspace(dir, { write: false, now });
  assert.deepEqual(found.wrote, ["steward.yaml", "SERVICES/"]);
  assert.deepEqual(readdirSync(dir), []);
  assert.equal(existsSync(join(dir, "SERVICES")), false);
});

test("a folder that is not there fails with not_found", async () => {
  await assert.rejects(initWorkspace("/nowhere/at/all", { write: true, now }), { code: "not_found" });
});
