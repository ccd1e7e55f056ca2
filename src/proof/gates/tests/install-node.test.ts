import { deepEqual, equal, match } from "node:assert/strict";
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { greenNode, makeService } from "#proof/fixtures/make-service.ts";
import { testsGate } from "#proof/gates/tests.ts";

test("locked dependencies are installed once, and a test that changes them changes only its own copy", async (t) => {
  const { dir, write, input, cacheDir } = await makeService(t);
  const registry = await serveTarball(t);
  await write({
    ...greenNode,
    ...lockedOn(registry.url, registry.integrity),
    "src/sum.js": `import { add } from "tiny";\nexport const sum = (a, b) => add(a, b);\n`,
    "tests/poison.test.js": `import { test } from "node:test";
import { readFileSync, writeFileSync } from "node:fs";
const path = new URL("../node_modules/tiny/index.js", import.meta.url);
test("poisons", () => writeFileSync(path, readFileSync(path, "utf8") + "// poisoned\\n"));
`,
  });
  const first = await testsGate.run(input());
  deepEqual(first.reasons, ["3/3 tests pass; 100 % of lines covered"]);
  equal((await testsGate.run(input())).ok, true);
  equal(registry.served(), 1);
  const [kept] = await readdir(join(cacheDir, "node"));
  equal((await readFile(join(cacheDir, "node", kept!, "tiny/index.js"), "utf8")).includes("poisoned"), false);
  equal((await readdir(dir)).includes("node_modules"), false);
});

test("an install that fails is its own reason and never a failing test", async (t) => {
  const registry = await serveTarball(t);
  const service = await makeService(t, { ...greenNode, ...lockedOn(`${registry.url}.gone`, registry.integrity) });
  const { ok, facts, reasons } = await testsGate.run(service.input());
  deepEqual([ok, facts.kind, facts.tests], [false, "install_failed", undefined]);
  match(reasons[0]!, /^npm ci failed: .*E404/);
  deepEqual(await readdir(join(service.cacheDir, "node")), []);
});

test("a package of the service's own tree is installed in place, and install scripts do not run", async (t) => {
  const service = await makeService(t, {
    ...greenNode,
    "package.json": `{ "name": "sums", "type": "module", "dependencies": { "tiny": "file:./packages/tiny" }, "scripts": { "postinstall": "touch ran" } }`,
    "packages/tiny/package.json": `{ "name": "tiny", "version": "1.0.0", "type": "module", "exports": "./index.js" }`,
    "packages/tiny/index.js": "export const add = (a, b) => a + b;\n",
    "src/sum.js": `import { add } from "tiny";\nexport const sum = (a, b) => add(a, b);\n`,
    "tests/ran.test.js": `import { test } from "node:test";
import { equal } from "node:assert/strict";
import { existsSync } from "node:fs";
test("no script ran", () => equal(existsSync(new URL("../ran", import.meta.url)), false));
`,
  });
  const { ok, reasons } = await testsGate.run(service.input());
  deepEqual([ok, reasons], [true, ["3/3 tests pass; 100 % of lines covered"]]);
});

function lockedOn(resolved: string, integrity: string): Record<string, string> {
  const manifest = { name: "sums", version: "1.0.0", type: "module", dependencies: { tiny: "1.0.0" } };
  const root = { name: "sums", version: "1.0.0", dependencies: manifest.dependencies };
  const packages = { "": root, "node_modules/tiny": { version: "1.0.0", resolved, integrity } };
  const lock = { name: "sums", version: "1.0.0", lockfileVersion: 3, packages };
  return { "package.json": JSON.stringify(manifest), "package-lock.json": JSON.stringify(lock) };
}

/** A registry of one tarball, which counts how often it is fetched. */
async function serveTarball(t: TestContext) {
  const { top } = await makeService(t);
  await mkdir(join(top, "package"));
  await writeFile(
    join(top, "package/package.json"),
    `{ "name": "tiny", "version": "1.0.0", "type": "module", "exports": "./index.js" }`,
  );
  await writeFile(join(top, "package/index.js"), "export const add = (a, b) => a + b;\n");
  execFileSync("tar", ["-czf", join(top, "tiny.tgz"), "-C", top, "package"]);
  const tarball = await readFile(join(top, "tiny.tgz"));
  let fetched = 0;
  const server = createServer((request, response) => {
    if (request.url?.endsWith(".tgz") !== true) return void response.writeHead(404).end();
    fetched += 1;
    response.end(tarball);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tiny-1.0.0.tgz`,
    integrity,
    served: () => fetched,
  };
}
