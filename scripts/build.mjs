/**
 * `npm run build`: dist/, what a release ships. Node does not strip types from `.ts` files below node_modules, so a
 * release is JavaScript, file for file like src/, with everything else (migrations, runners, pages) beside it as it is.
 */

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({ options: { out: { type: "string", default: join(root, "dist") } } });

build(options.out);

function build(out) {
  const draft = `${out}.new`;
  rmSync(draft, { recursive: true, force: true });
  compile(draft);
  const copied = copyTheRest(draft);
  writeFileSync(join(draft, "package.json"), manifest());
  rmSync(out, { recursive: true, force: true });
  renameSync(draft, out);
  const files = readdirSync(out, { recursive: true }).filter((file) => file.endsWith(".js"));
  console.error(`Built ${files.length} modules and copied ${copied} files into ${out}`);
}

/** Types are checked by `npm run check`; here they are only taken off, and `./x.ts` becomes `./x.js`. */
function compile(out) {
  const project = join(out, "tsconfig.json");
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      rootDir: join(root, "src"),
      outDir: out,
      noEmit: false,
      noCheck: true,
      rewriteRelativeImportExtensions: true,
      typeRoots: [join(root, "node_modules", "@types")],
    },
    include: [join(root, "src")],
    exclude: ["*.test.ts", "testing.ts", "*.fixture.ts", "fixtures/**"].map((tests) => join(root, "src/**", tests)),
  };
  mkdirSync(out, { recursive: true });
  writeFileSync(project, JSON.stringify(config));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const { status, error } = spawnSync(process.execPath, [tsc, "-p", project], { stdio: ["ignore", 2, 2] });
  rmSync(project);
  if (error || status !== 0) throw error ?? new Error(`tsc ended with exit code ${status}; its errors are above`);
}

function copyTheRest(out) {
  const files = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.m?ts$/.test(entry.name))
    .map((entry) => relative(join(root, "src"), join(entry.parentPath, entry.name)))
    .filter((file) => !/(^|\/)fixtures\//.test(file));
  for (const file of files) {
    mkdirSync(dirname(join(out, file)), { recursive: true });
    copyFileSync(join(root, "src", file), join(out, file));
  }
  return files.length;
}

/** dist/ is a package of its own to Node's resolver, so that `#folder/file.ts` finds the JavaScript beside it. */
function manifest() {
  const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const imports = { "#*.ts": "./*.js", "#*": "./*" };
  return `${JSON.stringify({ name, version, private: true, type: "module", imports }, null, 2)}\n`;
}
