import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Command } from "commander";
import { gateHashOf } from "#lines/service/control.ts";
import { contentHash } from "#proof/content-hash.ts";
import { stoppedClock } from "#system/clock.ts";
import type { Failure } from "#system/failure.ts";
import { completeSpec, folderWith, pythonBuild, service, writeFiles, type Files } from "#workspace/tree.fixture.ts";
import { rememberVerdict } from "#workspace/verdicts-file.ts";
import { registerScan, scanWorkspace, type ScanRow } from "./scan.ts";

/** Each row by its service's name. */
async function scanned(dir: string): Promise<Record<string, ScanRow>> {
  const { rows } = await scanWorkspace(dir);
  return Object.fromEntries(rows.map((row) => [row.service, row]));
}

const phases = async (dir: string) =>
  Object.fromEntries(Object.entries(await scanned(dir)).map(([name, { phase }]) => [name, phase]));

const pythonApp: Files = {
  "app/main.py": "x = 1\n",
  "app/__init__.py": "",
  "requirements.txt": "flask\n",
  Dockerfile: "FROM python\n",
  ".env.example": "A=\n",
};
const tests: Files = { "tests/test_main.py": "def test_x(): pass\n" };

test("trees as people have them are each in their phase", async (t) => {
  const dir = folderWith(t, {
    ...service("spec-at-root-with-app", { "SPEC.md": completeSpec, ...pythonApp, ...tests }),
    ...service("specs-with-build", { "SPECS.md": completeSpec, ...pythonBuild, "BUILD/tests/test_main.py": "x" }),
    ...service("spec-in-docs", { "docs/spec.md": completeSpec }),
    ...service("spec-in-specs", { "SPECS/SPEC.md": completeSpec, "BUILD/README.md": "soon" }),
    ...service("no-spec", { "src/main.py": "x = 1" }),
    ...service("readme-only", { "README.md": "# Idea\n\nSee how the build in progress badge works.\n" }),
    ...service("empty", { "./": "" }),
    ...service("template", { "SPEC.md": completeSpec.replace("Gives out quotes.", "[What problem does it solve?]") }),
    ...service("no-dockerfile", { "SPEC.md": completeSpec, ...pythonApp, ...tests, Dockerfile: "" }),
    ...service("untested", { "SPEC.md": completeSpec, ...pythonApp }),
    ...service("being-built", {
      "SPEC.md": completeSpec,
      "README.md": "# X\n\n🚧 **BUILD IN PROGRESS** by Session #4\n",
    }),
    ...service("shipped", { "SPEC.md": completeSpec, ...pythonBuild, "PRODUCTION/deployed_config.json": "{}" }),
    ...service("shipped-by-registry", { "SPEC.md": completeSpec, ...pythonBuild }),
    ...service("rust-unit-tests", {
      "SPEC.md": completeSpec,
      "Cargo.toml": "[package]",
      "src/main.rs": "fn main() {}\n#[cfg(test)]\nmod tests {\n #[test]\n fn works() {}\n}\n",
      Dockerfile: "",
      ".env.example": "",
    }),
    ...service("_template", { "SPEC.md": completeSpec }),
    ...service(".hidden", { "SPEC.md": completeSpec }),
    ...service("node_modules", { "x/SPEC.md": completeSpec }),
    "SERVICES/README.md": "not a service",
    "SERVICES/SERVICE_REGISTRY.json": JSON.stringify({
      services: [{ name: "Shipped By Registry", status: "✅ Production" }],
    }),
  });
  assert.deepEqual(await phases(dir), {
    "being-built": "BUILD_IN_PROGRESS",
    empty: "NEEDS_SPEC",
    "no-dockerfile": "READY_FOR_TEST",
    "no-spec": "NEEDS_SPEC",
    "readme-only": "NEEDS_SPEC",
    "rust-unit-tests": "READY_FOR_TEST",
    shipped: "PRODUCTION",
    "shipped-by-registry": "PRODUCTION",
    "spec-at-root-with-app": "READY_FOR_TEST",
    "spec-in-docs": "READY_FOR_BUILD",
    "spec-in-specs": "READY_FOR_BUILD",
    "specs-with-build": "READY_FOR_TEST",
    template: "SPEC_INCOMPLETE",
    untested: "NEEDS_TESTS",
  });
});

