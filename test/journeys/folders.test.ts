import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, cp, mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { agentThatWrites, isHealthy, makeJourney, pause } from "./house.fixture.ts";
import { readyService, smallCode, smallSpec } from "./small-service.fixture.ts";

test("a folder that goes away takes its waiting and its running work with it, and comes back as it was", async (t) => {
  const sleeps = agentThatWrites({}, { after: "setInterval(() => {}, 1000);" });
  const house = await makeJourney(t, {
    services: { waiting: { "SPEC.md": smallSpec("waiting") }, running: { "SPEC.md": smallSpec("running") } },
    service: { waiting: { client: "nobody" } },
    rules: { built_in_builder: false },
    agents: { sleeper: { code: sleeps, capabilities: ["builder"], slots: 1 } },
  });
  const busy = await house.until("one is being built", async () => {
    for (const name of ["waiting", "running"])
      if ((await house.storyOf(name)).runs.some(({ state }) => state === "running")) return name;
    return null;
  });
  const idle = busy === "running" ? "waiting" : "running";
  await house.waitFor(idle, ({ tickets }) => tickets.some(({ state }) => state === "ready"));
  await cp(house.path("SERVICES", idle), join(house.folder, "kept"), { recursive: true });
  for (const name of [idle, busy]) await rename(house.path("SERVICES", name), join(house.folder, `away-${name}`));
  const since = performance.now();
  const { runs } = await house.waitFor(busy, ({ item, runs: all }) => item?.["gone_at"] !== null && all.every(({ state }) => state === "ended")); // prettier-ignore
  assert.ok(performance.now() - since < 10_000);
  assert.equal(runs.length, 1);
  const gone = await house.waitFor(idle, ({ item }) => item?.["gone_at"] !== null);
  assert.deepEqual(gone.tickets.map(({ state, last_error: why }) => [state, why]), [["cancelled", "its folder is gone"]]); // prettier-ignore
  await pause(1_200);
  for (const name of [idle, busy]) {
    const { tickets } = await house.storyOf(name);
    assert.ok(
      tickets.every(({ state }) => !["ready", "claimed", "waiting"].includes(String(state))),
      name,
    );
  }
  const told = (await house.events(["item.gone"])).map(({ body }) => String(body["key"]));
  assert.deepEqual(new Set(told), new Set([idle, busy]));
  assert.deepEqual(await readdir(house.path("SERVICES")).then((names) => names.filter((name) => !name.includes("."))), []); // prettier-ignore

  await cp(join(house.folder, "kept"), house.path("SERVICES", idle), { recursive: true });
  await house.waitFor(idle, ({ item, runs: all }) => item?.["gone_at"] === null && all.some(({ state }) => state === "running")); // prettier-ignore
});

test("a service with spaces and an emoji in its name gets to production, and under a new name it is another", async (t) => {
  const name = "grüße an alle 🎉";
  const house = await makeJourney(t, { services: { [name]: readyService("Grüße") } });
  await house.inProduction(name);
  assert.equal(await (await house.ask(name, "/")).text(), "hello, v1");
  await house.until("its README says so", async () =>
    /PRODUCTION \(healthy\)/.test(await house.read("SERVICES", name, "README.md")),
  );

  await rename(house.path("SERVICES", name), house.path("SERVICES/greetings"));
  const other = await house.waitFor("greetings", ({ item }) => item !== undefined);
  const old = await house.waitFor(name, ({ item }) => item?.["gone_at"] !== null);
  assert.notEqual(other.item!["id"], old.item!["id"]);
  assert.deepEqual(
    old.deployments.map(({ state }) => state),
    ["live"],
    "what serves goes on serving",
  );
  assert.equal(await (await house.ask(name, "/")).text(), "hello, v1");
});

test("a disk that is full is said of the service that met it, loses nothing, and stops no other", async (t) => {
  const big = { ...smallCode(), "src/data.js": `export const data = "${"x".repeat(6 << 20)}";\n` };
  const house = await makeJourney(t, {
    rules: { built_in_builder: false, deploy: "none", coverage_floor: 0 },
    agents: { maker: { code: agentThatWrites(big), capabilities: ["builder"], slots: 2 } },
  });
  const full = house.path("SERVICES/full");
  await mkdir(full);
  if (!mountSmallDisk(full, "4m")) {
    t.skip("a small disk cannot be mounted here: that needs root and tmpfs");
    return;
  }
  house.undoFirst(() => execFileSync("umount", ["-l", full]));
  await house.addService("full", { "SPEC.md": smallSpec("full") });
  await house.addService("roomy", { "SPEC.md": smallSpec("roomy") });
  const { item } = await house.waitFor("full", ({ runs }) => runs.some(({ outcome }) => outcome === "failed"));
  // By now its ticket may have given way to one for what was written before there was no room.
  const [retried] = await house.events(["ticket.retried"]);
  assert.match(String(retried!.body["reason"]), /cannot be written \(ENOSPC.*: make room or make it writable/);
  assert.equal(item!["gone_at"], null);
  assert.equal(await house.read("SERVICES/full/SPEC.md"), smallSpec("full"));
  await house.waitFor("roomy", ({ item: other }) => other?.["phase"] === "READY_FOR_DEPLOY");
  execFileSync("mount", ["-o", "remount,size=64m", full]);
  await house.runAgain("full");
  await house.waitFor("full", ({ item: now }) => now?.["phase"] === "READY_FOR_DEPLOY");
});

test("a service's folder that is read-only is said so, and gets on when it is writable again", async (t) => {
  const house = await makeJourney(t, {
    rules: { built_in_builder: false, deploy: "none", coverage_floor: 0 },
    agents: { maker: { code: agentThatWrites(smallCode()), capabilities: ["builder"], slots: 2 } },
  });
  const folder = house.path("SERVICES/locked");
  await mkdir(folder);
  // Root may write where nobody may: there it takes a disk that is mounted read-only.
  const root = process.getuid?.() === 0;
  if (root && !mountSmallDisk(folder, "16m")) {
    t.skip("as root a folder is read-only only on a disk of its own, and none can be mounted here");
    return;
  }
  if (root) house.undoFirst(() => execFileSync("umount", ["-l", folder]));
  await house.running().keeper.stop();
  await house.addService("locked", { "SPEC.md": smallSpec("locked") });
  const lock = async (on: boolean) =>
    root
      ? void execFileSync("mount", ["-o", `remount,${on ? "ro" : "rw"}`, folder])
      : chmod(folder, on ? 0o555 : 0o755);
  await lock(true);
  if (!root) house.undoFirst(() => chmod(folder, 0o755));
  await house.down();
  await house.up();
  const { tickets } = await house.waitFor("locked", ({ runs }) => runs.some(({ outcome }) => outcome === "failed"));
  assert.match(String(tickets[0]!["last_error"]), /cannot be written \((EROFS|EACCES).*make it writable/);
  await lock(false);
  await house.runAgain("locked");
  const story = await house.waitFor("locked", ({ item }) => item?.["phase"] === "READY_FOR_DEPLOY");
  assert.ok(!isHealthy(story));
});

function mountSmallDisk(path: string, size: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=0755`, "tmpfs", path], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
