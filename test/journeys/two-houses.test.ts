import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { report } from "#dispatch/report.ts";
import { agentThatWrites, makeJourney, pause } from "./house.fixture.ts";
import { smallCode, smallSpec } from "./small-service.fixture.ts";

type Interval = { ticket: string; item: string; process: string; started: Date; ended: Date | null };

test("a server and a worker share the work of twelve services, and no ticket or service is worked on twice at once", async (t) => {
  const names = Array.from({ length: 12 }, (_, index) => `service-${index}`);
  const house = await makeJourney(t, {
    services: Object.fromEntries(names.map((name) => [name, { "SPEC.md": smallSpec(name) }])),
    rules: { built_in_builder: false, deploy: "none", coverage_floor: 0 },
    agents: {
      maker: {
        code: agentThatWrites(smallCode(), { after: `await new Promise((resolve) => setTimeout(resolve, 100));` }),
        capabilities: ["builder"],
        slots: 6,
      },
    },
    start: false,
  });
  await Promise.all([house.up({ kind: "worker" }), house.up({ kind: "server" })]);
  for (const name of names) {
    await house.waitFor(name, ({ item }) => item?.["phase"] === "READY_FOR_DEPLOY", { withinMs: 60_000 });
  }
  const { rows } = await house.query((tx) =>
    sql<Interval>`
      select ticket_id as ticket, item_id as item, process_id as process, started_at as started, ended_at as ended from run order by started_at, id`.execute(tx),
  ); // prettier-ignore
  assert.equal(rows.length, 24, "each service is built once and proved once");
  assert.ok(rows.every(({ ended }) => ended !== null));
  assert.equal(new Set(rows.map(({ process }) => process)).size, 2, "both had a share");
  for (const key of ["ticket", "item"] as const) {
    for (const [index, run] of rows.entries()) {
      const before = rows.slice(0, index).filter((one) => one[key] === run[key]);
      assert.ok(
        before.every(({ ended }) => ended! <= run.started),
        `two runs of one ${key} at once`,
      );
    }
  }
  const types = (await house.events()).map(({ type }) => type);
  for (const never of ["run.lost", "ticket.retried", "run.stale_report_refused", "ticket.failed"])
    assert.ok(!types.includes(never), never);
});

test("a report that comes twice, or after its run was taken for lost, changes nothing and is on record", async (t) => {
  const sleeps = agentThatWrites({}, { after: "setInterval(() => {}, 1000);" });
  const house = await makeJourney(t, {
    services: { one: { "SPEC.md": smallSpec("one") } },
    rules: { built_in_builder: false },
    agents: { sleeper: { code: sleeps, capabilities: ["builder"] } },
  });
  const { runs, tickets } = await house.waitFor("one", ({ runs: all }) => all.some(({ state }) => state === "running"));
  const run = runs[0]!;
  const [runId, ticketId] = [String(run["id"]), String(tickets[0]!["id"])];
  process.kill(Number(run["pid"]), "SIGKILL");
  await house.until("it is taken for lost", async () =>
    (await house.events(["run.lost"])).some(({ subject }) => subject === runId),
  );
  await house.waitFor("one", ({ runs: all }) => all.filter(({ state }) => state === "running").length === 1 && all.length > 1); // prettier-ignore
  const before = await house.storyOf("one");
  const stale = { outcome: "done" as const, ticketId, runId, fence: Number(run["fence"]), agent: "sleeper" };
  for (let time = 0; time < 2; time++) {
    const accepted = await house.query((tx) => report(tx, new Date(), [stale]));
    assert.equal(accepted.size, 0);
  }
  await pause(100);
  const after = await house.storyOf("one");
  const facts = ({ tickets: of }: typeof after) => of.map(({ id, state, fence, run_id: by }) => [id, state, fence, by]);
  assert.deepEqual(facts(after), facts(before));
  assert.ok((await house.events(["run.stale_report_refused"])).filter(({ subject }) => subject === runId).length >= 2);
});