test("a row says service, path, stage, phase, reasons, needs and stack, and nothing else", async (t) => {
  const dir = folderWith(t, service("quotes", { "SPEC.md": completeSpec, ...pythonBuild }));
  assert.deepEqual((await scanWorkspace(dir)).rows, [
    {
      service: "quotes",
      path: join(dir, "SERVICES/quotes"),
      stage: "TEST",
      phase: "NEEDS_TESTS",
      reasons: ["there are no tests: put them in BUILD/tests/, or state the test command in steward.yaml"],
      needs: "tester",
      stack: "python",
    },
  ]);
});

test("a workspace, a folder of services and one service can be named alike", async (t) => {
  const dir = folderWith(t, { ...service("a", { "SPEC.md": completeSpec }), ...service("b", { "README.md": "x" }) });
  const all = { a: "READY_FOR_BUILD", b: "NEEDS_SPEC" };
  assert.deepEqual(await phases(dir), all);
  assert.deepEqual(await phases(join(dir, "SERVICES")), all);
  assert.deepEqual(await phases(join(dir, "SERVICES/a")), { a: "READY_FOR_BUILD" });
});

test("a hundred mixed services are each judged by themselves, in the order of their names", async (t) => {
  const kinds: [string, Files][] = [
    ["NEEDS_SPEC", { "README.md": "x" }],
    ["SPEC_INCOMPLETE", { "SPEC.md": "# Idea\n\n## Purpose\nTBD\n" }],
    ["READY_FOR_BUILD", { "SPEC.md": completeSpec }],
    ["BUILD_INCOMPLETE", { "SPEC.md": completeSpec, "BUILD/src/main.py": "x" }],
    ["NEEDS_TESTS", { "SPEC.md": completeSpec, ...pythonBuild }],
    ["READY_FOR_TEST", { "SPEC.md": completeSpec, ...pythonApp, ...tests }],
    ["PRODUCTION", { "SPEC.md": completeSpec, ...pythonApp, ...tests, "PRODUCTION/": "" }],
  ];
  const wanted: [string, string][] = [];
  const files: Files = {};
  for (let index = 0; index < 100; index++) {
    const [phase, tree] = kinds[index % kinds.length]!;
    const name = `service-${String(index).padStart(3, "0")}`;
    wanted.push([name, phase]);
    Object.assign(files, service(name, tree));
  }
  const { rows } = await scanWorkspace(folderWith(t, files));
  assert.deepEqual(
    rows.map(({ service: name, phase }) => [name, phase]),
    wanted,
  );
  assert.ok(rows.every(({ reasons }) => reasons.length > 0));
});

