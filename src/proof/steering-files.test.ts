import { deepEqual, equal } from "node:assert/strict";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeService } from "./fixtures/make-service.ts";
import { takeSteeringFiles } from "./steering-files.ts";

test("the files that steer tests are taken, at the top and in BUILD, and never through a link", async (t) => {
  const service = await makeService(t, { "BUILD/package.json": "{}", "pytest.ini": "[pytest]\n", "src/index.js": "" });
  await symlink("/etc/passwd", join(service.dir, "tox.ini"));
  deepEqual(await takeSteeringFiles(service.dir), { "BUILD/package.json": "{}", "pytest.ini": "[pytest]\n" });
});

test("where new ones are refused, each that is not there is held to stay away, but for package.json", async (t) => {
  const service = await makeService(t, { "pytest.ini": "[pytest]\n" });
  const pinned = await takeSteeringFiles(service.dir, { refuseNew: true });
  deepEqual([pinned["pytest.ini"], pinned["BUILD/jest.config.js"], pinned.Makefile], ["[pytest]\n", null, null]);
  equal("package.json" in pinned, false);
});
