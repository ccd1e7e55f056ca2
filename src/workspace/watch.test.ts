import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, renameSync, rmSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { settleWindow } from "./settle.ts";
import { completeSpec, folderWith, service, writeFiles, type Files } from "./tree.fixture.ts";
import { watchServices, type WatchOptions } from "./watch.ts";

/** Timers that ring only when the test says so, and tell what is set. */
function handTimers() {
  const set = new Map<number, () => void>();
  let last = 0;
  return {
    set: (action: () => void) => (set.set(++last, action), last),
    clear: (timer: never) => void set.delete(timer),
    ring() {
      const due = [...set.values()];
      set.clear();
      for (const action of due) action();
    },
    waiting: () => set.size,
  };
}

/** A watched workspace, whose settle window ends when the test says so. */
function watched(t: TestContext, files: Files, options: Partial<WatchOptions> = {}) {
  const dir = folderWith(t, files);
  const folder = join(dir, "SERVICES");
  const timers = handTimers();
  const changed: string[] = [];
  const reasons: string[] = [];
  const services = watchServices({
    folder,
    changed: (name) => changed.push(name),
    registryChanged: () => changed.push("(registry)"),
    degraded: (reason) => reasons.push(reason),
    timers,
    ...options,
  });
  services.start();
  t.after(() => services.stop());
  return {
    dir,
    folder,
    services,
    reasons,
    /** Waits for the kernel's events about what was just done, lets them settle, and says what was told. */
    async told(expected: number): Promise<string[]> {
      const end = performance.now() + 5000;
      for (;;) {
        while (timers.waiting() === 0 && changed.length < expected && performance.now() < end) await turn();
        // A burst may still be on its way: let the loop turn until nothing new comes.
        for (let quiet = 0; quiet < 20; quiet++) await turn();
        timers.ring();
        if (new Set(changed).size >= expected || performance.now() > end)
          return [...new Set(changed.splice(0))].toSorted();
      }
    },
    /** Makes an unrelated change and says what was told besides it. */
    async toldBesides(): Promise<string[]> {
      writeFiles(folder, { "witness/SPEC.md": String(performance.now()) });
      const all = new Set<string>();
      while (!all.has("witness")) for (const name of await this.told(1)) all.add(name);
      all.delete("witness");
      return [...all];
    },
  };
}

test("a save is told with its service's name, once it has settled", async (t) => {
  const w = watched(t, service("a", { "SPEC.md": "x", "BUILD/src/main.py": "x" }));
  writeFileSync(join(w.folder, "a/SPEC.md"), completeSpec);
  assert.deepEqual(await w.told(1), ["a"]);
  appendFileSync(join(w.folder, "a/BUILD/src/main.py"), "y = 2\n");
  assert.deepEqual(await w.told(1), ["a"]);
});

test("the save by rename that editors use is seen, again and again", async (t) => {
  const w = watched(t, service("a", { "SPEC.md": "x" }));
  for (let save = 0; save < 3; save++) {
    writeFileSync(join(w.folder, "a/.SPEC.md.new"), `save ${save}`);
    renameSync(join(w.folder, "a/.SPEC.md.new"), join(w.folder, "a/SPEC.md"));
    assert.deepEqual(await w.told(1), ["a"]);
  }
});

test("a new service, and new folders in it, are watched as they appear", async (t) => {
  const w = watched(t, service("a", { "SPEC.md": "x" }));
  mkdirSync(join(w.folder, "b"));
  assert.deepEqual(await w.told(1), ["b"]);
  writeFileSync(join(w.folder, "b/SPEC.md"), "x");
  assert.deepEqual(await w.told(1), ["b"]);
  mkdirSync(join(w.folder, "b/BUILD/src/deep"), { recursive: true });
  assert.deepEqual(await w.told(1), ["b"]);
  writeFileSync(join(w.folder, "b/BUILD/src/deep/main.py"), "x");
  assert.deepEqual(await w.told(1), ["b"]);
});

test("a service that is deleted and made again is told both times, and watched again", async (t) => {
  const w = watched(t, service("a", { "SPEC.md": "x", "src/main.py": "x" }));
  rmSync(join(w.folder, "a"), { recursive: true });
  assert.deepEqual(await w.told(1), ["a"]);
  writeFiles(w.folder, { "a/SPEC.md": "x", "a/src/main.py": "x" });
  assert.deepEqual(await w.told(1), ["a"]);
  writeFileSync(join(w.folder, "a/src/main.py"), "y");
  assert.deepEqual(await w.told(1), ["a"]);
  rmSync(join(w.folder, "a"), { recursive: true });
  writeFiles(w.folder, { "a/src/main.py": "x" });
  assert.deepEqual(await w.told(1), ["a"]);
  writeFileSync(join(w.folder, "a/src/main.py"), "at once deleted and made again");
  assert.deepEqual(await w.told(1), ["a"]);
});