test("one bad service is a reason on that service, and the rest are unharmed", async (t) => {
  const outside = folderWith(t, { "SPEC.md": completeSpec, "secret/SPEC.md": completeSpec });
  const dir = folderWith(t, {
    ...service("good", { "SPEC.md": completeSpec }),
    ...service("spec-is-a-folder", { "SPEC.md/x": "" }),
    ...service("huge-spec", { "SPEC.md": completeSpec + "\nMore words.\n".repeat(200_000) }),
    ...service("binary-spec", { "SPEC.md": Buffer.from([0x89, 0x50, 0, 0, 1, 2]) }),
    ...service("binary-readme", { "SPEC.md": completeSpec, "README.md": Buffer.from([0, 1, 2, 3]) }),
    ...service("bad-yaml", { "SPEC.md": `---\nport: [8000\n---\n${completeSpec}` }),
    ...service("bad-port", { "SPEC.md": `---\nport: 99999999\n---\n${completeSpec}` }),
    ...service("name with spaces", { "SPEC.md": completeSpec }),
    ...service('🚀 rocket\'s "app"', { "SPEC.md": completeSpec }),
    ...service("pipe", { "README.md": "x" }),
    ...service("link-out", { "README.md": "x" }),
    ...service("link-nowhere", { "README.md": "x" }),
    ...service("link-to-itself", { "README.md": "x" }),
    ...service("link-inside", { "README.md": "x" }),
    ...service("loop", { "SPEC.md": completeSpec, "src/main.py": "x" }),
    ...service("folder-link-out", { "SPEC.md": completeSpec }),
    "shared/SPEC.md": completeSpec,
  });
  const at = (...path: string[]) => join(dir, "SERVICES", ...path);
  assert.equal(spawnSync("mkfifo", [at("pipe", "SPEC.md")]).status, 0);
  symlinkSync(join(outside, "SPEC.md"), at("link-out", "SPEC.md"));
  symlinkSync("nothing-here", at("link-nowhere", "SPEC.md"));
  symlinkSync("SPEC.md", at("link-to-itself", "SPEC.md"));
  symlinkSync("../../shared/SPEC.md", at("link-inside", "SPEC.md"));
  symlinkSync("..", at("loop", "src", "again"));
  symlinkSync(join(outside, "secret"), at("folder-link-out", "src"));
  symlinkSync(join(outside, "secret"), at("whole-service-is-a-link-out"));
  symlinkSync("gone", at("whole-service-leads-nowhere"));
  writeFileSync(at("a-file"), "x");

  const rows = await scanned(dir);
  const wanted: Record<string, [string, RegExp]> = {
    good: ["READY_FOR_BUILD", /complete/],
    "spec-is-a-folder": ["UNKNOWN", /SPEC\.md is a folder/],
    "huge-spec": ["READY_FOR_BUILD", /larger than 1 MiB/],
    "binary-spec": ["UNKNOWN", /SPEC\.md is not text/],
    "binary-readme": ["READY_FOR_BUILD", /README\.md is not text/],
    "bad-yaml": ["SPEC_INCOMPLETE", /front matter cannot be read/],
    "bad-port": ["READY_FOR_BUILD", /port must be a port from 1 to 65535/],
    "name with spaces": ["READY_FOR_BUILD", /complete/],
    '🚀 rocket\'s "app"': ["READY_FOR_BUILD", /complete/],
    pipe: ["UNKNOWN", /SPEC\.md is a pipe/],
    "link-out": ["UNKNOWN", /leads out of the workspace/],
    "link-nowhere": ["UNKNOWN", /leads nowhere/],
    "link-to-itself": ["UNKNOWN", /leads nowhere/],
    "link-inside": ["READY_FOR_BUILD", /complete/],
    loop: ["BUILD_INCOMPLETE", /Dockerfile/],
    "folder-link-out": ["READY_FOR_BUILD", /src is a link that leads out/],
    "whole-service-is-a-link-out": ["UNKNOWN", /leads out of the workspace/],
    "whole-service-leads-nowhere": ["UNKNOWN", /cannot be read/],
  };
  assert.deepEqual(Object.keys(rows).toSorted(), Object.keys(wanted).toSorted());
  for (const [name, [phase, reason]] of Object.entries(wanted)) {
    assert.equal(rows[name]!.phase, phase, `${name}: ${rows[name]!.reasons.join("; ")}`);
    assert.ok(
      rows[name]!.reasons.some((text) => reason.test(text)),
      `${name}: ${rows[name]!.reasons.join("; ")}`,
    );
  }
});

