import assert from "node:assert/strict";
import { test } from "node:test";
import { explainWaits } from "#dispatch/explain.ts";
import { act } from "#effects/act.ts";
import { findScope } from "#policy/find-scope.ts";
import { liftSwitch, setSwitch } from "#policy/switches.ts";
import type { Scope } from "#db/schema.ts";
import { agentThatWrites, makeJourney, pause, type Journey } from "./house.fixture.ts";
import { readyService, smallSpec } from "./small-service.fixture.ts";

/** What is promised is two seconds; the rest is for a machine that runs other tests. */
const ENDED_WITHIN_MS = 3_000;

const sleeps = agentThatWrites({}, { after: "setInterval(() => {}, 1000);" });

const openRuns = async (house: Journey, service: string) =>
  (await house.storyOf(service)).runs.filter(({ state }) => state !== "ended");

async function whileStopped(house: Journey, scope: Scope, name: string, work: () => Promise<void>): Promise<void> {
  const found = await house.query((tx) => findScope(tx, scope, name));
  await house.query((tx) => setSwitch(tx, "owner", new Date(), found, "lunch"));
  await work();
  await house.query((tx) => liftSwitch(tx, "owner", new Date(), found));
}

test("a stop of any scope ends what runs in it at once and starts nothing more; resume goes on", async (t) => {
  const house = await makeJourney(t, {
    services: { spawned: { "SPEC.md": smallSpec("spawned") }, proved: readyService("proved") },
    service: { spawned: { client: "acme" }, proved: { test: "sleep 60", coverage_floor: 0 } },
    rules: { built_in_builder: false },
    agents: { sleeper: { code: sleeps, capabilities: ["builder"] } },
  });
  const bothRun = async () => {
    for (const service of ["spawned", "proved"])
      await house.waitFor(service, ({ runs }) => runs.some(({ state }) => state === "running"));
  };
  const assertEnded = async (service: string, since: number) => {
    await house.until(`${service} has no run`, async () => (await openRuns(house, service)).length === 0);
    const took = performance.now() - since;
    assert.ok(took < ENDED_WITHIN_MS, `${service} ended after ${Math.round(took)} ms`);
  };
  const scopes: [Scope, string, string[]][] = [
    ["everything", "", ["spawned", "proved"]],
    ["agent", "sleeper", ["spawned"]],
    ["client", "acme", ["spawned"]],
    ["line", "service", ["spawned", "proved"]],
    ["item", "proved", ["proved"]],
  ];
  for (const [scope, name, stopped] of scopes) {
    await bothRun();
    await whileStopped(house, scope, name, async () => {
      const since = performance.now();
      for (const service of stopped) await assertEnded(service, since);
      await pause(300);
      for (const service of ["spawned", "proved"]) {
        const open = await openRuns(house, service);
        assert.equal(open.length, stopped.includes(service) ? 0 : 1, `${scope} ${name}: ${service}`);
      }
      for (const service of stopped) {
        const { tickets } = await house.storyOf(service);
        const ticket = tickets.at(-1)!;
        assert.deepEqual([ticket["state"], ticket["attempt"]], ["ready", 0], "it costs no attempt");
        const id = String(ticket["id"]);
        const waits = await house.query((tx) => explainWaits(tx, new Date(), [id]));
        assert.match(waits.get(id)!, /stopped|resume/, `${scope} ${name}`);
      }
    });
  }
  await bothRun();

  // One run alone: it ends, and its ticket is taken up again at once.
  const [run] = await openRuns(house, "spawned");
  await whileStopped(house, "run", String(run!["id"]), async () => {
    await house.until("another run has begun", async () =>
      (await openRuns(house, "spawned")).some(({ id, state }) => id !== run!["id"] && state === "running"),
    );
  });

  // Door 3 is shut, too, and says by whom.
  const { item } = await house.storyOf("proved");
  await whileStopped(house, "everything", "", async () => {
    const effect = {
      kind: "deploy", key: "by hand", item: { id: String(item!["id"]), line: "service", client: null },
      payload: {}, allowedBy: { standing: "a test" }, actor: "owner",
    }; // prettier-ignore
    const never = () => Promise.reject(new Error("it was performed"));
    await assert.rejects(
      act(house.running().deploy, effect, { kind: "deploy", resumable: true, perform: never }),
      /everything is stopped \(lunch\)/,
    );
    const [refused] = await house.events(["effect.refused"]);
    assert.match(String(refused!.body["reason"]), /steward resume/);
  });
  assert.equal((await house.events(["switch.set"])).length, 7);
  assert.equal((await house.events(["switch.lifted"])).length, 7);
  const reported = await house.events(["run.reported"]);
  const others = reported.filter(({ body }) => body["outcome"] !== "stopped");
  assert.deepEqual([reported.length > 0, others], [true, []]);
});
