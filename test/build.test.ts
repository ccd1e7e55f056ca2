import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { removeFolder } from "#system/testing.ts";
import { build } from "esbuild";

const run = promisify(execFile);
const root = dirname(import.meta.dirname);
let place: string;
let files: string[];

before(async () => {
  place = await mkdtemp(join(tmpdir(), "build-"));
  await run(process.execPath, [join(root, "scripts", "build.mjs"), "--out", join(place, "dist")]);
  await symlink(join(root, "node_modules"), join(place, "node_modules"));
  files = await readdir(join(place, "dist"), { recursive: true });
});

after(() => removeFolder(place));

test("a release has every module as JavaScript, what lies beside it, and no tests", async () => {
  const source = await readdir(join(root, "src"), { recursive: true });
  const isShipped = (file: string) =>
    /\.(ts|mjs|sql)$/.test(file) && !/\.(test|fixture)\.ts$|testing\.ts$|\.d\.m?ts$|fixtures\//.test(file);
  const wanted = source.filter(isShipped).map((file) => file.replace(/\.ts$/, ".js"));
  assert.ok(wanted.length > 10);
  assert.deepEqual(
    wanted.filter((file) => !files.includes(file)),
    [],
  );
  assert.deepEqual(
    files.filter((file) => /\.ts$|\.test\.|fixture/.test(file)),
    [],
  );
});

test("its modules find each other, by # and by ./", async () => {
  const modules = files.filter((file) => file.endsWith(".js")).map((file) => join(place, "dist", file));
  // A bundler follows every import there is, and stops at one that leads nowhere. Nothing of it is kept.
  const { metafile } = await build({
    entryPoints: modules,
    bundle: true,
    write: false,
    metafile: true,
    outdir: join(place, "bundled"),
    platform: "node",
    format: "esm",
    packages: "external",
    logLevel: "silent",
  });
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
  assert.ok(imports.some((one) => one.original?.startsWith("#") && !one.external && one.path.endsWith(".js")));
});

test("Node resolves a module of the release from another of its modules", async () => {
  const module = join(place, "dist", "system", "failure.js");
  const code = `import { createRequire } from "node:module"; console.log(createRequire(${JSON.stringify(module)}).resolve("#system/ids.ts"))`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", code]);
  assert.equal(stdout.trim(), join(place, "dist", "system", "ids.js"));
});
