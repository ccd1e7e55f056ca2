import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  access,
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { removeFolder } from "#system/testing.ts";
import { applyChanges } from "./apply-changes.ts";
import { readBaseline, saveBaseline } from "./baseline.ts";
import { collectChanges } from "./collect-changes.ts";
import { prepareWorkplace } from "./prepare-workplace.ts";

test("a workplace is a copy of the service without what is installed, cached or Steward's own", async (t) => {
  const { serviceDir, workDir } = await service(t, {
    "SPEC.md": "# Quotes",
    "src/main.ts": "one",
    "src/PRODUCTION/kept.txt": "only the folder at the top is Steward's",
    "run.sh": "#!/bin/sh",
    "node_modules/left-pad/index.js": "x",
    "app/node_modules/deep/index.js": "x",
    "src/coverage/rates.ts": "an insurer's own",
    "coverage/index.html": "x",
    ".git/config": "x",
    "lib/.git": "gitdir: /elsewhere",
    ".venv/bin/python": "x",
    "lib/__pycache__/a.pyc": "x",
    "PRODUCTION/deployed_config.json": "{}",
    ".steward/verdicts.json": "{}",
  });
  await chmod(join(serviceDir, "run.sh"), 0o755);
  const baseline = await prepareWorkplace({ serviceDir, workDir });
  assert.deepEqual(await filesIn(workDir), [
    "SPEC.md",
    "run.sh",
    "src/PRODUCTION/kept.txt",
    "src/coverage/rates.ts",
    "src/main.ts",
  ]);
  assert.deepEqual(Object.keys(baseline.files).toSorted(), await filesIn(workDir));
  assert.equal((await lstat(join(workDir, "run.sh"))).mode & 0o777, 0o755);
  assert.equal(baseline.files["run.sh"]?.executable, true);
  assert.deepEqual(await collectChanges(workDir, baseline), { changes: [], refused: [] });
});

test("links that lead out of a service, pipes and absolute links are not copied", async (t) => {
  const { serviceDir, workDir, home } = await service(t, { "src/main.ts": "one", "../secret.txt": "secret" });
  await symlink("main.ts", join(serviceDir, "src/inside.ts"));
  await symlink("../../secret.txt", join(serviceDir, "src/outside.txt"));
  await symlink(join(serviceDir, "src/main.ts"), join(serviceDir, "absolute.ts"));
  await symlink(home, join(serviceDir, "folder"));
  await symlink("loop", join(serviceDir, "loop"));
  execFileSync("mkfifo", [join(serviceDir, "pipe")]);
  const baseline = await prepareWorkplace({ serviceDir, workDir });
  assert.deepEqual(await filesIn(workDir), ["src/inside.ts", "src/main.ts"]);
  assert.equal(await readlink(join(workDir, "src/inside.ts")), "main.ts");
  assert.deepEqual(await collectChanges(workDir, baseline), { changes: [], refused: [] });
});

test("a service that is too large is refused with what to do, and leaves no half copy", async (t) => {
  const { serviceDir, workDir } = await service(t, { a: "12345", b: "12345" });
  const refused = { code: "invalid", message: /keep data and what is installed out of it/ };
  const limits = { files: 10, bytes: 8, fileBytes: 6 };
  await assert.rejects(prepareWorkplace({ serviceDir, workDir, limits }), refused);
  await assert.rejects(prepareWorkplace({ serviceDir, workDir, limits: { ...limits, bytes: 99, files: 1 } }), refused);
  await assert.rejects(prepareWorkplace({ serviceDir, workDir, limits: { ...limits, fileBytes: 4 } }), {
    message: /a is larger than/,
  });
  await assert.rejects(access(workDir));
  await prepareWorkplace({ serviceDir, workDir });
  await assert.rejects(prepareWorkplace({ serviceDir, workDir }), { code: "conflict" });
});

