/**
 * `npm run bench [-- NAME…]`: measures what Steward promises, and what others do in the same run. The table goes to
 * stdout, every figure to bench/results/latest.json, and what is going on to stderr.
 */

import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Bench, Figure } from "./bench.ts";
import { describeMachine } from "./machine.ts";
import { resultsTable, type Results } from "./results-table.ts";
import { makeScratch } from "./scratch.ts";
import { footprint } from "./footprint.ts";
import { recovery } from "./recovery.ts";
import { saveToSpawn } from "./save-to-spawn.ts";
import { scan } from "./scan.ts";
import { throughput } from "./throughput.ts";

/** In this order, one at a time; each leaves the machine as it found it. */
const benches: Bench[] = [scan, saveToSpawn, recovery, footprint, throughput];

const resultsFile = join(import.meta.dirname, "results", "latest.json");

process.exitCode = await main(process.argv.slice(2));

async function main(names: string[]): Promise<number> {
  const chosen = names.length === 0 ? benches : benches.filter(({ name }) => names.includes(name));
  const unknown = names.filter((name) => !benches.some((bench) => bench.name === name));
  if (unknown.length > 0) {
    say(`There is no bench ${unknown.join(", ")}. There are:`);
    for (const { name, about } of benches) say(`  ${name.padEnd(14)} ${about}`);
    return 2;
  }
  const scratch = await makeScratch();
  endOnSignal(() => scratch.remove());
  const results: Results = {
    date: new Date().toISOString(),
    machine: await describeMachine(),
    figures: [],
    failed: [],
  };
  try {
    for (const bench of chosen) {
      try {
        results.figures.push(...(await runOne(bench, scratch)));
      } catch (error) {
        results.failed.push(bench.name);
        say(`${bench.name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      }
    }
  } finally {
    await scratch.remove();
  }
  // A few benches alone are for looking at; only the whole run is the record.
  if (names.length === 0 && results.failed.length === 0) {
    await mkdir(join(resultsFile, ".."), { recursive: true });
    await writeFile(resultsFile, `${JSON.stringify(results, null, 2)}\n`);
    say(`Every figure, and how it was measured: ${resultsFile}`);
  }
  process.stdout.write(resultsTable(results));
  return results.failed.length === 0 ? 0 : 1;
}

async function runOne(bench: Bench, scratch: Awaited<ReturnType<typeof makeScratch>>): Promise<Figure[]> {
  // What the one before has written is on the disk by then, and slows nobody's commits.
  await promisify(execFile)("sync");
  const started = performance.now();
  say(`${bench.name}: ${bench.about} …`);
  const tools = await scratch.toolsFor(bench.name, (text) => say(`${bench.name}: ${text}`));
  try {
    return await bench.run(tools);
  } finally {
    await tools.end();
    say(`${bench.name}: done in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  }
}

/** Whatever a bench has started ends with it, also when a person has had enough. */
function endOnSignal(end: () => Promise<void>): void {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => {
      say("ending what was started …");
      void end()
        .catch((error: unknown) => say(String(error)))
        .finally(() => process.exit(code));
    });
  }
}

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
