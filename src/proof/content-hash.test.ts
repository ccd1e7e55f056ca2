import { deepEqual, equal, notEqual, rejects } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { contentHash } from "./content-hash.ts";
import { makeService } from "./fixtures/make-service.ts";

const files = { "SPEC.md": "# Quotes\n", "src/index.js": "export {};\n" };

test("the same content has the same hash wherever it lies, and other content another", async (t) => {
  const one = await makeService(t, files);
  const two = await makeService(t, files);
  const hash = await contentHash(one.dir);
  equal(await contentHash(two.dir), hash);
  await two.write({ "src/index.js": "export {} ;\n" });
  notEqual(await contentHash(two.dir), hash);
});

test("a rename, a move between folders, an execute bit and a new empty file each change the hash", async (t) => {
  const changes: ((dir: string) => Promise<void>)[] = [
    (dir) => rename(join(dir, "src/index.js"), join(dir, "src/main.js")),
    (dir) => rename(join(dir, "src/index.js"), join(dir, "index.js")),
    (dir) => chmod(join(dir, "src/index.js"), 0o755),
    (dir) => writeFile(join(dir, "empty"), ""),
  ];
  const still = await contentHash((await makeService(t, files)).dir);
  const seen = new Set([still]);
  for (const change of changes) {
    const { dir } = await makeService(t, files);
    await change(dir);
    seen.add(await contentHash(dir));
  }
  equal(seen.size, changes.length + 1);
});

test("what tools and Steward write does not change the hash", async (t) => {
  const service = await makeService(t, { ...files, "README.md": "# Quotes\n\nSays quotes.\n" });
  const hash = await contentHash(service.dir);
  await service.write({
    "node_modules/x/index.js": "1",
    "BUILD/node_modules/x.js": "1",
    ".venv/bin/python": "1",
    "src/__pycache__/a.cpython-311.pyc": "1",
    ".pytest_cache/v": "1",
    ".coverage": "1",
    "coverage/lcov.info": "1",
    "PRODUCTION/deployed_config.json": "{}",
    ".git/HEAD": "ref",
    ".steward/verdicts.json": "{}",
    "README.md": "# Quotes\n\n**Status:** TEST <!-- steward:status -->\n\nSays quotes.\n",
    ".README.md.0123456789ab.tmp": "# Quotes\n\nhalf a st",
  });
  equal(await contentHash(service.dir), hash);
  await service.write({ "README.md": "# Quotes\n\nSays other quotes.\n" });
  notEqual(await contentHash(service.dir), hash);
});

test("code in folders that only sound like a tool's counts", async (t) => {
  const service = await makeService(t, files);
  const hashes = [await contentHash(service.dir)];
  for (const path of [
    "src/coverage/claim.js",
    "src/PRODUCTION/line.js",
    "data/coverage.json",
    ".coveragerc",
    ".env.example",
  ]) {
    await service.write({ [path]: "1" });
    hashes.push(await contentHash(service.dir));
  }
  equal(new Set(hashes).size, hashes.length);
});

test("a README that Steward made counts as none", async (t) => {
  const service = await makeService(t, files);
  const hash = await contentHash(service.dir);
  await service.write({ "README.md": "Status: BUILD <!-- steward:status -->\n" });
  equal(await contentHash(service.dir), hash);
});

test("a link counts by its text and is never followed", async (t) => {
  const service = await makeService(t, files);
  await writeFile(join(service.top, "secret"), "one");
  await symlink("../secret", join(service.dir, "link"));
  const hash = await contentHash(service.dir);
  await writeFile(join(service.top, "secret"), "two");
  equal(await contentHash(service.dir), hash);
  await symlink(".", join(service.dir, "circle"));
  notEqual(await contentHash(service.dir), hash);
});

test("pipes are passed by, and names that are not UTF-8 are taken as they are", async (t) => {
  const service = await makeService(t, files);
  const hash = await contentHash(service.dir);
  execFileSync("mkfifo", [join(service.dir, "pipe")]);
  equal(await contentHash(service.dir), hash);
  const odd = (byte: number) => Buffer.concat([Buffer.from(`${service.dir}/`), Buffer.of(byte)]);
  await writeFile(odd(0xff), "1");
  const one = await contentHash(service.dir);
  await rename(odd(0xff), odd(0xfe));
  deepEqual([one === hash, (await contentHash(service.dir)) === one], [false, false]);
});

test("a folder that is not there is a failure that names it", async (t) => {
  const { top } = await makeService(t);
  await rejects(contentHash(join(top, "none")), { name: "Failure", message: /none cannot be read: it is not there/ });
});

test("a thousand files are hashed in a moment", async (t) => {
  const { dir } = await makeService(t);
  for (let folder = 0; folder < 10; folder += 1) {
    await mkdir(join(dir, `f${folder}`));
    await Promise.all(Array.from({ length: 100 }, (_, at) => writeFile(join(dir, `f${folder}`, `${at}.js`), `${at}`)));
  }
  const started = performance.now();
  equal(await contentHash(dir), await contentHash(dir));
  // Measured 0.1 s each on two cores; a hundred times that is a fault and not a busy machine.
  equal(performance.now() - started < 10_000, true);
});