test("the whole folder of services may be moved away and come back", async (t) => {
  const w = watched(t, { ...service("a", { "SPEC.md": "x" }), ...service("b", { "SPEC.md": "x" }) });
  renameSync(w.folder, `${w.folder}.old`);
  assert.deepEqual(await w.told(2), ["a", "b"]);
  renameSync(`${w.folder}.old`, w.folder);
  assert.deepEqual(await w.told(2), ["a", "b"]);
  writeFileSync(join(w.folder, "b/SPEC.md"), "y");
  assert.deepEqual(await w.told(1), ["b"]);
});

test("the registry is told apart from the services", async (t) => {
  const w = watched(t, service("a", { "SPEC.md": "x" }));
  writeFileSync(join(w.folder, "SERVICE_REGISTRY.json"), "{}");
  assert.deepEqual(await w.told(1), ["(registry)"]);
});

test("what Steward writes, what is installed and what editors leave is not told", async (t) => {
  const w = watched(t, {
    ...service("a", { "SPEC.md": "x", "node_modules/x/index.js": "", "PRODUCTION/log.md": "", ".git/HEAD": "" }),
    ...service("_template", { "SPEC.md": "x" }),
  });
  for (const path of [
    "a/node_modules/x/index.js",
    "a/PRODUCTION/log.md",
    "a/.git/HEAD",
    "_template/SPEC.md",
    "a/SPEC.md~",
    "a/.SPEC.md.swp",
  ]) {
    writeFileSync(join(w.folder, path), "y");
  }
  assert.deepEqual(await w.toldBesides(), []);
});

test("where the workspace is one service, its neighbours are not told", async (t) => {
  const w = watched(t, { ...service("a", { "SPEC.md": "x" }), ...service("b", { "SPEC.md": "x" }) }, { only: ["a"] });
  writeFileSync(join(w.folder, "b/SPEC.md"), "y");
  writeFileSync(join(w.folder, "a/SPEC.md"), "y");
  assert.deepEqual(await w.told(1), ["a"]);
  assert.equal(w.services.watchedFolders(), 3);
});

test("without watches to spare it says so once, and what is watched goes on being told", async (t) => {
  let left = 3;
  const watchFolder = ((...args: Parameters<typeof watch>) => {
    if (left-- <= 0)
      throw Object.assign(new Error("ENOSPC: System limit for number of file watchers reached"), { code: "ENOSPC" });
    return watch(...args);
  }) as typeof watch;
  const w = watched(
    t,
    { ...service("a", { "SPEC.md": "x" }), ...service("b", { "SPEC.md": "x" }), ...service("c", { "SPEC.md": "x" }) },
    { watchFolder },
  );
  assert.equal(w.reasons.length, 1);
  assert.match(w.reasons[0]!, /only swept.*max_user_watches/);
  writeFileSync(join(w.folder, "a/SPEC.md"), "y");
  assert.deepEqual(await w.told(1), ["a"]);
});

test("starting and stopping twice is the same as once, and nothing is told after a stop", async (t) => {
  const w = watched(t, service("a", { "SPEC.md": "x" }));
  w.services.start();
  assert.equal(w.services.watchedFolders(), 3);
  writeFileSync(join(w.folder, "a/SPEC.md"), "y");
  while (!w.services.isSettling("a")) await turn();
  w.services.stop();
  w.services.stop();
  assert.equal(w.services.watchedFolders(), 0);
  assert.equal(w.services.isSettling("a"), false);
  w.services.start();
  writeFileSync(join(w.folder, "a/SPEC.md"), "z");
  assert.deepEqual(await w.told(1), ["a"]);
});

test("each touch begins the settle window anew, for its own service only", () => {
  const timers = handTimers();
  const settled: string[] = [];
  const window = settleWindow({ settle: 2000, settled: (key) => settled.push(key), timers });
  window.touch("a");
  window.touch("b");
  window.touch("a");
  assert.equal(timers.waiting(), 2);
  assert.deepEqual(settled, []);
  timers.ring();
  assert.deepEqual(settled, ["b", "a"]);
  assert.equal(window.has("a"), false);
});

test("the settle window is real time when nobody says otherwise", async (t) => {
  const dir = folderWith(t, service("a", { "SPEC.md": "x" }));
  const { promise, resolve } = Promise.withResolvers<string>();
  const services = watchServices({ folder: join(dir, "SERVICES"), changed: resolve, settle: 50 });
  services.start();
  t.after(() => services.stop());
  const saved = performance.now();
  writeFileSync(join(dir, "SERVICES/a/SPEC.md"), "y");
  assert.equal(await promise, "a");
  assert.ok(performance.now() - saved >= 49);
});