test("a file that may not be read is a reason, for whoever that is true of", async (t) => {
  const dir = folderWith(t, {
    ...service("a", { "SPEC.md": completeSpec }),
    ...service("b", { "SPEC.md": completeSpec }),
  });
  chmodSync(join(dir, "SERVICES/a/SPEC.md"), 0);
  const rows = await scanned(dir);
  // The superuser may read it all the same; everybody else is told.
  if (process.getuid?.() === 0) assert.equal(rows.a!.phase, "READY_FOR_BUILD");
  else assert.deepEqual([rows.a!.phase, rows.a!.reasons], ["UNKNOWN", ["SPEC.md cannot be read: permission denied"]]);
  assert.equal(rows.b!.phase, "READY_FOR_BUILD");
});

test("a claim to be building is believed for 24 hours after the README was written", async (t) => {
  const dir = folderWith(t, service("a", { "SPEC.md": completeSpec, "README.md": "# A\n\nStatus: Building\n" }));
  const written = new Date("2026-03-01T12:00:00Z");
  utimesSync(join(dir, "SERVICES/a/README.md"), written, written);
  const at = async (time: string) => (await scanWorkspace(dir, { clock: stoppedClock(time) })).rows[0]!.phase;
  assert.equal(await at("2026-03-02T11:59:00Z"), "BUILD_IN_PROGRESS");
  assert.equal(await at("2026-03-02T12:01:00Z"), "READY_FOR_BUILD");
});

test("a stored verdict counts for the content and the settings that it judged by, and for no others", async (t) => {
  const dir = folderWith(t, service("a", { "SPEC.md": completeSpec, ...pythonApp, ...tests }));
  const path = join(dir, "SERVICES/a");
  const hash = await contentHash(path);
  const settingsHash = gateHashOf({ settings: { coverageFloor: 80 }, pinned: {} });
  const say = (ok: boolean, kind: "tests_failing" | "coverage_low" | null, reason: string) =>
    rememberVerdict(
      dir,
      "a",
      { gate: "tests", contentHash: hash, settingsHash, ok, reasons: [reason], facts: { kind, durationMs: 5 } },
      { at: new Date() },
    );
  await say(false, "tests_failing", "3 of 12 tests fail");
  assert.deepEqual((await scanned(dir)).a!.reasons, ["3 of 12 tests fail"]);
  assert.deepEqual([(await scanned(dir)).a!.phase, (await scanned(dir)).a!.needs], ["TESTS_FAILING", "fixer"]);
  await say(false, "coverage_low", "coverage is 61 %");
  assert.equal((await scanned(dir)).a!.phase, "NEEDS_TESTS");
  await say(true, null, "12/12 tests pass");
  assert.deepEqual([(await scanned(dir)).a!.phase, (await scanned(dir)).a!.needs], ["READY_FOR_DEPLOY", "devops"]);
  writeFiles(dir, { "steward.yaml": "deploy: { target: process }\n" });
  assert.deepEqual([(await scanned(dir)).a!.phase, (await scanned(dir)).a!.needs], ["READY_FOR_DEPLOY", null]);
  writeFiles(dir, { "steward.yaml": "coverage_floor: 95\n" });
  assert.equal((await scanned(dir)).a!.phase, "READY_FOR_TEST", "it was judged by another floor");
  writeFiles(dir, { "steward.yaml": "" });
  writeFiles(path, { "app/main.py": "x = 2\n" });
  assert.equal((await scanned(dir)).a!.phase, "READY_FOR_TEST");
});

test("steward.yaml names the folder, lets agents draft, and says more of single services", async (t) => {
  const dir = folderWith(t, {
    "steward.yaml":
      "services: apps\ndrafting: true\nservice:\n  a:\n    stack: java\n    test: mvn test\n    port: many\n",
    "apps/a/SPEC.md": completeSpec,
    "apps/a/src/Main.java": "class Main {}",
    "apps/b/README.md": "x",
  });
  const { a, b } = await scanned(dir);
  assert.deepEqual([a!.phase, a!.stack, b!.needs], ["READY_FOR_TEST", "java", "architect"]);
  assert.ok(a!.reasons.includes("steward.yaml: port must be a port from 1 to 65535"));
});

