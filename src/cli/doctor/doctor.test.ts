import assert from "node:assert/strict";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runSteward } from "#cli/testing.ts";
import { removeFolder } from "#system/testing.ts";
import type { Finding } from "./finding.ts";

/** An examined folder. */
async function examine(
  t: { after(fn: () => Promise<void>): void },
  { yaml = "", port, env = {} }: { yaml?: string; port: number; env?: Record<string, string> },
) {
  const folder = await mkdtemp(join(tmpdir(), "steward-doctor-"));
  t.after(() => removeFolder(folder));
  await mkdir(join(folder, "ws", "SERVICES", "quotes"), { recursive: true });
  await writeFile(join(folder, "ws", "SERVICES", "quotes", "SPEC.md"), "# Quotes\n");
  if (yaml !== "") await writeFile(join(folder, "ws", "steward.yaml"), yaml);
  const { code, stdout, stderr } = await runSteward(["doctor", "--json", "--workspace", join(folder, "ws")], {
    env: { STEWARD_HOME: join(folder, "home"), STEWARD_PORT: String(port), ...env },
  });
  assert.equal(stderr, "");
  const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: Finding[] };
  return { code, ok, of: (check: string) => findings.find((one) => one.check === check), findings };
}

test("a sound machine and workspace have nothing in the way", async (t) => {
  const { code, ok, of, findings } = await examine(t, { port: 0 });
  assert.deepEqual([code, ok], [0, true], JSON.stringify(findings.filter(({ level }) => level === "fail")));
  assert.equal(of("node")?.level, "ok");
  assert.equal(of("database")?.level, "ok");
  assert.match(of("workspace")?.found ?? "", /1 service in/);
});

test("what stands in the way is named, each with what to do, and is exit code 1", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as { port: number };
  try {
    const yaml = "coverage_floor: 200\n";
    const { code, ok, of, findings } = await examine(t, {
      yaml,
      port,
      env: { DATABASE_URL: "postgres://nobody:x@127.0.0.1:1/none" },
    });
    assert.deepEqual([code, ok], [1, false]);
    assert.equal(of("database")?.level, "fail");
    assert.doesNotMatch(JSON.stringify(findings), /nobody:x@/);
    assert.match(of("server")?.found ?? "", new RegExp(`port ${port} is in use`));
    assert.match(of("settings")?.found ?? "", /coverage_floor/);
    for (const { level, next } of findings) assert.ok(level === "ok" || next);
  } finally {
    other.close();
  }
});

test("an agent whose program is missing is named, and so is an environment that it asks for", async (t) => {
  const yaml =
    "agents:\n  mine:\n    command: [no-such-program, --fast]\n    capabilities: [builder]\n    env: [MY_KEY]\n";
  const { code, findings } = await examine(t, { yaml, port: 0 });
  assert.equal(code, 0);
  const said = findings.filter(({ check }) => check === "agent mine").map(({ found }) => found);
  assert.deepEqual(said, ["its program no-such-program is not on PATH", "MY_KEY is not set"]);
});
