import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { inTenant } from "#db/db.ts";
import { makeItem, makeTicket } from "#dispatch/testing.ts";
import { openTestServer, type TestServer } from "#http/testing.ts";
import { ask } from "#policy/approvals.ts";
import { ownIdentity } from "#system/processes.ts";
import { removeFolder } from "#system/testing.ts";
import { commands, groups } from "./commands.ts";
import { runSteward } from "./testing.ts";

let server: TestServer;
let end = async () => {};
before(async () => {
  server = await openTestServer({ after: (fn) => void (end = fn) });
});
after(() => end());

const steward = (words: string[], stdin = "") =>
  runSteward([...words, "--workspace", server.folder], { env: { STEWARD_HOME: server.home }, stdin });

test("status shows each service with what it waits for; with --json stdout is the data and nothing else", async () => {
  const itemId = await makeItem(server, { key: "quotes" });
  await makeTicket({ ...server, itemId }, { capability: "tester" });
  const shown = await steward(["status"]);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(
    shown.stdout,
    /quotes +●●○○ BUILD +READY_FOR_BUILD +build waits for an agent with the capability tester/,
  );
  const { code, stdout, stderr } = await steward(["status", "--json"]);
  assert.deepEqual([code, stderr], [0, ""]);
  const { services } = JSON.parse(stdout) as { services: { name: string; ticket: { waits: string } | null }[] };
  assert.match(services.find(({ name }) => name === "quotes")?.ticket?.waits ?? "", /tester/);
});

test("status begins with what is wrong in steward.yaml, and the API says the same", async (t) => {
  const file = join(server.folder, "steward.yaml");
  const state = { file, version: "0", since: new Date("2026-01-02T03:04:05Z"), approval: null };
  const problems = [
    { line: 3, message: "agents.x.command is missing" },
    { line: null, message: "a name with \u001b[31m colour" },
  ];
  const { rules } = server.context;
  server.context.rules = () => ({ ...state, broken: { since: new Date("2026-01-03T00:00:00Z"), problems } });
  t.after(() => (server.context.rules = rules));
  const { stdout } = await steward(["status"]);
  assert.ok(stdout.includes(`${file} is broken; the rules of 2026-01-02`), stdout);
  assert.match(
    stdout,
    /\n {2}line 3: agents\.x\.command is missing\n {2}a name with {2}\[31m colour\n {2}Mend it and save/,
  );
  const shown = await server.client.house.rules();
  assert.deepEqual((await server.client.house.status()).rules, shown);
  assert.deepEqual(shown.broken?.problems, problems);
  assert.match(shown.broken.todo, /save/);
});

test("every command that asks prints one JSON document on stdout", async () => {
  await makeItem(server, { key: "quotes-json" });
  const asked = [
    ["agents"],
    ["run", "quotes-json"],
    ["check", "quotes-json"],
    ["rollback", "quotes-json", "--to", "v1"],
  ];
  for (const words of asked) {
    const { code, stdout, stderr } = await steward([...words, "--json"]);
    assert.deepEqual([code, stderr], [0, ""], words.join(" "));
    assert.doesNotThrow(() => JSON.parse(stdout), words.join(" "));
  }
  assert.deepEqual(server.calls.filter((call) => call.includes("quotes-json")), [
    "look quotes-json", "check quotes-json", "rollback quotes-json v1",
  ]); // prettier-ignore
});

test("stop and resume hold everything, or the service that they name, through the server", async () => {
  await makeItem(server, { key: "landing" });
  for (const scope of [[], ["landing"]]) {
    assert.equal((await steward(["stop", ...scope])).code, 0);
    assert.equal((await server.client.house.status()).switches.length, 1);
    const { code, stdout } = await steward(["resume", ...scope]);
    assert.equal(code, 0);
    assert.match(stdout, /^Going on: /);
  }
  assert.equal((await server.client.house.status()).switches.length, 0);
});

test("a secret's value comes from stdin, and is nowhere in what is printed", async () => {
  const { code, stdout, stderr } = await steward(["secret", "set", "quotes", "API_KEY"], "hunter2\n");
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stdout + stderr, /hunter2/);
  assert.equal(server.secrets.get("quotes API_KEY"), "hunter2");
  assert.equal((await steward(["secret", "set", "quotes", "API_KEY"])).code, 2);
});