test("the folder of services, and one service, alone are in the phase that they have in their workspace", async (t) => {
  const dir = folderWith(t, {
    "steward.yaml": "service: { a: { test: make test } }\n",
    ...service("a", { "SPEC.md": completeSpec, ...pythonApp }),
  });
  for (const path of [dir, join(dir, "SERVICES"), join(dir, "SERVICES/a")]) {
    assert.deepEqual(await phases(path), { a: "READY_FOR_TEST" }, path);
  }
});

test("a service may be called like a folder of tools, and one service keeps its spec in docs", async (t) => {
  const dir = folderWith(t, {
    ...service("build", { "SPEC.md": completeSpec }),
    ...service("vendor", { "docs/SPEC.md": completeSpec, "go.mod": "" }),
  });
  assert.deepEqual(await phases(dir), { build: "READY_FOR_BUILD", vendor: "BUILD_INCOMPLETE" });
  assert.deepEqual(await phases(join(dir, "SERVICES/vendor")), { vendor: "BUILD_INCOMPLETE" });
});

test("a steward.yaml or registry that cannot be read is told, and the services are read all the same", async (t) => {
  const dir = folderWith(t, {
    "steward.yaml": "a: [",
    "SERVICES/SERVICE_REGISTRY.json": "{ // mine\n}",
    ...service("a", { "SPEC.md": completeSpec }),
  });
  const { rows, problems } = await scanWorkspace(dir);
  assert.equal(rows[0]!.phase, "READY_FOR_BUILD");
  assert.match(problems.join("\n"), /steward\.yaml is not YAML[^]*SERVICE_REGISTRY\.json is not JSON/);
});

test("scanning changes nothing", async (t) => {
  const dir = folderWith(t, {
    ...service("a", { "SPEC.md": completeSpec, ...pythonApp, ...tests }),
    ...service("b", { "x.md": "" }),
  });
  const state = () =>
    readdirSync(dir, { recursive: true, encoding: "utf8" })
      .toSorted()
      .map((path) => {
        const stat = statSync(join(dir, path));
        return [path, stat.mtimeMs, stat.isFile() ? readFileSync(join(dir, path), "utf8") : ""];
      });
  const before = state();
  await scanWorkspace(dir);
  assert.deepEqual(state(), before);
});

test("a folder that is not there fails with not_found and says what to do", async () => {
  await assert.rejects(scanWorkspace("/nowhere/at/all"), (error: Failure) => {
    assert.equal(error.code, "not_found");
    assert.match(error.message, /\/nowhere\/at\/all .*Name a folder/);
    return true;
  });
});

/** What `steward scan` prints. */
async function printed(...args: string[]): Promise<string> {
  let out = "";
  const program = new Command().exitOverride();
  registerScan(program, { print: (text) => (out += text) });
  await program.parseAsync(["scan", ...args], { from: "user" });
  return out;
}

test("the table is aligned, wide letters and all, without colours or control codes", async (t) => {
  const dir = folderWith(t, {
    ...service("🚀 one", { "SPEC.md": completeSpec }),
    ...service("日本", { "README.md": "x" }),
    ...service("plain\u001b[31m", { "README.md": "x" }),
  });
  const text = await printed(dir);
  const starts = text.split("\n").map((line) => line.replace(/(READY_FOR_BUILD|NEEDS_SPEC).*$/, "$1"));
  assert.deepEqual(starts.slice(1, 4), [
    "plain [31m  NEEDS_SPEC",
    "日本        NEEDS_SPEC",
    "🚀 one      READY_FOR_BUILD",
  ]);
  assert.ok(!text.includes("\u001b"));
});

test("--json prints the rows, an empty list for an empty workspace", async (t) => {
  const dir = folderWith(t, service("a", { "SPEC.md": completeSpec }));
  assert.deepEqual(JSON.parse(await printed(dir, "--json")), (await scanWorkspace(dir)).rows);
  mkdirSync(join(dir, "none"));
  assert.equal(await printed(join(dir, "none"), "--json"), "[]\n");
  assert.match(await printed(join(dir, "none")), /steward init/);
});

