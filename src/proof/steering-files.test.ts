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

test("the scripts behind a stated command are taken, however many hands it goes through, and no tests or sources", async (t) => {
  const files = {
    "package.json": `{ "scripts": { "test": "make check", "other": "node src/main.js" } }`,
    Makefile: "check:\n\t./scripts/check.sh --all\n",
    "scripts/check.sh": ". ci/common; node --test tests/sum.test.js\n",
    "ci/common": "set -e\n",
    "tests/sum.test.js": "",
    "src/main.js": "",
    "run.sh": "",
  };
  const service = await makeService(t, files);
  const pinned = await takeSteeringFiles(service.dir, { command: "npm test" });
  deepEqual(Object.keys(pinned).toSorted(), ["Makefile", "ci/common", "package.json", "scripts/check.sh"]);
  deepEqual(Object.keys(await takeSteeringFiles(service.dir)).toSorted(), ["Makefile", "package.json"]);
});
