import { spawn } from "node:child_process";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";

/** What tests need of a service on disk: write it, run its suite with coverage, start and end it. */

type Test = { after: (work: () => void) => void };

export async function writeAll(
  folder: string,
  files: { path: string; content: string; mode?: number }[],
): Promise<void> {
  for (const { path: file, content, mode } of files) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), content, { mode: mode ?? 0o644 });
  }
}

/**
 * The outer test runner must not show through: with its context a red suite would look green, and its compile cache would
 * keep what is never run again.
 */
function cleanEnvironment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const {
    NODE_TEST_CONTEXT: _context,
    NODE_V8_COVERAGE: _coverage,
    NODE_COMPILE_CACHE: _compiled,
    ...rest
  } = process.env;
  return { ...rest, ...more };
}

export async function runSuite(
  build: string,
): Promise<{ code: number | null; output: string; tests: number; passed: number; lcov: string }> {
  const report = path.join(build, "..", "lcov.info");
  const child = spawn(
    process.execPath,
    [
      "--test",
      "--experimental-test-coverage",
      "--test-reporter=tap",
      "--test-reporter-destination=stdout",
      "--test-reporter=lcov",
      `--test-reporter-destination=${report}`,
    ],
    { cwd: build, env: cleanEnvironment(), stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  child.stdout.on("data", (text) => (output += String(text)));
  child.stderr.on("data", (text) => (output += String(text)));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const count = (name: string) => Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(output)?.[1] ?? -1);
  return { code, output, tests: count("tests"), passed: count("pass"), lcov: await readFile(report, "utf8") };
}

/** Percent of lines over all files in src/; one that no test loads counts with all its lines, and is named. */
export async function coverageOf(build: string, lcov: string): Promise<{ lines: number; absent: string[] }> {
  const seen = new Map<string, { found: number; hit: number }>();
  for (const record of lcov.split("end_of_record")) {
    const of = (name: string) => new RegExp(`^${name}:(.+)$`, "m").exec(record)?.[1] ?? "";
    if (of("SF") !== "") seen.set(path.resolve(build, of("SF")), { found: Number(of("LF")), hit: Number(of("LH")) });
  }
  const sum = { found: 0, hit: 0 };
  const absent: string[] = [];
  for (const name of await readdir(path.join(build, "src"), { recursive: true })) {
    if (!name.endsWith(".js")) continue;
    const file = path.join(build, "src", name);
    const own = seen.get(file) ?? { found: (await readFile(file, "utf8")).split("\n").length, hit: 0 };
    if (!seen.has(file)) absent.push(name);
    sum.found += own.found;
    sum.hit += own.hit;
  }
  return { lines: (100 * sum.hit) / sum.found, absent };
}

type Ended = { code: number | null; signal: string | null };

/** Starts the service as its users do; resolves when it says where it listens. */
export async function startBuilt(
  test: Test,
  build: string,
  dataDir: string,
): Promise<{ url: string; end: (signal: "SIGKILL" | "SIGTERM") => Promise<Ended> }> {
  const child = spawn(process.execPath, ["src/main.js"], {
    cwd: build,
    env: cleanEnvironment({ PORT: "0", HOST: "127.0.0.1", DATA_DIR: dataDir }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exit = new Promise<Ended>((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  test.after(() => void child.kill("SIGKILL"));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (text) => {
      const found = /http:\/\/\S+/.exec(String(text))?.[0];
      if (found !== undefined) resolve(found);
    });
    child.stderr.on("data", (text) => reject(new Error(String(text))));
  });
  return {
    url,
    end: (signal) => {
      child.kill(signal);
      return exit;
    },
  };
}