test("a registry that is saved again is read again", async (t) => {
  const dir = folderWith(t, service("a", { "SPEC.md": completeSpec }));
  const path = join(dir, "SERVICES/SERVICE_REGISTRY.json");
  for (const [text, phase] of [
    ["{}", "READY_FOR_BUILD"],
    ['{"a":{"status":"live"}}', "PRODUCTION"],
    ['{"a":{"status":"idea"}}', "READY_FOR_BUILD"],
    ["{", "READY_FOR_BUILD"],
  ] as const) {
    writeFileSync(path, text);
    assert.deepEqual(await phases(dir), { a: phase }, text);
  }
});

test("Steward's own old word in a registry keeps nothing in production, and wrong types are told on their service alone", async (t) => {
  const names = ["ours", "theirs", "wrong", "fine"];
  const dir = folderWith(t, {
    ...Object.assign({}, ...names.map((name) => service(name, { "SPEC.md": completeSpec }))),
    "SERVICES/SERVICE_REGISTRY.json": JSON.stringify({
      ours: { status: "production (unknown)", phase: "PRODUCTION", updated: "2025-01-01T00:00:00Z" },
      theirs: { status: "Production (healthy)" },
      wrong: { status: { now: "production" }, port: "eighty", owner: ["Ada"] },
      fine: { status: "idea", port: "8101" },
    }),
  });
  const { rows, problems } = await scanWorkspace(dir);
  assert.deepEqual(problems, []);
  const of = Object.fromEntries(rows.map((row) => [row.service, row]));
  assert.deepEqual(
    names.map((name) => of[name]?.phase),
    ["READY_FOR_BUILD", "PRODUCTION", "READY_FOR_BUILD", "READY_FOR_BUILD"],
  );
  assert.match(of["wrong"]!.reasons.join("\n"), /port of wrong is "eighty": it must be a whole number from 1 to 65535/);
  assert.ok(names.filter((name) => name !== "wrong").every((name) => !of[name]!.reasons.join().includes("must be")));
});

test("a production's records count, and a log of what failed or a record of what ended is no production", async (t) => {
  const records: Record<string, [Files, "PRODUCTION" | "READY_FOR_TEST"]> = {
    "empty-folder": [{ "PRODUCTION/": "" }, "PRODUCTION"],
    "record-without-status": [{ "PRODUCTION/deployed_config.json": "{}" }, "PRODUCTION"],
    "record-that-cannot-be-read": [{ "PRODUCTION/deployed_config.json": "{" }, "PRODUCTION"],
    "record-of-what-serves": [{ "PRODUCTION/deployed_config.json": '{"status":"production"}' }, "PRODUCTION"],
    "anything-of-the-owners": [{ "PRODUCTION/deployment_log.md": "x", "PRODUCTION/notes.txt": "x" }, "PRODUCTION"],
    "only-a-log": [{ "PRODUCTION/deployment_log.md": "- did not deploy v1: it was sick" }, "READY_FOR_TEST"],
    "record-of-what-failed": [{ "PRODUCTION/deployed_config.json": '{"status":"failed"}' }, "READY_FOR_TEST"],
    "record-of-what-was-stopped": [
      { "PRODUCTION/deployed_config.json": '{"status":"stopped"}', "PRODUCTION/deployment_log.md": "- stopped" },
      "READY_FOR_TEST",
    ],
  };
  const built = { "SPEC.md": completeSpec, ...pythonApp, ...tests };
  const trees = Object.entries(records).map(([name, [files]]) => service(name, { ...built, ...files }));
  const wanted = Object.fromEntries(Object.entries(records).map(([name, [, phase]]) => [name, phase]));
  assert.deepEqual(await phases(folderWith(t, Object.assign({}, ...trees))), wanted);
});
