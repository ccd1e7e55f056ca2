import { deepEqual, equal, rejects } from "node:assert/strict";
import { chmod, lstat, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { cleanCopy } from "./clean-copy.ts";
import { contentHash } from "./content-hash.ts";
import { makeService } from "./fixtures/make-service.ts";

const limits = { copyLimitBytes: 1 << 20, copyLimitFiles: 100 };

test("a clean copy has the content, its execute bits, and nothing that tools left", async (t) => {
  const service = await makeService(t, {
    "src/run.sh": "#!/bin/sh\n",
    "node_modules/x/i.js": "1",
    "coverage/lcov.info": "1",
    ".git": "gitdir: /home/owner/.git/worktrees/quotes",
  });
  await chmod(join(service.dir, "src/run.sh"), 0o555);
  const target = join(service.top, "copy");
  const copied = await cleanCopy(service.dir, target, limits);
  deepEqual({ files: copied.files, left: copied.left }, { files: 1, left: [] });
  deepEqual(await readdir(target), ["src"]);
  equal((await stat(join(target, "src/run.sh"))).mode & 0o700, 0o700);
  equal(await contentHash(target), await contentHash(service.dir));
});

test("Steward's own lines of a README are not copied, since no verdict is about them; all else of it is, byte for byte", async (t) => {
  const own = "# Quotes\r\n\n  caf\u00e9\n";
  const service = await makeService(t, {
    "README.md": `${own}<!-- steward:status --> run(this)\n`,
    "docs/README.md": "<!-- steward:status -->",
  });
  await chmod(join(service.dir, "README.md"), 0o444);
  const target = join(service.top, "copy");
  await cleanCopy(service.dir, target, limits);
  equal(await readFile(join(target, "README.md"), "utf8"), own);
  equal(await readFile(join(target, "docs/README.md"), "utf8"), "<!-- steward:status -->", "is hashed, and so copied");
  equal(await contentHash(target), await contentHash(service.dir));
});

test("links that lead out are left behind and named; those inside stay links", async (t) => {
  const service = await makeService(t, { "src/a.js": "1" });
  await writeFile(join(service.top, "secret"), "s");
  await symlink("a.js", join(service.dir, "src/b.js"));
  await symlink("../secret", join(service.dir, "out"));
  await symlink("/etc/passwd", join(service.dir, "absolute"));
  await symlink("out", join(service.dir, "through"));
  const target = join(service.top, "copy");
  const { left } = await cleanCopy(service.dir, target, limits);
  deepEqual(left.toSorted(), [
    "absolute: its target is an absolute path",
    "out: it points outside the service",
    "through: it points outside the service",
  ]);
  equal(await readlink(join(target, "src/b.js")), "a.js");
  equal(await readFile(join(target, "src/b.js"), "utf8"), "1");
});

test("content beyond the limits is refused with the limit, and no half copy stays", async (t) => {
  const service = await makeService(t, { a: "12345", b: "12345" });
  const target = join(service.top, "copy");
  await rejects(cleanCopy(service.dir, target, { ...limits, copyLimitFiles: 1 }), { message: /more than 1 files/ });
  await rejects(cleanCopy(service.dir, target, { ...limits, copyLimitBytes: 9 }), { message: /too large to prove/ });
  await rejects(lstat(target), { code: "ENOENT" });
});
