/** `node bench/readme-table.ts`: puts the table of the last whole run between the `<!-- bench -->` marks of README.md. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { resultsTable, type Results } from "./results-table.ts";
import { root } from "./steward-process.ts";

const begin = "<!-- bench -->";
const end = "<!-- /bench -->";

const recorded = await readFile(join(import.meta.dirname, "results", "latest.json"), "utf8").catch(() => null);
if (recorded === null) {
  process.stderr.write("There are no results yet: `npm run bench` makes them.\n");
  process.exit(1);
}
const results = JSON.parse(recorded) as Results;
const table = `${begin}\n\n${resultsTable(results)}\n${end}`;
const path = join(root, "README.md");
const readme = await readFile(path, "utf8").catch(() => "");
const from = readme.indexOf(begin);
const to = readme.indexOf(end, from);

if (from === -1 || to === -1) {
  process.stderr.write(`README.md has no ${begin} … ${end}: add this where the measurements belong.\n\n`);
  process.stdout.write(`${table}\n`);
  process.exitCode = 1;
} else {
  await writeFile(path, readme.slice(0, from) + table + readme.slice(to + end.length));
}
