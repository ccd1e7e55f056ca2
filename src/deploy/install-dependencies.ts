import { readFile, stat } from "node:fs/promises";
import { dirname, delimiter, join } from "node:path";
import { runBounded } from "#proof/run-bounded.ts";
import { Failure } from "#system/failure.ts";

/** A large tree over a slow line takes minutes; longer than this it hangs. */
const INSTALL_MS = 10 * 60_000;
const OUTPUT_KEPT_BYTES = 4_000;

/**
 * Installs what the content's own lockfile names, for production, running none of the packages' scripts.
 * Says what it did, null if there was nothing to do. Throws a Failure with the installer's last lines.
 */
export async function installDependencies(folder: string, environment: Record<string, string>): Promise<string | null> {
  if (await hasProductionPackages(join(folder, "package-lock.json"))) {
    await run("npm", ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], folder, environment);
    return "npm ci --omit=dev --ignore-scripts";
  }
  if (await hasRequirements(join(folder, "requirements.txt"))) {
    const python = join(folder, ".venv", "bin", "python");
    await run("python3", ["-m", "venv", "--system-site-packages", "--without-pip", ".venv"], folder, environment);
    // The machine's own pip is seen from inside; where it has none, Python's bundled one is put in.
    await run(python, ["-m", "pip", "--version"], folder, environment).catch(() =>
      run(python, ["-m", "ensurepip", "--default-pip"], folder, environment),
    );
    const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"];
    await run(python, [...install, "requirements.txt"], folder, environment);
    return "python3 -m venv .venv, pip install -r requirements.txt";
  }
  return null;
}

/** False for a lockfile that names nothing but development packages: then npm, and the network, are not needed. */
async function hasProductionPackages(lockfile: string): Promise<boolean> {
  const text = await textOf(lockfile);
  if (text === null) return false;
  try {
    const { packages } = JSON.parse(text) as { packages?: Record<string, { dev?: boolean }> };
    // A lockfile of version 1 has no "packages": npm knows how to read it.
    return (
      packages === undefined || Object.entries(packages).some(([path, entry]) => path !== "" && entry.dev !== true)
    );
  } catch {
    throw new Failure("invalid", `${lockfile} is not JSON: write it anew with npm install --package-lock-only`);
  }
}

async function hasRequirements(path: string): Promise<boolean> {
  const text = await textOf(path);
  return text !== null && text.split("\n").some((line) => /^\s*[^#\s]/.test(line));
}

async function textOf(path: string): Promise<string | null> {
  return (await stat(path).catch(() => null))?.isFile() ? readFile(path, "utf8") : null;
}

async function run(command: string, args: string[], cwd: string, environment: Record<string, string>): Promise<void> {
  // npm is a script of `node`: it must find ours before an older one.
  const path = [dirname(process.execPath), environment["PATH"]].filter(Boolean).join(delimiter);
  const ran = await runBounded({
    command,
    args,
    cwd,
    environment: { ...environment, PATH: path, NODE_ENV: "production" },
    timeoutMs: INSTALL_MS,
    outputKeptBytes: OUTPUT_KEPT_BYTES,
    outputLimitBytes: 64 * 1024 * 1024,
    signal: new AbortController().signal,
  });
  if (ran.ended === "exited" && ran.exitCode === 0) return;
  const reason =
    ran.ended === "timeout"
      ? `was stopped after ${INSTALL_MS / 60_000} minutes`
      : ran.ended === "exited"
        ? `ended with ${ran.killedBy ?? `exit code ${ran.exitCode}`}`
        : `could not be run (${ran.ended})`;
  throw new Failure(
    "unavailable",
    `Installing dependencies failed: ${command} ${args.join(" ")} ${reason}\n${ran.output.trim()}`,
  );
}

/** What npm and pip may know of the machine: where things are, and how the network is reached. */
export function installEnvironment(hostEnvironment: Record<string, string | undefined>): Record<string, string> {
  const wanted =
    /^(PATH|HOME|USER|LANG|LC_ALL|TMPDIR|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|(https?|no|all)_proxy|npm_config_.*|PIP_.*)$/i;
  const entries = Object.entries(hostEnvironment).filter(([name, value]) => wanted.test(name) && value !== undefined);
  return Object.fromEntries(entries) as Record<string, string>;
}
