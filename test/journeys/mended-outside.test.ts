import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import { openHouse } from "#house/open-house.ts";
import { startHouse } from "#house/start-house.ts";
import { tryAgain } from "#lines/service/try-again.ts";
import { hasNews, knownItems } from "#workspace/news.ts";
import { silentLog } from "#system/log.ts";
import { freePort, makeJourney, writeInto } from "./house.fixture.ts";
import { readyService, smallCode } from "./small-service.fixture.ts";

test("a release that was sick for want of a secret is tried anew once its owner sets it, and one taken back is not", async (t) => {
  const files = readyService("greeter");
  files["src/main.js"] = files["src/main.js"]!.replace(
    "server.listen(",
    'if (process.env.SERVICE_VERSION && !process.env.TOKEN) {\n  console.log("TOKEN is missing");\n  process.exit(3);\n}\nserver.listen(',
  );
  const house = await makeJourney(t, { services: { greeter: files } });
  await house.waitFor("greeter", ({ tickets }) => tickets.some(({ kind }) => kind === "fix"));
  await house.commands().setSecret("greeter", "TOKEN", "a token of the owner");
  const { tickets, deployments, runs } = await house.inProduction("greeter");
  assert.deepEqual(deployments.map(({ version, state }) => [version, state]), [["v1", "failed"], ["v2", "live"]]); // prettier-ignore
  assert.deepEqual(
    [tickets.find(({ kind }) => kind === "fix")!["state"]],
    ["cancelled"],
    "nobody mends what is not at fault",
  );
  assert.deepEqual(runs.map(({ kind }) => kind), ["prove", "deploy", "deploy"]); // prettier-ignore

  await writeInto(house.path("SERVICES/greeter"), { "notes.txt": "another version" });
  await house.inProduction("greeter", { version: "v3" });
  await house.commands().rollback("greeter");
  await house.commands().setSecret("greeter", "TOKEN", "another token");
  const after = await house.storyOf("greeter");
  assert.equal(after.item!["phase"], "TESTS_FAILING", "what its owner took back waits for its owner");
  assert.match(String((after.item!["reasons"] as string[])[0]), /`steward check greeter`/);
});

test("a secret is news of its service, should nobody have looked right after it was set", async (t) => {
  const house = await makeJourney(t, { services: { idle: { "notes.txt": "nothing yet" } } });
  const read = async (tx: Tx) => (await knownItems(tx, { keys: ["idle"] }))[0];
  await house.until("its look is noted", async () => {
    const item = await house.query(read);
    return item && !hasNews(item);
  });
  // In one transaction: the sweep is not to look in between.
  const item = await house.query(async (tx) => {
    await sql`insert into secret (tenant_id, service, name, sealed, set_at) values (tenant_now(), 'idle', 'TOKEN', 'sealed', now())`.execute(tx); // prettier-ignore
    return read(tx);
  });
  assert.equal(hasNews(item!), true);
});

test("a release that was sick by its start command is tried anew once its owner corrects it", async (t) => {
  const house = await makeJourney(t, {
    services: { greeter: readyService("greeter") },
    service: { greeter: { start: "node src/none.js" } },
  });
  await house.waitFor("greeter", ({ tickets }) => tickets.some(({ kind }) => kind === "fix"));
  await house.rewriteRules({ service: { greeter: { port: house.ports["greeter"], start: "node src/main.js" } } });
  const { deployments } = await house.inProduction("greeter");
  assert.deepEqual(deployments.map(({ state }) => state), ["failed", "live"]); // prettier-ignore
});

test("a deploy that could not be tried for a port in use goes out under the port that its owner gives it instead", async (t) => {
  const house = await makeJourney(t, { start: false, services: { greeter: readyService("greeter") } });
  const stranger = createServer().listen(house.ports["greeter"], "127.0.0.1");
  await once(stranger, "listening");
  t.after(() => stranger.close());
  await house.up();
  const stuck = await house.waitFor("greeter", ({ tickets }) => tickets.some(({ kind, last_error }) => kind === "deploy" && last_error !== null)); // prettier-ignore
  assert.match(String(stuck.tickets.at(-1)!["last_error"]), /already in use/);
  assert.deepEqual(stuck.deployments.map(({ state }) => state), ["deploying"]); // prettier-ignore

  house.ports["greeter"] = await freePort();
  await house.rewriteRules({ service: { greeter: { port: house.ports["greeter"] } } });
  const { deployments } = await house.inProduction("greeter");
  assert.deepEqual(deployments.map(({ state }) => state), ["failed", "live"]); // prettier-ignore
  assert.match(
    String((deployments[0]!["detail"] as { reason: string }).reason),
    /given up for newer content or settings/,
  );
  assert.equal((await house.ask("greeter")).status, 200);
  const { rows } = await house.query((tx) => sql`select 1 from effect where state = 'doing'`.execute(tx));
  assert.deepEqual(rows, []);
});

test("only a server deploys, and only where the service is in production", async (t) => {
  const house = await makeJourney(t, { services: { greeter: readyService("greeter") } });
  const { item } = await house.inProduction("greeter");
  await house.down();

  /** Of another host: another home, so another host's id. */
  const elsewhere = async (kind: "server" | "worker") => {
    const opened = await openHouse(
      { ...house.settings, home: join(house.folder, "elsewhere") },
      { kind, log: silentLog },
    );
    const running = await startHouse(opened, { watches: true });
    house.houses.push(running);
    return running;
  };
  const worker = await elsewhere("worker");
  await writeInto(house.path("SERVICES/greeter"), smallCode({ greeting: "bonjour" }));
  const proved = await house.waitFor(
    "greeter",
    ({ tickets }) => tickets.filter(({ kind }) => kind === "deploy").length === 2,
  );
  assert.equal(proved.runs.filter(({ kind }) => kind === "prove").at(-1)!["process_id"], worker.house.processId);
  const server = await elsewhere("server");
  const refused = await house.waitFor("greeter", ({ tickets }) => tickets.at(-1)!["last_error"] !== null);
  assert.match(
    String(refused.tickets.at(-1)!["last_error"]),
    /greeter is in production on another host, .*: only the Steward there releases it/,
  );
  const tries = refused.runs.filter(
    ({ kind, process_id }) => kind === "deploy" && process_id !== refused.runs[1]!["process_id"],
  );
  assert.deepEqual(tries.map(({ process_id }) => process_id), [server.house.processId]); // prettier-ignore
  assert.deepEqual(refused.deployments.map(({ state }) => state), ["live"]); // prettier-ignore
  await house.down(server);
  await house.down(worker);

  await house.up();
  await house.query((tx) => tryAgain(tx, { actor: "owner", at: new Date() }, "greeter"));
  const { deployments } = await house.inProduction("greeter", { version: "v2" });
  assert.deepEqual(deployments.map(({ state }) => state), ["superseded", "live"]); // prettier-ignore
  assert.equal(item!["port"], house.ports["greeter"]);
  assert.equal(await (await house.ask("greeter", "/")).text(), "bonjour, v2");
});
