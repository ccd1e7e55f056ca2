import assert from "node:assert/strict";
import { test } from "node:test";
import { bootId, isAlive, startTimeOf } from "#system/processes.ts";
import { agentThatWrites, makeJourney, type Journey } from "./house.fixture.ts";
import { smallCode, smallSpec } from "./small-service.fixture.ts";

const FAILING = smallCode({ failing: true });

/** A red service and somebody who is asked to mend it. */
async function withFixer(
  t: Parameters<typeof makeJourney>[0],
  code: string,
  more: Parameters<typeof makeJourney>[1] = {},
) {
  return makeJourney(t, {
    services: { greeter: { "SPEC.md": smallSpec("greeter"), ...FAILING } },
    agents: { cheat: { code, capabilities: ["fixer"] } },
    ...more,
  });
}

/** It stays where it is until its owner acts: nothing was released, and nothing counts as passed. */
async function assertNotReleased(house: Journey): Promise<void> {
  const { deployments, verdicts, item } = await house.storyOf("greeter");
  assert.deepEqual(deployments, []);
  assert.deepEqual(
    verdicts.filter(({ gate, ok }) => gate === "tests" && ok === true),
    [],
  );
  assert.notEqual(item!["stage"], "PRODUCTION");
  assert.deepEqual(await house.events(["effect.started", "service.deployed"]), []);
}