test("what a run added, changed and removed is collected and taken over, and doing it again changes nothing", async (t) => {
  const run = await prepared(t, { "src/a.ts": "a", "src/b.ts": "b", "old/deep/gone.ts": "gone", "same.txt": "same" });
  await put(run.workDir, { "src/a.ts": "A", "new/deep/c.sh": "c", __proto__x: "odd" });
  await put(run.workDir, { ["__proto__"]: "odder" });
  await chmod(join(run.workDir, "new/deep/c.sh"), 0o755);
  await rm(join(run.workDir, "old"), { recursive: true });
  await put(run.workDir, { "node_modules/x/index.js": "installed by the agent" });
  const { changes, refused } = await collectChanges(run.workDir, run.baseline);
  assert.deepEqual(
    changes.map(({ path, kind }) => `${kind} ${path}`),
    ["added __proto__", "added __proto__x", "added new/deep/c.sh", "removed old/deep/gone.ts", "changed src/a.ts"],
  );
  assert.deepEqual(refused, []);

  // As after a kill -9 in the middle: some are done, and an unfinished file lies beside one.
  await applyChanges({ ...run, changes: changes.slice(0, 2) });
  await put(run.serviceDir, { "src/a.ts.0123456789ab.tmp": "half" });
  for (const round of [1, 2]) {
    const { applied, conflicts, proposals } = await applyChanges({ ...run, changes });
    assert.equal(applied.length, 5, `round ${round}`);
    assert.deepEqual([conflicts, proposals], [[], []]);
  }
  assert.deepEqual(await filesIn(run.serviceDir), [
    "__proto__",
    "__proto__x",
    "new/deep/c.sh",
    "same.txt",
    "src/a.ts",
    "src/b.ts",
  ]);
  assert.equal(await readFile(join(run.serviceDir, "src/a.ts"), "utf8"), "A");
  assert.equal((await lstat(join(run.serviceDir, "new/deep/c.sh"))).mode & 0o111, 0o111);
  await assert.rejects(access(join(run.serviceDir, "old")), "a folder that became empty goes as well");
});

test("a file that a person edited, made or removed during a run is kept and reported", async (t) => {
  const run = await prepared(t, { "edited.ts": "1", "removed.ts": "1", "agreed.ts": "1", "deleted.ts": "1" });
  await put(run.workDir, { "edited.ts": "2", "removed.ts": "2", "agreed.ts": "2", "made.ts": "2", "blocked.ts": "2" });
  await rm(join(run.workDir, "deleted.ts"));
  const { changes } = await collectChanges(run.workDir, run.baseline);
  await put(run.serviceDir, { "edited.ts": "mine", "agreed.ts": "2", "made.ts": "mine", "deleted.ts": "mine" });
  await rm(join(run.serviceDir, "removed.ts"));
  await mkdir(join(run.serviceDir, "blocked.ts"));
  const { applied, conflicts } = await applyChanges({ ...run, changes });
  assert.deepEqual(applied, ["agreed.ts"]);
  assert.deepEqual(Object.fromEntries(conflicts.map(({ path, reason }) => [path, reason])), {
    "edited.ts": "It was edited during the run.",
    "removed.ts": "It was removed during the run.",
    "made.ts": "It was made during the run, with other content.",
    "deleted.ts": "It was edited during the run.",
    "blocked.ts": "A folder, a link or something else that is not a file stands there.",
  });
  for (const path of ["edited.ts", "made.ts", "deleted.ts"]) {
    assert.equal(await readFile(join(run.serviceDir, path), "utf8"), "mine");
  }
});

test("changes to what judges a run are proposals with their difference, and so is the removal of a test", async (t) => {
  const run = await prepared(t, {
    "SPEC.md": "# Quotes\n\n## Success Criteria\n80 % coverage\n",
    "tests/quotes.test.ts": "test",
    "tests/moved.test.ts": "moved",
    "src/old.ts": "old",
  });
  await put(run.workDir, {
    "SPEC.md": "# Quotes\n\n## Success Criteria\n1 % coverage\n",
    "Steward.YAML": "coverage: 0",
    ".github/workflows/ci.yml": "on: push",
    ".steward/verdicts.json": "{}",
    "PRODUCTION/deployed_config.json": "{}",
    "deep/HEARTBEAT.md": "all is well",
  });
  await rm(join(run.workDir, "tests/quotes.test.ts"));
  await rm(join(run.workDir, "src/old.ts"));
  await rename(join(run.workDir, "tests/moved.test.ts"), join(run.workDir, "tests/other.test.ts"));
  const { changes } = await collectChanges(run.workDir, run.baseline);
  const { applied, conflicts, proposals } = await applyChanges({ ...run, changes });
  assert.deepEqual(applied.toSorted(), ["src/old.ts", "tests/moved.test.ts", "tests/other.test.ts"]);
  assert.deepEqual(conflicts, []);
  assert.deepEqual(proposals.map(({ path, kind }) => `${kind} ${path}`).toSorted(), [
    "added .github/workflows/ci.yml",
    "added .steward/verdicts.json",
    "added PRODUCTION/deployed_config.json",
    "added Steward.YAML",
    "added deep/HEARTBEAT.md",
    "changed SPEC.md",
    "removed tests/quotes.test.ts",
  ]);
  assert.equal(
    proposals.find(({ path }) => path === "SPEC.md")?.diff,
    "@@ line 4 @@\n  \n  ## Success Criteria\n- 80 % coverage\n+ 1 % coverage",
  );
  assert.match(await readFile(join(run.serviceDir, "SPEC.md"), "utf8"), /80 % coverage/);
  assert.deepEqual(await filesIn(run.serviceDir), ["SPEC.md", "tests/other.test.ts", "tests/quotes.test.ts"]);
});

