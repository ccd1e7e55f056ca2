import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { isAlive } from "#system/processes.ts";
import { fence, finished, marked, newRun, node, start, until, untilAgentRuns } from "./testing.ts";
import { prepareRun, startRunner } from "./start-runner.ts";
import { waitForEnd } from "./wait-for-end.ts";
import { RUNNER_EXIT } from "./run-spec.ts";

test("a run goes on when the process that started it is killed, and another collects its result", async (t) => {
  const { folder, spec } = await newRun(t, ["sh", "-c", "while [ ! -e go ]; do sleep 0.05; done; echo finished"]);
  await prepareRun(folder, spec);
  const starter = new URL("./start-runner.ts", import.meta.url).href;
  const parent = spawn(
    process.execPath,
    node(`const { startRunner } = await import(${JSON.stringify(starter)});
          await startRunner(${JSON.stringify(folder)});
          setInterval(() => {}, 1000);`).slice(1),
    { stdio: "ignore" },
  );
  t.after(() => parent.kill("SIGKILL"));
  const record = await untilAgentRuns(folder);

  parent.kill("SIGKILL");
  await once(parent, "exit");
  assert.ok(isAlive(record), "its runner is alive");
  assert.ok(isAlive({ ...record.agent, bootId: record.bootId }), "its agent is alive");
  await writeFile(join(folder, "go"), "");

  const result = await finished(folder);
  assert.equal(result.outcome, "exited");
  assert.deepEqual(result.lastLines, ["finished"]);
  assert.deepEqual(await marked(spec), []);
});

test("an agent gets its environment, its work folder and its input, and its result says how it exited", async (t) => {
  const { folder, spec } = await newRun(t, ["sh", "-c", "cat; pwd; env; echo trouble >&2; exit 3"], {
    env: { PATH: process.env["PATH"] ?? "", GREETING: "hello" },
  });
  spec.stdinFile = join(folder, "ticket.md");
  await writeFile(spec.stdinFile, "Build it, ✓\n");
  const result = await start(folder, spec);
  assert.equal(result.outcome, "exited");
  assert.equal(result.exitCode, 3);
  assert.equal(result.signal, null);
  assert.equal(result.clean, true);
  assert.ok(result.lastLines.includes("Build it, ✓"));
  assert.ok(result.lastLines.includes("GREETING=hello"));
  assert.ok(result.lastLines.includes("trouble"));
  assert.ok(result.lastLines.includes(`STEWARD_RUN=${spec.runId}`));
  const names = result.lastLines.flatMap((line) => /^([A-Z_]+)=/.exec(line)?.[1] ?? []);
  assert.deepEqual(names.filter((name) => !["PWD", "SHLVL", "_", "OLDPWD"].includes(name)).toSorted(), [
    "GREETING",
    "PATH",
    "STEWARD_RUN",
  ]);
});

test("an agent may open its output by name, as scripts do", async (t) => {
  const { folder, spec } = await newRun(t, ["sh", "-c", "echo trouble > /dev/stderr && echo fine | tee /dev/stdout"]);
  setEnvironment(t, "TMPDIR", folder);
  const result = await start(folder, spec);
  assert.equal(result.exitCode, 0);
  assert.deepEqual(result.lastLines.toSorted(), ["fine", "fine", "trouble"]);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith("steward-pipes-")),
    [],
  );
});

test("an agent whose named pipes could not be made is heard all the same", async (t) => {
  const { folder, spec } = await newRun(t, ["sh", "-c", "echo out; echo err >&2"]);
  await prepareRun(folder, spec);
  setEnvironment(t, "PATH", "/nowhere"); // There is no mkfifo.
  await startRunner(folder);
  assert.deepEqual((await finished(folder)).lastLines.toSorted(), ["err", "out"]);
});

test("an agent can be told to stand back for others", async (t) => {
  const { folder, spec } = await newRun(t, ["sh", "-c", "sleep 0.2; cut -d' ' -f19 /proc/self/stat"], { nice: 7 });
  assert.deepEqual((await start(folder, spec)).lastLines, ["7"]);
});

