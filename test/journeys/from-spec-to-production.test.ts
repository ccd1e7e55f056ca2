import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { verifyLedger } from "#ledger/verify.ts";
import { contentHash } from "#proof/content-hash.ts";
import { copyExample, makeJourney, pause } from "./house.fixture.ts";

test("a written spec becomes a healthy service with nobody touching it, and every step is on record", async (t) => {
  const house = await makeJourney(t, { services: { pulse: await copyExample("pulse") } });
  const spec = await house.read("SERVICES/pulse/SPEC.md");
  const { item, tickets, runs, verdicts, deployments } = await house.inProduction("pulse");

  // Rows: three tickets, each done by one run; every gate green for the very content that lies there and serves.
  const steps = tickets.map(({ kind, capability, state }) => [kind, capability, state]);
  assert.deepEqual(steps, [["build", "builder", "done"], ["prove", "prover", "done"], ["deploy", "deployer", "done"]]); // prettier-ignore
  assert.deepEqual(runs.map(({ agent, outcome }) => [agent, outcome]), [["scaffold", "done"], ["prover", "done"], ["deployer", "done"]]); // prettier-ignore
  assert.equal(runs[0]!["verified"], true);
  const hash = await contentHash(house.path("SERVICES/pulse"));
  assert.deepEqual(verdicts.map(({ gate, ok, content_hash }) => [gate, ok, content_hash]), [["spec", true, hash], ["build-files", true, hash], ["tests", true, hash]]); // prettier-ignore
  assert.deepEqual(deployments.map(({ version, state, content_hash }) => [version, state, content_hash]), [["v1", "live", hash]]); // prettier-ignore
  assert.equal(item!["content_hash"], hash);

  // It really serves, by what the spec says.
  const url = `http://127.0.0.1:${house.ports["pulse"]}`;
  const event = { type: "sale", source: "shop", amount: 12.5 };
  const headers = { "content-type": "application/json" };
  const posted = await fetch(`${url}/events`, { method: "POST", headers, body: JSON.stringify(event) });
  assert.equal(posted.status, 201);
  assert.equal((await fetch(`${url}/events`, { method: "POST", headers, body: "{}" })).status, 400);

  // The ledger tells it in order, once each, and nobody was asked anything.
  const way = ["READY_FOR_BUILD", "BUILD_IN_PROGRESS", "READY_FOR_TEST", "READY_FOR_DEPLOY", "PRODUCTION"];
  assert.deepEqual(await house.phases("pulse"), way);
  const types = (await house.events()).map(({ type }) => type);
  for (const type of ["round.opened", "effect.started", "effect.done", "service.deployed", "run.applied"])
    assert.equal(types.filter((one) => one === type).length, 1, type);
  for (const type of ["approval.asked", "ticket.retried", "run.lost", "incident.opened", "effect.refused"])
    assert.ok(!types.includes(type as never), type);
  for (const { facts } of (await house.events(["item.decided"])).map(({ body }) => body)) assert.ok(facts);

  await files(house, hash);
  assert.equal(await house.read("SERVICES/pulse/SPEC.md"), spec, "the owner's spec is as it was, byte for byte");

  // Steward's own notes void nothing: other looks, and a sweep, change neither the hash nor the phase.
  await house.running().keeper.look();
  await pause(300);
  const after = await house.storyOf("pulse");
  assert.equal(await contentHash(house.path("SERVICES/pulse")), hash);
  assert.deepEqual([after.item!["phase"], after.tickets.length, after.verdicts.length], ["PRODUCTION", 3, 3]);

  const chain = await house.until("every event is sealed", async () => {
    const result = await house.query((tx) => verifyLedger(tx));
    return (!result.ok || result.pending === 0) && result;
  });
  assert.ok(chain.ok, JSON.stringify(chain));
});

/** What the owner's own files say of it. */
async function files(house: Awaited<ReturnType<typeof makeJourney>>, hash: string): Promise<void> {
  const port = house.ports["pulse"]!;
  const log = await house.until("the deployment is in its log", async () =>
    existsSync(house.path("SERVICES/pulse/PRODUCTION/deployment_log.md"))
      ? house.read("SERVICES/pulse/PRODUCTION/deployment_log.md")
      : null,
  );
  assert.match(log, new RegExp(`^# Deployment log\n\n- \\S+Z deployed v1 \\(process\\) on port ${port}\n$`));
  const config = JSON.parse(await house.read("SERVICES/pulse/PRODUCTION/deployed_config.json")) as object;
  const { deployed_at: at, ...rest } = config as Record<string, unknown>;
  assert.ok(Date.parse(String(at)) > Date.now() - 60_000);
  assert.deepEqual(rest, {
    service: "pulse",
    version: "v1",
    target: "process",
    status: "production",
    port,
    url: `http://127.0.0.1:${port}`,
    content_hash: hash,
  });
  // They are written after the database says so.
  await house.until("its README says so", async () =>
    new RegExp(`PRODUCTION \\(healthy\\) on port ${port} <!-- steward:status -->`).test(
      (await house.read("SERVICES/pulse/README.md")).split("\n")[0]!,
    ),
  );
  type Registry = Record<string, Record<string, unknown>>;
  const entry = await house.until("the registry says so", async () => {
    const { pulse } = JSON.parse(await house.read("SERVICES/SERVICE_REGISTRY.json")) as Registry;
    return pulse?.["phase"] === "PRODUCTION" && pulse["status"] === "production (healthy)" && pulse;
  });
  assert.equal(entry["port"], port);
  const stored = JSON.parse(await house.read(".steward/verdicts.json")) as {
    services: Record<string, { gate: string; ok: boolean; contentHash: string }[]>;
  };
  const kept = stored.services["pulse"]!.map(({ gate, ok, contentHash: of }) => [gate, ok, of]);
  assert.deepEqual(kept, [["tests", true, hash], ["build-files", true, hash], ["spec", true, hash]]); // prettier-ignore
}