test("a hostile work folder gets nothing read from or written to places outside", async (t) => {
  const run = await prepared(t, { "src/a.ts": "a", "src/b.ts": "b", "keep.ts": "keep" });
  const secret = join(run.home, "secret");
  await put(run.home, { "secret/a.ts": "secret", "secret/.keep": "" });
  await rm(join(run.workDir, "src"), { recursive: true });
  await symlink(secret, join(run.workDir, "src"));
  await symlink("/etc/passwd", join(run.workDir, "passwd"));
  await rm(join(run.workDir, "keep.ts"));
  execFileSync("mkfifo", [join(run.workDir, "keep.ts")]);
  await put(run.workDir, { "evil\u202etxt.exe": "x", "line\nbreak": "x", "back\\slash": "x" });
  const { changes, refused } = await collectChanges(run.workDir, run.baseline);
  assert.deepEqual(changes, [], "nothing is taken, and what a link covers is not taken for removed");
  assert.deepEqual(refused.map(({ path }) => path).toSorted(), [
    "back\\\\slash",
    "evil\u202etxt.exe",
    "keep.ts",
    "line\\nbreak",
    "passwd",
    "src",
  ]);
  for (const path of ["../out.ts", "a/../../out.ts", "/out.ts", "a//b", ".git/hooks/pre-commit", ""]) {
    await assert.rejects(
      applyChanges({ ...run, changes: [{ path, kind: "removed" }] }),
      { code: "invalid" },
      JSON.stringify(path),
    );
  }
  assert.deepEqual(await readdir(secret), [".keep", "a.ts"]);
});

test("a link that appears in the service during a run is never written through", async (t) => {
  const run = await prepared(t, { "src/a.ts": "a", "b.ts": "b" });
  await put(run.home, { "elsewhere/a.ts": "a", "elsewhere/b.ts": "b" });
  await put(run.workDir, { "src/a.ts": "A", "src/new/c.ts": "C", "b.ts": "B" });
  const { changes } = await collectChanges(run.workDir, run.baseline);
  await rm(join(run.serviceDir, "src"), { recursive: true });
  await symlink(join(run.home, "elsewhere"), join(run.serviceDir, "src"));
  await rm(join(run.serviceDir, "b.ts"));
  await symlink(join(run.home, "elsewhere/b.ts"), join(run.serviceDir, "b.ts"));
  const { applied, conflicts } = await applyChanges({ ...run, changes });
  assert.deepEqual(applied, []);
  assert.deepEqual(conflicts.map(({ path }) => path).toSorted(), ["b.ts", "src/a.ts", "src/new/c.ts"]);
  assert.deepEqual(await readdir(join(run.home, "elsewhere")), ["a.ts", "b.ts"]);
  assert.equal(await readFile(join(run.home, "elsewhere/a.ts"), "utf8"), "a");
  assert.equal(await readFile(join(run.home, "elsewhere/b.ts"), "utf8"), "b");
});

test("a service's folder that was moved away or turned into a link during a run gets nothing written to", async (t) => {
  const run = await prepared(t, { "a.ts": "a" });
  await put(run.workDir, { "a.ts": "A", "b.ts": "B" });
  const { changes } = await collectChanges(run.workDir, run.baseline);
  await rename(run.serviceDir, `${run.serviceDir}-renamed`);
  await assert.rejects(applyChanges({ ...run, changes }), { code: "not_found", message: /not there any more/ });
  await put(run.home, { "elsewhere/a.ts": "a" });
  await symlink(join(run.home, "elsewhere"), run.serviceDir);
  await assert.rejects(applyChanges({ ...run, changes }), { code: "conflict", message: /elsewhere now/ });
  assert.deepEqual(await filesIn(join(run.home, "elsewhere")), ["a.ts"]);
  assert.equal(await readFile(join(run.home, "elsewhere/a.ts"), "utf8"), "a");
});

test("a run that removes its work folder, or puts a link in its place, has left nothing", async (t) => {
  const run = await prepared(t, { "a.ts": "a" });
  await rm(run.workDir, { recursive: true });
  await assert.rejects(collectChanges(run.workDir, run.baseline), { code: "invalid", message: /put something else/ });
  await put(run.home, { "secrets/key": "secret" });
  await symlink(join(run.home, "secrets"), run.workDir);
  await assert.rejects(collectChanges(run.workDir, run.baseline), { code: "invalid", message: /put something else/ });
});