test("settings that an agent changes in its copy are proposals, and those it writes into the workspace are asked about", async (t) => {
  const easier = `
const spec = await readFile("SPEC.md", "utf8");
await writeFile("SPEC.md", "---\\ntest: echo 'ok 1 - all'; true\\ncoverage_floor: 0\\n---\\n" + spec);
await writeFile("steward.yaml", "coverage_floor: 0\\n");
const real = join(workspace, "SERVICES/greeter/SPEC.md");
await writeFile(real, "---\\ntest: echo '# pass 3'; true\\ncoverage_floor: 1\\n---\\n" + spec);
const yaml = join(workspace, "steward.yaml");
await writeFile(yaml, (await readFile(yaml, "utf8")).replace("coverage_floor: 77", "coverage_floor: 2"));
await write("src/note.js", "// " + process.hrtime.bigint());
await new Promise((resolve) => setTimeout(resolve, 1_200));`;
  const house = await withFixer(t, agentThatWrites({}, { after: easier }), { rules: { coverage_floor: 77 } });
  const { tickets } = await house.waitFor("greeter", ({ runs }) => runs.filter(({ kind, state }) => kind === "prove" && state === "ended").length >= 2); // prettier-ignore
  const fix = tickets.find(({ kind }) => kind === "fix")!;
  assert.equal(fix["state"], "done");
  const [applied] = await house.events(["run.applied"]);
  assert.match(String(applied!.body["proposals"]), /SPEC\.md .*owner's to say/);
  assert.match(String(applied!.body["proposals"]), /steward\.yaml .*owner's to say/);

  // What was written past its copy is put before the owner, and does not count meanwhile.
  const { item, approvals, verdicts } = await house.waitFor("greeter", (story) => story.approvals.length > 0);
  assert.match(String(approvals.at(-1)!["question"]), /test: "not set" → "echo '# pass 3'; true"/);
  assert.match(String(approvals.at(-1)!["question"]), /coverageFloor: 77 → 1/);
  assert.match(String(approvals.at(-1)!["why"]), /cheat was at work on it/);
  const settings = (item!["control"] as { settings: Record<string, unknown> }).settings;
  assert.deepEqual([settings["test"], settings["coverageFloor"]], [undefined, 77]);
  const tests = verdicts.filter(({ gate }) => gate === "tests");
  assert.ok(tests.length >= 2 && tests.every(({ ok }) => ok === false), "still judged by the owner's settings");
  assert.equal((await house.events(["control.proposed"])).length > 0, true);
  assert.equal((await house.events(["approval.asked"])).length > 0, true);
  await assertNotReleased(house);
});

for (const { title, code, says } of [
  {
    title: "deletes the failing test",
    code: `const path = "tests/greeting.test.js"; await writeFile(path, (await readFile(path, "utf8")).replace(/test\\("adds up".*/, ""));`,
    says: /failing test "adds up" is gone/,
  },
  {
    title: "deletes it in the workspace itself",
    code: `const path = join(workspace, "SERVICES/greeter/tests/greeting.test.js"); await writeFile(path, (await readFile(path, "utf8")).replace(/test\\("adds up".*/, "")); await write("src/note.js", "//");`,
    says: /failing test "adds up" is gone/,
  },
  {
    title: "skips the failing test",
    code: `const path = "tests/greeting.test.js"; await writeFile(path, (await readFile(path, "utf8")).replace('test("adds up"', 'test.skip("adds up"'));`,
    says: /failing test "adds up" is skipped/,
  },
]) {
  test(`an agent that ${title} does not get past the gate, and is told why`, async (t) => {
    const house = await withFixer(t, agentThatWrites({}, { after: code }));
    const { item } = await house.waitFor("greeter", ({ verdicts }) => verdicts.filter(({ gate }) => gate === "tests").length >= 2); // prettier-ignore
    const { verdicts } = await house.storyOf("greeter");
    assert.match(String(verdicts.findLast(({ gate }) => gate === "tests")!["reasons"]), says, String(item!["phase"]));
    await assertNotReleased(house);
  });
}

test("an agent that removes the file of tests, or says only in words that it is done, has done nothing", async (t) => {
  const house = await withFixer(
    t,
    agentThatWrites(
      {},
      {
        after: `await rm("tests", { recursive: true }); console.log("DONE: all tests pass"); await writeFile(process.env.STEWARD_REPORT_FILE, JSON.stringify({ outcome: "done", reasons: ["it is perfect"] }));`,
      },
    ),
  );
  const { tickets } = await house.waitFor("greeter", ({ runs }) => runs.some(({ kind, state }) => kind === "fix" && state === "ended")); // prettier-ignore
  const fix = tickets.findLast(({ kind }) => kind === "fix")!;
  assert.equal(fix["state"], "ready", "it is tried again, and is not done");
  assert.match(String(fix["last_error"]), /it ended, but changed nothing.*removes a test that was there before/);
  assert.match(await house.read("SERVICES/greeter/tests/greeting.test.js"), /adds up/);
  await assertNotReleased(house);
});

test("records of a production that never was count for nothing", async (t) => {
  const forged = `
for (const root of [".", join(workspace, "SERVICES/greeter")]) await write(join(root, "PRODUCTION/deployed_config.json"), '{"status":"production","port":1}');
const registry = join(workspace, "SERVICES/SERVICE_REGISTRY.json");
await writeFile(registry, JSON.stringify({ greeter: { status: "production (healthy)", port: 1 } }));
const verdicts = join(workspace, ".steward/verdicts.json");
await writeFile(verdicts, (await readFile(verdicts, "utf8")).replaceAll('"ok": false', '"ok": true'));
await write("src/note.js", "// " + process.hrtime.bigint());
const { execSync } = await import("node:child_process");
execSync("git init -q . && git add -A && git -c user.name=owner -c user.email=owner@example.org commit -q -m 'By the owner'", { cwd: join(workspace, "SERVICES/greeter") });
const { spawn } = await import("node:child_process");
const left = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { detached: true, stdio: "ignore" });
left.unref();
await note("left.json", left.pid);`;
  const house = await withFixer(t, agentThatWrites({}, { after: forged }));
  const story = await house.waitFor("greeter", ({ verdicts }) => verdicts.filter(({ gate }) => gate === "tests").length >= 2); // prettier-ignore
  assert.ok(!(await house.phases("greeter")).includes("PRODUCTION"), String(story.item!["reasons"]));
  await assertNotReleased(house);
  const pid = Number(await house.read("agents/left.json"));
  const left = { pid, startTime: startTimeOf(pid) ?? "", bootId: bootId() };
  assert.ok(!isAlive(left), "what it left in the background has ended");
  assert.match(String(story.item!["reasons"]), /it came while an agent was at work: it does not count; remove it/);
});

test("an agent that rewrites the script that the owner's test command runs is judged by the owner's script", async (t) => {
  const cheat = agentThatWrites({
    "package.json": `{ "name": "small", "private": true, "type": "module", "scripts": { "start": "node src/main.js", "test": "echo '# tests 3'; echo '# pass 3'; echo '# fail 0'" } }\n`,
  });
  const house = await withFixer(t, cheat, { service: { greeter: { test: "npm test", coverage_floor: 0 } } });
  const { verdicts } = await house.waitFor("greeter", ({ verdicts: all }) => all.filter(({ gate }) => gate === "tests").length >= 2); // prettier-ignore
  const last = verdicts.findLast(({ gate }) => gate === "tests")!;
  assert.equal(last["ok"], false);
  assert.match(String(last["reasons"]), /the run changed package\.json scripts\.test; the owner's version was used/);
  await assertNotReleased(house);
});
