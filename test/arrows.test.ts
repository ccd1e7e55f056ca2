import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { removeFolder } from "#system/testing.ts";

const root = dirname(import.meta.dirname);
const { arrows, typeArrows, overrides } = (await import(join(root, "scripts", "arrows.mjs"))) as {
  arrows: Record<string, string[]>;
  typeArrows: Record<string, string[]>;
  overrides: () => unknown[];
};

type Diagnostic = { code: string; help: string; filename: string };

/** One file a way of importing, so that none of them is a way around. */
const ways: Record<string, (target: string) => string> = {
  value: (target) => `import { thing } from "${target}";\nthing();\n`,
  type: (target) => `import type { Thing } from "${target}";\nexport const thing: Thing = {};\n`,
  export: (target) => `export { thing } from "${target}";\n`,
  all: (target) => `export * from "${target}";\n`,
  effect: (target) => `import "${target}";\n`,
  dynamic: (target) => `export const thing = () => import("${target}");\n`,
};

const folders = Object.keys(arrows);
const targets = [...folders.map((folder) => `${folder}/thing.ts`), "config.ts", "main.ts"];
const planted = new Map<string, string>();
let seen: Map<string, Diagnostic[]>;
let filesSeen: number;
let scratch: string;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), "arrows-"));
  await cp(join(root, ".oxlintrc.json"), join(scratch, ".oxlintrc.json"));
  await cp(join(root, ".oxlintrc.arrows.json"), join(scratch, ".oxlintrc.arrows.json"));
  for (const folder of folders) {
    for (const target of targets) {
      for (const [way, write] of Object.entries(ways)) plant(fileFor(folder, way, target), write(`#${target}`));
    }
    for (const [way, write] of Object.entries(ways)) plant(fileFor(folder, way, "parent"), write("../system/thing.ts"));
    plant(`src/${folder}/free.test.ts`, ways.value!("#main.ts"));
    plant(`src/${folder}/testing.ts`, ways.value!("#main.ts"));
    plant(`src/${folder}/parent.test.ts`, ways.value!("../main.ts"));
    plant(`src/${folder}/beside.ts`, `${ways.value!("./thing.ts")}${ways.effect!("node:fs")}`);
  }
  plant("src/config.ts", ways.type!("#system/thing.ts"));
  plant("src/main.ts", targets.map((target) => ways.effect!(`#${target}`)).join(""));
  for (const [file, text] of planted) {
    await mkdir(dirname(join(scratch, file)), { recursive: true });
    await writeFile(join(scratch, file), text);
  }
  ({ seen, filesSeen } = await lint());
});

after(() => removeFolder(scratch));

for (const folder of folders) {
  test(`an arrow out of ${folder}/ that is not in the table is refused, whichever way it is written`, () => {
    for (const target of targets) {
      const to = target.replace("/thing.ts", "");
      for (const way of Object.keys(ways)) {
        const found = arrowsFound(fileFor(folder, way, target));
        const free = to === folder || arrows[folder]!.includes(to);
        const typeOnly = typeArrows[folder]?.includes(to) === true;
        const allowed = free || (typeOnly && way === "type");
        assert.equal(found.length, allowed ? 0 : 1, `${folder} → ${to} by ${way}: ${JSON.stringify(found)}`);
        if (!allowed) assert.match(found[0]!.help, new RegExp(`^${folder}/ (may import only|stands alone)`));
      }
    }
  });

  test(`${folder}/ cannot get around its arrows by ../, and its tests cannot either`, () => {
    for (const way of Object.keys(ways)) {
      assert.match(arrowsFound(fileFor(folder, way, "parent"))[0]?.help ?? "nothing found", /^No \.\.\/ in imports/);
    }
    assert.match(arrowsFound(`src/${folder}/parent.test.ts`)[0]?.help ?? "nothing found", /^No \.\.\/ in imports/);
    assert.deepEqual(arrowsFound(`src/${folder}/free.test.ts`), []);
    assert.deepEqual(arrowsFound(`src/${folder}/testing.ts`), []);
    assert.deepEqual(arrowsFound(`src/${folder}/beside.ts`), []);
  });
}

test("the arrows that matter most, written out", () => {
  for (const [from, to] of [
    ["system", "db"],
    ["db", "ledger"],
    ["ledger", "policy"],
    ["dispatch", "lines"],
    ["dispatch", "agents"],
    ["effects", "deploy"],
    ["proof", "workspace"],
    ["lines", "agents"],
    ["agents", "workspace"],
    ["deploy", "http"],
    ["web", "db"],
    ["web", "http"],
  ] as const) {
    assert.equal(arrowsFound(fileFor(from, "value", `${to}/thing.ts`)).length, 1, `${from} → ${to} is not refused`);
  }
});

test("main.ts wires everything, and only the command line may import it", () => {
  assert.deepEqual(arrowsFound("src/main.ts"), []);
  const importers = folders.filter((folder) => arrowsFound(fileFor(folder, "value", "main.ts")).length === 0);
  assert.deepEqual(importers, ["cli"]);
});

test("the linter looked at every planted file", () => {
  assert.ok(planted.size > 1000);
  assert.equal(filesSeen, planted.size);
});

test("the linter's configuration is what the table says", async () => {
  const written = JSON.parse(await readFile(join(root, ".oxlintrc.arrows.json"), "utf8")) as { overrides: unknown[] };
  assert.deepEqual(written.overrides, overrides(), "run `node scripts/arrows.mjs`");
});

test("every folder of src has its place in the table", async () => {
  const entries = await readdir(join(root, "src"), { withFileTypes: true });
  const unplaced = entries.filter((entry) => entry.isDirectory() && !(entry.name in arrows)).map((entry) => entry.name);
  assert.deepEqual(unplaced, [], "give it its arrows in scripts/arrows.mjs");
});

function plant(file: string, text: string) {
  planted.set(file, text);
}

function fileFor(folder: string, way: string, target: string) {
  return `src/${folder}/${way}-${target.replace(/\W/g, "-")}.ts`;
}

function arrowsFound(file: string): Diagnostic[] {
  assert.ok(planted.has(file), `${file} is not planted`);
  return (seen.get(file) ?? []).filter((diagnostic) => diagnostic.code.includes("no-restricted-imports"));
}

async function lint() {
  const oxlint = join(root, "node_modules", "oxlint", "bin", "oxlint");
  const output = await new Promise<string>((resolve) => {
    const args = [oxlint, "--format=json", "--allow=import/no-cycle", "src"];
    execFile(process.execPath, args, { cwd: scratch, maxBuffer: 64 << 20 }, (_error, stdout) => resolve(stdout));
  });
  const report = JSON.parse(output) as { diagnostics: Diagnostic[]; number_of_files: number };
  return { seen: Map.groupBy(report.diagnostics, (one) => one.filename), filesSeen: report.number_of_files };
}