test("a second start with the same fence starts nothing", async (t) => {
  const { folder, spec } = await newRun(t, ["sh", "-c", "echo once >> starts; while [ ! -e go ]; do sleep 0.05; done"]);
  await prepareRun(folder, spec);
  const runners = await Promise.all([startRunner(folder), startRunner(folder), startRunner(folder)]);
  await until("the agent's own mark", () => readFile(join(folder, "starts"), "utf8").catch(() => undefined));
  const first = await untilAgentRuns(folder);
  const losers = runners.filter(({ pid }) => pid !== first.pid);
  assert.deepEqual(await Promise.all(losers.map(({ exited }) => exited)), [RUNNER_EXIT.taken, RUNNER_EXIT.taken]);

  // A loser that waits by its own runner's exit waits for the run all the same.
  const waiting = waitForEnd(folder, fence, { exited: losers[0]!.exited });
  await writeFile(join(folder, "go"), "");
  assert.equal((await waiting).state, "ended");
  assert.equal(await (await startRunner(folder)).exited, RUNNER_EXIT.taken);
  assert.equal(await readFile(join(folder, "starts"), "utf8"), "once\n");
});

test("a command that is not there, and a work folder that is not, are results that say so", async (t) => {
  const absent = await newRun(t, ["/no/such/agent"]);
  const noProgram = await start(absent.folder, absent.spec);
  assert.equal(noProgram.outcome, "spawn_failed");
  assert.match(noProgram.detail ?? "", /\/no\/such\/agent.*ENOENT/);

  const homeless = await newRun(t, ["true"], { cwd: "/no/such/folder" });
  const noFolder = await start(homeless.folder, homeless.spec);
  assert.equal(noFolder.outcome, "spawn_failed");
  assert.match(noFolder.detail ?? "", /work folder \/no\/such\/folder is not there/);
});

test("the folder of a run is for its owner only, as its spec may hold a password", async (t) => {
  const { folder, spec } = await newRun(t, ["true"]);
  await prepareRun(folder, spec);
  assert.equal((await stat(folder)).mode & 0o777, 0o700);
  assert.equal((await stat(join(folder, "spec.json"))).mode & 0o777, 0o600);
  await assert.rejects(prepareRun(folder, { ...spec, command: [] }), { code: "invalid" });
});

test("a run is listed as alive while it lasts, and the last one out calls the script", async (t) => {
  const { folder, spec } = await newRun(t, ["sh", "-c", "ls home/alive > listed"]);
  const script = join(folder, "last-one-out.mjs");
  await writeFile(
    script,
    `import { writeFileSync } from "node:fs"; writeFileSync(process.argv[2] + "/out", "called");`,
  );
  Object.assign(spec, { home: join(folder, "home"), lastOneOutScript: script });
  await start(folder, spec);
  const record = JSON.parse(await readFile(join(folder, `run.${fence}`), "utf8")) as { pid: number; startTime: string };
  assert.equal(
    (await readFile(join(folder, "listed"), "utf8")).trim(),
    `${record.pid}-${encodeURIComponent(record.startTime)}`,
  );
  assert.equal(
    await until("the script", () => readFile(join(folder, "home/out"), "utf8").catch(() => undefined)),
    "called",
  );
});

test("an agent runs soon after its runner is started", async (t) => {
  const measured: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const { folder, spec } = await newRun(t, ["sh", "-c", "date +%s%N"]);
    await prepareRun(folder, spec);
    const began = Date.now();
    await startRunner(folder);
    const { lastLines } = await finished(folder);
    measured.push(Number(lastLines[0]) / 1e6 - began);
  }
  t.diagnostic(`from startRunner to the agent's first command, ms: ${measured.map((ms) => ms.toFixed(0)).join(", ")}`);
  // Far above what it takes (30 to 60 ms), as the machine may be busy; it catches a runner that loads what it should not.
  assert.ok(Math.min(...measured) < 500);
});

test("a runner that is killed before its first act is dead, and not waited for", async (t) => {
  const { folder, spec } = await newRun(t, ["sleep", "60"]);
  await prepareRun(folder, spec);
  const runner = await startRunner(folder);
  process.kill(runner.pid, "SIGKILL");
  const ended = await waitForEnd(folder, fence, { exited: runner.exited, signal: AbortSignal.timeout(10_000) });
  assert.equal(ended.state, "dead");
});

/** Of what a runner gets of our environment. */
function setEnvironment(t: TestContext, name: string, value: string): void {
  const before = process.env[name];
  process.env[name] = value;
  t.after(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
}
