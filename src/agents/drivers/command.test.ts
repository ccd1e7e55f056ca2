import assert from "node:assert/strict";
import { mkdtemp, readFile, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { endRun } from "#agents/runner/end-run.ts";
import { prepareRun, startRunner } from "#agents/runner/start-runner.ts";
import { waitForEnd } from "#agents/runner/wait-for-end.ts";
import { uuidv7 } from "#system/ids.ts";
import { removeFolder } from "#system/testing.ts";
import { commandDriver, type CommandSettings } from "./command.ts";

const owners = {
  PATH: process.env["PATH"],
  HOME: "/home/somebody",
  LANG: "C.UTF-8",
  LC_TIME: "C",
  DATABASE_URL: "postgres://secret",
  GITHUB_TOKEN: "secret",
  STEWARD_LOCAL_TOKEN: "secret",
  PGPASSWORD: "secret",
  NODE_OPTIONS: "--no-warnings",
  MY_AGENT_KEY: "wanted",
};

test("a command agent gets its ticket as files and on stdin, in its work folder", async (t) => {
  const { result, work } = await runAgent(t, {
    command: ["sh", "-c", `cat; pwd; cat "$STEWARD_TICKET_FILE"; echo "$STEWARD_SERVICE $STEWARD_KIND $STEWARD_RUN"`],
  });
  assert.deepEqual(result.lastLines, [
    "# Build quotes ✓",
    await realpath(work.workDir),
    "{",
    '  "service": "quotes"',
    "}",
    `quotes builder ${work.runId}`,
  ]);
  assert.equal(await readFile(join(work.runFolder, "ticket.md"), "utf8"), "# Build quotes ✓\n");
});

test("an agent never sees Steward's own environment, only the usual names and those its owner listed", async (t) => {
  const { result } = await runAgent(t, { command: ["env"], env: ["MY_AGENT_KEY"] });
  const seen = result.lastLines.map((line) => line.slice(0, line.indexOf("="))).toSorted();
  assert.deepEqual(seen, [
    "HOME",
    "LANG",
    "LC_TIME",
    "MY_AGENT_KEY",
    "PATH",
    "STEWARD_KIND",
    "STEWARD_RUN",
    "STEWARD_SERVICE",
    "STEWARD_TICKET_FILE",
    "TERM",
  ]);
  assert.ok(result.lastLines.includes("TERM=dumb"));
  assert.ok(!result.lastLines.some((line) => line.includes("secret")));
});

test("a command in one string is a line for the shell, and a list never is", async (t) => {
  const line = await runAgent(t, { command: "echo one && echo two" });
  assert.deepEqual(line.result.lastLines, ["one", "two"]);
  const list = await runAgent(t, { command: ["echo", "one && echo two", "$HOME"] });
  assert.deepEqual(list.result.lastLines, ["one && echo two $HOME"]);
});

test("an agent without a command is refused with what to do", () => {
  for (const command of ["", " ", [], [""]]) {
    assert.throws(() => commandDriver({ command }, { environment: {} }), { code: "invalid", message: /steward\.yaml/ });
  }
});

async function runAgent(context: TestContext, settings: CommandSettings) {
  const workDir = await mkdtemp(join(tmpdir(), "steward-work-"));
  const runFolder = await mkdtemp(join(tmpdir(), "steward-run-"));
  const work = {
    runId: uuidv7(),
    ticketId: uuidv7(),
    tenantId: uuidv7(),
    fence: 1,
    service: "quotes",
    kind: "builder",
    ticket: { text: "# Build quotes ✓", data: { service: "quotes" } },
    workDir,
    runFolder,
    lease: null,
  };
  context.after(async () => {
    await endRun(runFolder, 1);
    await removeFolder(workDir);
    await removeFolder(runFolder);
  });
  await prepareRun(runFolder, await commandDriver(settings, { environment: owners }).prepare(work));
  const { exited } = await startRunner(runFolder);
  const end = await waitForEnd(runFolder, 1, { exited });
  assert.equal(end.state, "ended");
  return { result: end.state === "ended" ? end.result : assert.fail(), work };
}
