/**
 * `node scripts/run-tests.mjs [--long] [PART…]`: every test, or those whose path contains one of the parts.
 *
 * Passes only if tests ran, all passed, and nothing that they started is still running. `--long` runs the
 * `*.long.test.ts` files instead. `--minutes N` ends the whole run, failed, after that long.
 */

import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { randomBytes } from "node:crypto";
import { endSurvivors, findSurvivors } from "./survivors.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const { values: options, positionals: parts } = parseArgs({
  allowPositionals: true,
  options: { long: { type: "boolean", default: false }, minutes: { type: "string" } },
});

/** For one file. A short one takes seconds; the bound is for one that hangs, on a machine that is busy. */
const FILE_TIMEOUT_MS = options.long ? 45 * 60_000 : 5 * 60_000;

/** Files of compiled sources; a run needs about two thousand. */
const MOST_COMPILED = 10_000;

/** The database server that all files share, and which ports they were given. */
const expectedLeft = /^steward-test-/;

/** How many files the end names as the slowest. */
const SHOWN_SLOWEST = 10;

process.exitCode = (await main()) ? 0 : 1;

async function main() {
  const files = testFiles().filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
  if (files.length === 0) {
    console.error(
      `No test file ${parts.length ? `contains ${parts.join(" or ")} in its path` : "was found"}: nothing ran, so nothing passed.`,
    );
    return false;
  }

  // What the tests start is known afterwards by this mark in its environment, or by this folder.
  const id = randomBytes(4).toString("hex");
  const scratch = join(tmpdir(), `steward-test-${id}`);
  mkdirSync(scratch);
  chmodSync(scratch, 0o1777); // Tests as root start Postgres as another user, which must get in, as into /tmp.
  process.env.STEWARD_TEST_RUN = id;
  process.env.TMPDIR = scratch;
  process.env.NODE_COMPILE_CACHE = compiledFolder();
  delete process.env.NODE_TEST_CONTEXT; // Inherited, it makes a red suite end with exit code 0 and no output.

  const suite = await beginSuite();
  const result = await runFiles(files);
  await suite.end();
  const survivors = await findSurvivors(id, scratch, { waitMs: 3000 });
  await endSurvivors(survivors);
  reportLeftovers(survivors, scratch);
  const removed = remove(scratch);

  for (const file of result.empty) console.log(`\n✖ ${file} holds no test.`);
  if (result.counts.tests === 0) console.log("\n✖ No test ran, so nothing passed.");
  if (result.ended) console.log(`\n✖ Ended before all tests had run: ${result.ended}.`);
  const passed =
    result.success &&
    !result.ended &&
    result.empty.length === 0 &&
    result.counts.tests > 0 &&
    survivors.length === 0 &&
    removed;
  const { tests, passed: pass, failed, cancelled, skipped, todo } = result.counts;
  console.log(
    `\n${passed ? "✔ passed" : "✖ FAILED"}: ${pass} of ${tests} tests in ${files.length} files passed, ` +
      `${failed} failed, ${cancelled} cancelled, ${skipped} skipped, ${todo} todo, ${survivors.length} processes left running`,
  );
  return passed;
}

function testFiles() {
  return ["src", "test"]
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith(".test.ts"))
    .filter((entry) => entry.name.endsWith(".long.test.ts") === options.long)
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !/(^|\/)(fixtures|node_modules)\//.test(file))
    .toSorted((one, other) => one.localeCompare(other));
}

/**
 * Where Node keeps what it has compiled, from run to run: half of what it takes to start Steward. Its files are replaced
 * as the sources change, but those of sources in temporary folders stay, so that it is begun anew now and then.
 */
function compiledFolder() {
  const folder = join(root, "node_modules", ".cache", "compiled");
  const size = existsSync(folder) ? readdirSync(folder, { recursive: true }).length : 0;
  if (size > MOST_COMPILED) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  return folder;
}

/** What the files share; see test/suite.ts. */
async function beginSuite() {
  const shared = join(root, "test", "suite.ts");
  if (!existsSync(shared)) return { end: async () => {} };
  const { beginSuite: begin } = await import(pathToFileURL(shared).href);
  return begin({ compiled: process.env.NODE_COMPILE_CACHE });
}

/** Runs each file in a process of its own, and prints as they end. */
async function runFiles(files) {
  const stop = new AbortController();
  /** @type {string | undefined} */
  let ended;
  const end = (why) => {
    ended ??= why;
    stop.abort();
  };
  const limit =
    options.minutes && setTimeout(() => end(`${options.minutes} minutes are over`), Number(options.minutes) * 60_000);
  process.once("SIGINT", end).once("SIGTERM", end);

  const stream = run({
    cwd: root,
    files: inOrder(files).map((file) => join(root, file)),
    // One more than there are cores: a quarter of the time a journey waits, for a save to settle or a lease to run out.
    concurrency: options.long ? 1 : availableParallelism() + 1,
    timeout: FILE_TIMEOUT_MS,
    signal: stop.signal,
  });
  /** @type {{ success: boolean, empty: string[], counts: Record<string, number> }} */
  const result = {
    success: false,
    empty: [],
    counts: { tests: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 },
  };
  stream.on("test:pass", (event) => {
    // Node reports a file without any test as one passed test that is named like the file.
    const file = relative(root, event.name);
    if (event.nesting === 0 && files.includes(file)) result.empty.push(file);
  });
  /** @type {{ file: string, seconds: number }[]} */
  const took = [];
  stream.on("test:summary", (event) => {
    if (event.file === undefined) Object.assign(result, { success: event.success, counts: event.counts });
    else took.push({ file: relative(root, event.file), seconds: event.duration_ms / 1000 });
  });
  const printed = stream.compose(new spec());
  for await (const text of printed) process.stdout.write(text);
  const slowest = took.toSorted((one, other) => other.seconds - one.seconds).slice(0, SHOWN_SLOWEST);
  console.log("ℹ slowest files: " + slowest.map(({ file, seconds }) => `${file} ${seconds.toFixed(1)} s`).join(", "));

  clearTimeout(limit);
  process.off("SIGINT", end).off("SIGTERM", end);
  return { ...result, ended };
}

function reportLeftovers(survivors, scratch) {
  if (survivors.length > 0) {
    console.log(`\n✖ Still running after the tests, and ended now:`);
    for (const { pid, command } of survivors) console.log(`  ${pid}  ${command}`);
  }
  const left = readdirSync(scratch).filter((name) => !expectedLeft.test(name));
  if (left.length > 0) {
    console.log(
      `\nℹ ${left.length} left in the temporary folder, and removed now: ${left.slice(0, 8).join(", ")}${left.length > 8 ? ", …" : ""}`,
    );
  }
}

/** False, and said, where something is still mounted in it, or a process that cannot be found still writes there. */
function remove(scratch) {
  try {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
    return true;
  } catch (error) {
    console.log(`\n✖ The temporary folder ${scratch} cannot be removed: ${error.message}`);
    return false;
  }
}

/** The files that take the longest first, so that no core waits for one of them at the end. */
function inOrder(files) {
  const slow = [
    "test/faults/",
    "src/agents/fleet/scaffold/",
    "src/deploy/targets/",
    "test/journeys/",
    "src/db/embedded/",
    "src/proof/gates/",
    "test/",
    "src/cli/",
  ];
  const place = (file) => {
    const at = slow.findIndex((part) => file.startsWith(part));
    return at === -1 ? slow.length : at;
  };
  return files.toSorted((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
}
