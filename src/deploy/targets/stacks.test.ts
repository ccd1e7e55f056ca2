import assert from "node:assert/strict";
import { readFile, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { house, writeTree } from "./house.fixture.ts";
import { contentHash } from "#proof/content-hash.ts";
import type { DeployInput } from "./target.ts";

const quiet = () => {};

const PYTHON = `
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"from python")
    def log_message(self, *args):
        pass
HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Answer).serve_forever()
`;

const NODE = `require("node:http").createServer((_, r) => r.end(process.argv.slice(2).join() || "plain")).listen(process.env.PORT, process.env.HOST);`;

describe("a release of", { concurrency: 4 }, () => {
  const trees: Record<string, { files: Record<string, string>; start?: string; answer: string }> = {
    "a node service with a plain start script": {
      files: { "package.json": '{"scripts":{"start":"node lib/run.js --fast"}}', "lib/run.js": NODE },
      answer: "--fast",
    },
    "a node service with a main": {
      files: { "package.json": '{"main":"lib/run.js"}', "lib/run.js": NODE },
      answer: "plain",
    },
    "a node service without a manifest": { files: { "server.js": NODE }, answer: "plain" },
    "a service whose code is in BUILD": {
      files: { "SPEC.md": "# Spec", "BUILD/package.json": "{}", "BUILD/src/index.js": NODE },
      answer: "plain",
    },
    "a service with code in BUILD and beside it, by what was proved": {
      files: {
        "package.json": '{"scripts":{"start":"node src/index.js never-proved"}}',
        "src/index.js": NODE,
        "BUILD/package.json": "{}",
        "BUILD/src/index.js": NODE,
      },
      answer: "plain",
    },
    "a python service": { files: { "src/main.py": PYTHON }, answer: "from python" },
    "a service with the owner's own start command": {
      files: { "odd/place.js": NODE },
      start: "cd odd && node place.js $SERVICE_NAME",
      answer: "quotes",
    },
  };
  for (const [name, { files, start, answer }] of Object.entries(trees)) {
    test(`${name} is started`, async (t) => {
      const { target, settings, place, folder, ask } = await house(t, { confirmations: 1 });
      settings.start = start;
      const input = await proved(folder, settings, files);
      const result = await target.deploy(input, quiet);
      assert.equal(result.ok, true, `${result.reason}\n${result.logTail.join("\n")}`);
      assert.equal(await ask("/"), answer);
      assert.equal(await contentHash(join(place, "releases", "v1")), input.contentHash);
    });
  }
});

test("a service whose start cannot be told is not deployed, and the owner hears what to set", async (t) => {
  const { target, settings, folder, runs } = await house(t);
  const result = await target.deploy(await proved(folder, settings, { "README.md": "nothing here" }), quiet);
  assert.equal(result.ok, false);
  assert.match(result.reason, /Set `start:` in the service's steward\.yaml/);
  assert.deepEqual(await runs(), []);
});

test("what the lockfile names for production is installed, and the packages' scripts do not run", async (t) => {
  const { target, settings, folder, place, ask } = await house(t);
  const files = {
    "package.json": '{"name":"quotes","version":"1.0.0","dependencies":{"greet":"file:greet"}}',
    "package-lock.json": JSON.stringify({
      name: "quotes",
      version: "1.0.0",
      lockfileVersion: 3,
      packages: {
        "": { name: "quotes", version: "1.0.0", dependencies: { greet: "file:greet" } },
        greet: { version: "1.0.0" },
        "node_modules/greet": { resolved: "greet", link: true },
      },
    }),
    "greet/package.json":
      '{"name":"greet","version":"1.0.0","main":"greet.js","scripts":{"install":"touch ran-a-script"}}',
    "greet/greet.js": 'module.exports = "hello from greet";',
    "src/main.js": `const greet = require("greet");
      require("node:http").createServer((_, r) => r.end(greet)).listen(process.env.PORT, process.env.HOST);`,
  };
  const result = await target.deploy(await proved(folder, settings, files), quiet);
  assert.equal(result.ok, true, result.reason);
  assert.equal(await ask("/"), "hello from greet");
  assert.ok(!(await readdir(join(place, "releases", "v1", "greet"))).includes("ran-a-script"));
  const manifest = JSON.parse(await readFile(join(place, "manifests", "v1.json"), "utf8"));
  assert.match(manifest.installed, /npm ci --omit=dev --ignore-scripts/);
});

test("an install that fails is a clear failure, and the next try starts clean", async (t) => {
  const { target, settings, folder, place } = await house(t);
  const input = await proved(folder, settings, {
    "package.json": '{"name":"quotes","version":"1.0.0","dependencies":{"greet":"file:greet"}}',
    "package-lock.json":
      '{"name":"quotes","lockfileVersion":3,"packages":{"":{"name":"quotes"},"node_modules/other":{"resolved":"other","link":true}}}',
  });
  await assert.rejects(target.deploy(input, quiet), /Installing dependencies failed: npm ci .*exit code/);
  assert.deepEqual(await readdir(join(place, "manifests")).catch(() => []), []);
  await assert.rejects(stat(join(place, "change.json")), { code: "ENOENT" });
});

test("a release's files are read-only, and a link that leads outside of the content is refused by name", async (t) => {
  const { target, settings, folder, place } = await house(t, { confirmations: 1 });
  await target.deploy(await proved(folder, settings, { "server.js": NODE }), quiet);
  const release = join(place, "releases", "v1");
  assert.equal((await stat(join(release, "server.js"))).mode & 0o222, 0);

  const content = join(folder, "linked");
  await writeTree(content, { "server.js": NODE });
  await writeFile(join(folder, "private.txt"), "mine");
  await symlink("../private.txt", join(content, "public.txt"));
  const hash = await contentHash(content);
  const input = { settings, version: "v2", content, contentHash: hash, hashContent: contentHash };
  await assert.rejects(target.deploy(input, quiet), /links that lead outside of it: public\.txt/);
  assert.deepEqual(await readdir(join(place, "releases")), ["v1"]);
});

async function proved(
  folder: string,
  settings: DeployInput["settings"],
  files: Record<string, string>,
): Promise<DeployInput> {
  const content = join(folder, "proved");
  await writeTree(content, files);
  return { settings, version: "v1", content, contentHash: await contentHash(content), hashContent: contentHash };
}