test("a question is answered by the beginning of its id", async () => {
  const id = await inTenant(server.database.app, server.tenantId, (tx) =>
    ask(
      tx,
      { actor: "test", at: new Date() },
      { kind: "spend", itemId: null, question: "Spend it?", why: "it costs", payload: {} },
    ),
  );
  const { code, stdout } = await steward(["approve", id.slice(0, 24)]);
  assert.equal(code, 0);
  assert.equal(stdout, "Approved: Spend it?\n");
  assert.equal((await steward(["decline", id])).code, 5);
  const row = await inTenant(server.database.app, server.tenantId, (tx) =>
    tx
      .selectFrom("approval")
      .select(["state", "decided_by", "decided_from"])
      .where("id", "=", id)
      .executeTakeFirstOrThrow(),
  );
  assert.deepEqual(row, { state: "approved", decided_by: "owner", decided_from: "cli" });
});

test("exit codes tell what went wrong, and the message what to do next", async () => {
  const empty = await mkdtemp(join(tmpdir(), "steward-cli-"));
  try {
    await mkdir(join(empty, "SERVICES"));
    const away = { env: { STEWARD_HOME: join(empty, "..", `none-${process.pid}`) }, cwd: empty };
    const expected: [string[], number, RegExp][] = [
      [["nonsense"], 2, /steward --help/],
      [["run"], 2, /missing required argument/],
      [["progress", "x", "--percent", "101"], 2, /0 to 100/],
      [["report", "perhaps"], 2, /done, failed, refused/],
      [["heartbeat"], 2, /STEWARD_URL/],
      [["status", "--workspace", "/nowhere/at/all"], 3, /steward init/],
      [["status"], 6, /steward up/],
      [["stop"], 3, /steward up/],
      [["logs", "quotes"], 6, /steward up/],
    ];
    for (const [words, code, message] of expected) {
      const ran = await runSteward(words, away);
      assert.equal(ran.code, code, `${words.join(" ")}: ${ran.stderr}`);
      assert.equal(ran.stdout, "");
      assert.match(ran.stderr, message);
    }
    assert.equal((await steward(["run", "nobody"])).code, 3);
    assert.equal((await steward(["resume", "client:nobody"])).code, 3);
    assert.equal((await steward(["stop", "universe:all"])).code, 2);
  } finally {
    await removeFolder(empty);
  }
});

