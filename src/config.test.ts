import assert from "node:assert/strict";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { deployRulesOf, readRules, readSettings, tellProblem } from "#config.ts";
import { Failure } from "#system/failure.ts";
import { removeFolder } from "#system/testing.ts";

async function workspace(t: { after(fn: () => Promise<void>): void }, text?: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "steward-config-"));
  t.after(() => removeFolder(folder));
  if (text !== undefined) await writeFile(join(folder, "steward.yaml"), text);
  return folder;
}

test("all that is wrong with the environment is said at once", async (t) => {
  const folder = await workspace(t);
  assert.throws(
    () => readSettings({ DATABASE_URL: "mysql://x", STEWARD_PORT: "99999", STEWARD_HOST: "0.0.0.0" }, folder),
    (error) =>
      error instanceof Failure &&
      ["DATABASE_URL", "STEWARD_PORT", "STEWARD_HOST"].every((name) => error.message.includes(name)),
  );
});

test("a workspace has a home of its own, outside of it", async (t) => {
  const [a, b] = [await workspace(t), await workspace(t)];
  const homeOf = (folder: string) => readSettings({ STEWARD_STATE: "/somewhere" }, folder).home;
  assert.notEqual(homeOf(a), homeOf(b));
  assert.equal(homeOf(a), homeOf(a));
  assert.ok(homeOf(a).startsWith("/somewhere/workspaces/"));
  assert.throws(() => readSettings({}, join(a, "nowhere")), /There is no folder/);
});

test("without a steward.yaml the defaults hold", async (t) => {
  const { rules, problems } = readRules(await workspace(t));
  assert.deepEqual(problems, []);
  assert.deepEqual(
    [rules.coverage_floor, rules.settle_seconds, rules.sweep_seconds, rules.drafting],
    [80, 2, 60, false],
  );
  assert.equal(deployRulesOf(rules, "quotes"), null, "nothing is deployed that the owner did not allow");
});

test("a service's own deploy comes before everybody's, and none is none", async (t) => {
  const { rules, problems } = readRules(
    await workspace(
      t,
      "deploy: { target: process }\nservice:\n  a:\n  b: { deploy: none, environment: { N: 1 } }\n  c: { deploy: { target: command, deploy: ./go } }\n",
    ),
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(
    ["a", "b", "c", "d"].map((name) => deployRulesOf(rules, name)?.target ?? null),
    ["process", null, "command", "process"],
  );
  assert.deepEqual(rules.service["b"]?.environment, { N: "1" });
});

test("what is wrong in steward.yaml is named with its line, all of it, and says what was meant", async (t) => {
  const told = async (text: string) => readRules(await workspace(t, text)).problems.map(tellProblem);
  assert.deepEqual(await told("coverage_flor: 3\nagents:\n  x:\n    capabilities: [wizard]\n    foo: 1\n"), [
    "steward.yaml line 1: there is no setting coverage_flor. Did you mean coverage_floor?",
    "steward.yaml line 3: agents.x.command is missing",
    'steward.yaml line 4: agents.x.capabilities.0: expected one of "architect"|"builder"|"tester"|"fixer"|"devops"',
    "steward.yaml line 5: there is no setting foo in agents.x.",
  ]);
  assert.deepEqual(await told("a: [1\n"), [
    "steward.yaml line 2: Flow sequence in block collection must be sufficiently indented and end with a ]",
  ]);
  assert.deepEqual(await told("# mine\ndeploy: { target: proces }\n"), [
    "steward.yaml line 2: deploy.target: there is no proces; it is process or command",
  ]);
  assert.deepEqual(await told("deploy: { target: command }\n"), ["steward.yaml line 1: deploy.deploy is missing"]);
  assert.deepEqual(await told("deploy: yes\n"), ["steward.yaml line 1: deploy: yes cannot stand here"]);
  assert.deepEqual(await told("service:\n  q:\n    deploy: { target: process, kep: 3 }\n"), [
    "steward.yaml line 3: there is no setting kep in service.q.deploy. Did you mean keep?",
  ]);
  assert.deepEqual(await told("- a\n- b\n"), ["steward.yaml line 1: the file: expected object, received array"]);
  assert.deepEqual(await told("agents:\n  a b: { command: x, capabilities: [builder] }\n"), [
    "steward.yaml line 2: agents.a b: must be letters, digits, - and _",
  ]);
});

test("a steward.yaml that cannot be read is a problem of no line", async (t) => {
  const folder = await workspace(t);
  await mkdir(join(folder, "steward.yaml"));
  const [problem] = readRules(folder).problems;
  assert.equal(problem?.line, null);
  assert.match(problem.message, /it cannot be read: .*EISDIR/);
});

test("the version of the rules is that of what they say, not of how they are laid out", async (t) => {
  const one = readRules(await workspace(t, "coverage_floor: 90\ndrafting: true\n"));
  const two = readRules(await workspace(t, "# mine\ndrafting: true\n\ncoverage_floor:   90\n"));
  assert.equal(one.version, two.version);
  assert.notEqual(one.version, readRules(await workspace(t, "coverage_floor: 91\n")).version);
});