test("a name as long as a file system takes is taken over", async (t) => {
  const run = await prepared(t, {});
  const names = ["x".repeat(255), "é".repeat(127)];
  await put(run.workDir, Object.fromEntries(names.map((name) => [name, name])));
  const { changes } = await collectChanges(run.workDir, run.baseline);
  assert.equal((await applyChanges({ ...run, changes })).applied.length, 2);
  assert.deepEqual(await filesIn(run.serviceDir), names);
});

test("a file may become a folder and a folder a file", async (t) => {
  const run = await prepared(t, { thing: "file", "other/inner.ts": "inner" });
  await rm(join(run.workDir, "thing"));
  await put(run.workDir, { "thing/inside.ts": "inside" });
  await rm(join(run.workDir, "other"), { recursive: true });
  await put(run.workDir, { other: "now a file" });
  const { changes } = await collectChanges(run.workDir, run.baseline);
  const { conflicts } = await applyChanges({ ...run, changes });
  assert.deepEqual(conflicts, []);
  assert.deepEqual(await filesIn(run.serviceDir), ["other", "thing/inside.ts"]);
});

test("what changed in the work folder after it was looked at is not taken over", async (t) => {
  const run = await prepared(t, { "a.ts": "a" });
  await put(run.workDir, { "a.ts": "judged" });
  const { changes } = await collectChanges(run.workDir, run.baseline);
  await put(run.workDir, { "a.ts": "swapped" });
  await assert.rejects(applyChanges({ ...run, changes }), { code: "conflict", message: /collect again/ });
  assert.equal(await readFile(join(run.serviceDir, "a.ts"), "utf8"), "a");
});

test("a run that leaves too much is refused", async (t) => {
  const run = await prepared(t, {});
  await put(run.workDir, { a: "1", b: "2", c: "3" });
  const limits = { files: 2, bytes: 100, fileBytes: 100 };
  await assert.rejects(collectChanges(run.workDir, run.baseline, { limits }), { code: "invalid" });
});

test("what cannot be read is told: a service is refused, a run's file is not taken for removed", async (t) => {
  const { serviceDir, workDir } = await service(t, { "src/a.ts": "a", "b.ts": "b" });
  const script = `
    const { prepareWorkplace } = await import(${JSON.stringify(import.meta.resolve("./prepare-workplace.ts"))});
    const { collectChanges } = await import(${JSON.stringify(import.meta.resolve("./collect-changes.ts"))});
    const { chmod, mkdir } = await import("node:fs/promises");
    const [serviceDir, workDir] = process.argv.slice(1);
    // Root may read everything.
    if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534); }
    const baseline = await prepareWorkplace({ serviceDir, workDir });
    await chmod(workDir + "/src", 0);
    await chmod(workDir + "/b.ts", 0);
    const collected = await collectChanges(workDir, baseline);
    await chmod(workDir + "/src", 0o755);
    const again = { serviceDir: workDir, workDir: workDir + ".again" };
    const refused = await prepareWorkplace(again).catch(({ code, message }) => ({ code, message }));
    console.log(JSON.stringify({ collected, refused }));`;
  await chmod(dirname(serviceDir), 0o777);
  const told = JSON.parse(
    execFileSync(process.execPath, ["--input-type=module", "-e", script, serviceDir, workDir], { encoding: "utf8" }),
  ) as unknown;
  assert.deepEqual(told, {
    collected: {
      changes: [],
      refused: [
        { path: "b.ts", reason: "It cannot be read." },
        { path: "src", reason: "It cannot be read." },
      ],
    },
    refused: { code: "invalid", message: `${workDir}/b.ts cannot be read: give Steward's user the right to.` },
  });
});

test("a baseline read back is the one that was saved", async (t) => {
  const run = await prepared(t, { a: "1", ["__proto__"]: "2" });
  const path = join(run.home, "baseline.json");
  await saveBaseline(path, run.baseline);
  assert.deepEqual(await readBaseline(path), run.baseline);
  assert.equal((await readBaseline(path)).files["toString"], undefined);
});

async function service(context: TestContext, files: Record<string, string>) {
  const home = await mkdtemp(join(tmpdir(), "steward-workplace-"));
  context.after(() => removeFolder(home));
  const serviceDir = join(home, "service");
  await mkdir(serviceDir);
  await put(serviceDir, files);
  return { home, serviceDir, workDir: join(home, "work") };
}

async function prepared(context: TestContext, files: Record<string, string>) {
  const made = await service(context, files);
  return { ...made, baseline: await prepareWorkplace(made) };
}

async function put(folder: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((path) => !path.includes("node_modules"))
    .toSorted();
}