test("a server that was killed is not taken for a running one", async () => {
  const home = await mkdtemp(join(tmpdir(), "steward-home-"));
  try {
    await writeFile(join(home, "token"), "x\n");
    await writeFile(
      join(home, "server.json"),
      JSON.stringify({ url: server.url, pid: process.pid, startTime: "1", bootId: "another" }),
    );
    const { code, stderr } = await runSteward(["status", "--workspace", server.folder], {
      env: { STEWARD_HOME: home },
    });
    assert.equal(code, 6);
    assert.match(stderr, /start it with `steward up/);
  } finally {
    await removeFolder(home);
  }
});

test("a name that is nearly right is answered with the one that was meant", async () => {
  await makeItem(server, { key: "billing" });
  const told = async (...words: string[]) => {
    const { code, stderr } = await steward(words);
    return [code, /Did you mean ([^?]+)\?/.exec(stderr)?.[1]];
  };
  assert.deepEqual(await told("run", "biling"), [3, "billing"]);
  assert.deepEqual(await told("stop", "bilings"), [3, "billing"]);
  assert.deepEqual(await told("stauts"), [2, "status"]);
  assert.deepEqual(await told("status", "--wacth"), [2, "--watch"]);
});

test("status says what is the matter where nothing, or somebody else, answers", async (t) => {
  const place = await mkdtemp(join(tmpdir(), "steward-nobody-"));
  const other = createServer((_request, response) => response.end("hello"));
  t.after(async () => {
    other.close();
    await removeFolder(place);
  });
  await mkdir(join(place, "none"));
  await mkdir(join(place, "ws", "SERVICES"), { recursive: true });
  await mkdir(join(place, "home"));
  const status = async (workspace: string, home: string) => {
    const env = { STEWARD_HOME: join(place, home) };
    const { code, stdout, stderr } = await runSteward(["status", "--workspace", join(place, workspace)], { env });
    return [code, stdout, stderr.trim().replaceAll(place, "")];
  };
  assert.deepEqual(await status("none", "nohome"), [
    6,
    "",
    "steward: /none is no workspace of Steward's: there is no steward.yaml and no SERVICES/. Name yours with --workspace, or make one with `steward init`.",
  ]);
  assert.deepEqual(await status("ws", "nohome"), [
    6,
    "",
    "steward: Steward is not running for /ws: start it with `steward up --workspace /ws`.",
  ]);
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  await writeFile(join(place, "home", "token"), "x\n");
  await writeFile(join(place, "home", "server.json"), JSON.stringify({ url, version: "1", ...ownIdentity() }));
  const [code, stdout, said] = await status("ws", "home");
  assert.deepEqual([code, stdout], [6, ""]);
  assert.match(String(said), /answers at http:\/\/127\.0\.0\.1:\d+, and it is not Steward\./);
});

test("init makes the folder that it is given, and says how to go on from where one is", async (t) => {
  const place = await mkdtemp(join(tmpdir(), "steward-init-"));
  t.after(() => removeFolder(place));
  const root = join(place, "my", "work");
  const dry = await runSteward(["init", root, "--dry-run"], { cwd: place });
  assert.deepEqual([dry.code, dry.stdout], [3, ""]);
  assert.match(dry.stderr, /without --dry-run it would be made/);
  const { code, stdout, stderr } = await runSteward(["init", root], { cwd: place });
  assert.equal(code, 0, stderr);
  assert.ok(stdout.endsWith(`Next: \`steward up --workspace ${root}\`.\n`), stdout);
  assert.match((await runSteward(["init"], { cwd: root })).stdout, /Next: `steward up`\./);
  assert.match((await runSteward(["scan"], { cwd: root })).stdout, /^No services in .*with a SPEC\.md/);
});

test("every command says in its help what it does, with an example", async () => {
  const { code, stdout } = await runSteward(["--help"]);
  assert.equal(code, 0);
  for (const name of Object.keys(commands)) assert.match(stdout, new RegExp(`^  ${name}\\b`, "m"));
  const { Command } = await import("commander");
  assert.deepEqual(Object.values(groups).flat().toSorted(), Object.keys(commands).toSorted());
  const noWorkspace = new Set(["demo", "heartbeat", "progress", "report"]);
  for (const [name, load] of Object.entries(commands)) {
    const program = new Command("steward");
    (await load()).register(program);
    const command = program.commands[0]!;
    for (const leaf of command.commands.length > 0 ? command.commands : [command]) {
      assert.ok(leaf.description(), name);
      assert.ok(
        leaf.options.some(({ long }) => long === "--json"),
        name,
      );
      assert.equal(leaf.options.some(({ long }) => long === "--workspace"), !noWorkspace.has(name), name); // prettier-ignore
      for (const argument of leaf.registeredArguments) assert.ok(argument.description || argument.argChoices, name);
      let help = "";
      leaf.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
      assert.match(help, /Example:\n {2}\$ .*steward /, name);
    }
  }
});
