/**
 * `node scripts/bootstrap.mjs TASK [ARGS…]`: installs what is missing, then runs the task under the pinned Node 24.
 *
 * This is what the npm scripts call, so that a fresh clone needs nothing but some Node ≥ 18 and npm. It has no
 * dependencies. Its syntax is that of Node 12, so that a Node which is too old can read it and be told so.
 * stdout belongs to the task; everything said here goes to stderr.
 */

import { spawn } from "child_process";
import crypto from "crypto";
import fs from "fs";
import { createRequire } from "module";
import os from "os";
import path from "path";
import { fileURLToPath } from "url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { findNode, handOver, pinnedName, runsTypeScript, usesGlibc } = createRequire(import.meta.url)(
  "../bin/pinned-node.cjs",
);

const tasks = {
  demo: ["bin/steward", "demo"],
  start: ["bin/steward", "up"],
  test: ["scripts/run-tests.mjs"],
  "test:long": ["scripts/run-tests.mjs", "--long"],
  check: ["scripts/check.mjs"],
  bench: ["bench/run.ts"],
  build: ["scripts/build.mjs"],
  format: ["node_modules/oxfmt/bin/oxfmt"],
};

/** A holder touches its lock every 5 s; one that is silent for this long is gone, whatever machine it was on. */
const STALE_AFTER_MS = 60000;

main().catch(function (error) {
  say(error.message);
  process.exitCode = 1;
});

async function main() {
  const [name, ...args] = process.argv.slice(2);
  if (Number(process.versions.node.split(".")[0]) < 18) {
    throw new Error(
      "This machine's Node is " +
        process.versions.node +
        ", which is too old even to install Steward: it needs Node 18 " +
        "or newer (https://nodejs.org/en/download); Node 24 itself then comes with the packages.",
    );
  }
  if (!Object.prototype.hasOwnProperty.call(tasks, String(name))) {
    throw new Error(
      "There is no task " + JSON.stringify(name || "") + ": choose one of " + Object.keys(tasks).join(", ") + ".",
    );
  }
  if (!isInstalled()) {
    await holdingLock(path.join(root, ".steward", "install.lock"), async function () {
      // Another one may have installed everything while this one waited.
      if (!isInstalled()) await install();
    });
  }
  const found = findNode(root);
  if (found.problem) throw new Error(found.problem);
  const [script, ...fixed] = tasks[name];
  handOver(found.node, [path.join(root, script)].concat(fixed, args));
}

// ─── What is installed ───────────────────────────────────────────────────────────────────────────────────────────

/** True if node_modules was installed whole from this lockfile for this kind of machine. */
function isInstalled() {
  const wanted = fingerprint();
  if (readText(marker()) === wanted) return true;
  if (!isInstalledByHand()) return false;
  mark(wanted);
  return true;
}

function marker() {
  return path.join(root, "node_modules", ".steward-installed");
}

function fingerprint() {
  const lockfile = fs.readFileSync(path.join(root, "package-lock.json"));
  return [crypto.createHash("sha256").update(lockfile).digest("hex"), process.platform, process.arch].join(" ");
}

function mark(text) {
  try {
    fs.writeFileSync(marker(), text);
  } catch {
    // A tree that someone else installed, and that we may only read, is as good; it is only compared again next time.
  }
}

/**
 * True if a person's own `npm ci` or `npm install` left just what the lockfile asks for: npm writes down at the end of
 * an install what it put there. What the lockfile has for other kinds of machines is rightly absent.
 */
function isInstalledByHand() {
  const there = readPackages(path.join(root, "node_modules", ".package-lock.json"));
  const wanted = readPackages(path.join(root, "package-lock.json"));
  if (!there || !wanted) return false;
  return Object.keys(wanted).every(function (place) {
    const entry = wanted[place];
    if (place === "" || entry.link) return true;
    if (there[place]) return there[place].integrity === entry.integrity;
    return Boolean(entry.optional) && !isForThisMachine(entry);
  });
}

/** True for a platform package of this kind of machine. An optional one that names no processor belongs to another. */
function isForThisMachine(entry) {
  const suits = function (list, value) {
    return [].concat(list || value).indexOf(value) >= 0;
  };
  const suitsLibc = !entry.libc || entry.libc.indexOf("glibc") >= 0 === usesGlibc();
  return Boolean(entry.cpu) && suits(entry.os, process.platform) && suits(entry.cpu, process.arch) && suitsLibc;
}

function readPackages(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}

// ─── Installing ──────────────────────────────────────────────────────────────────────────────────────────────────

async function install() {
  const started = Date.now();
  const seconds = function () {
    return Math.round((Date.now() - started) / 1000);
  };
  say("Installing the packages of package-lock.json (only when they change) …");
  const ticker = setInterval(function () {
    say("… still installing, " + seconds() + " s");
  }, 10000);
  try {
    await withNodeForNpm(function (node) {
      return npmCi(root, node);
    });
  } finally {
    clearInterval(ticker);
  }
  mark(fingerprint());
  say("Installed in " + seconds() + " s.");
}

/**
 * npm itself runs under the pinned Node too: under an older one it silently leaves out the optional packages, such as
 * the linter's binary, that ask for a newer Node. So that Node comes first, alone, locked by the same integrity.
 */
async function withNodeForNpm(work) {
  if (runsTypeScript()) return work(process.execPath);
  const name = pinnedName();
  const place = "node_modules/" + name;
  const entry = readPackages(path.join(root, "package-lock.json"))[place];
  if (!entry || !usesGlibc()) throw new Error(findNode(root).problem);

  const stage = path.join(root, ".steward", "node");
  fs.rmSync(stage, { recursive: true, force: true });
  fs.mkdirSync(stage, { recursive: true });
  const manifest = { name: "stage", version: "0.0.0", dependencies: { [name]: entry.version } };
  const packages = { "": manifest, [place]: entry };
  fs.writeFileSync(path.join(stage, "package.json"), JSON.stringify(manifest));
  fs.writeFileSync(
    path.join(stage, "package-lock.json"),
    JSON.stringify({ lockfileVersion: 3, requires: true, packages }),
  );
  try {
    await npmCi(stage, process.execPath);
    return await work(path.join(stage, place, "bin", "node"));
  } finally {
    fs.rmSync(stage, { recursive: true, force: true });
  }
}

function npmCi(folder, node) {
  // The machine's Node may be older than the packages want: they run under the pinned one.
  // What npm was told for this one command, and a NODE_ENV of production, must not leave half the packages out.
  const args = [
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--engine-strict=false",
    "--loglevel=error",
    "--include=dev",
    "--include=optional",
  ];
  const ours = process.env.npm_execpath || "";
  const command = ours.endsWith("npm-cli.js") ? [node, ours].concat(args) : ["npm"].concat(args);
  const PATH = path.dirname(node) + path.delimiter + (process.env.PATH || "");
  const env = Object.assign({}, process.env, { PATH: PATH, npm_node_execpath: node });
  return new Promise(function (resolve, reject) {
    const child = spawn(command[0], command.slice(1), { cwd: folder, env: env, stdio: ["ignore", "pipe", "pipe"] });
    const end = function (signal) {
      child.kill(signal);
    };
    process.on("SIGINT", end);
    process.on("SIGTERM", end);
    let said = "";
    const hear = function (chunk) {
      said = (said + chunk).slice(-20000);
      process.stderr.write(chunk);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("error", function (error) {
      reject(
        error.code === "ENOENT"
          ? new Error(
              "npm is not on this machine: install it (Debian: `apt-get install npm`; or Node from https://nodejs.org/en/download, which brings it), then try again.",
            )
          : error,
      );
    });
    child.on("close", function (code, signal) {
      process.removeListener("SIGINT", end);
      process.removeListener("SIGTERM", end);
      if (code === 0) return resolve();
      const last = said.trim().split("\n").slice(-12).join("\n  ");
      const ended = signal ? "was ended by " + signal : "failed with exit code " + code;
      reject(new Error("npm ci " + ended + ". Its last lines:\n  " + last + "\n" + advice(said)));
    });
  });
}

/** What to do about it, from what npm said. */
function advice(said) {
  const known = [
    [
      /ENOSPC/,
      "The disk is full: free about 1 GB where " +
        root +
        " and npm's cache (`npm config get cache`) are, then try again.",
    ],
    [
      /ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH/,
      "The package registry cannot be reached: check the network (`npm ping`); behind a proxy set HTTPS_PROXY or `npm config set https-proxy URL`.",
    ],
    [
      /ECONNREFUSED|ETIMEDOUT|ECONNRESET|ERR_SOCKET_TIMEOUT/,
      "The package registry did not answer: check `npm config get registry` and `npm config get https-proxy`, then try again.",
    ],
    [/\b407\b|E407/, "The proxy asks for a password: `npm config set https-proxy http://USER:PASSWORD@HOST:PORT`."],
    [
      /SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY)/,
      "The proxy presents its own certificate: set NODE_EXTRA_CA_CERTS to the file of its authority.",
    ],
    [
      /EACCES|EPERM/,
      "A file here or in npm's cache belongs to someone else: give it back (`chown -R` to your user), then try again.",
    ],
    [
      /EUSAGE|can only install packages when/,
      "package.json and package-lock.json do not fit together: `git checkout package.json package-lock.json`, or `npm install` if you changed the former on purpose.",
    ],
    [/E404|ETARGET/, "The registry lacks a package: check `npm config get registry`; a mirror may be incomplete."],
  ];
  const match = known.find(function (entry) {
    return entry[0].test(said);
  });
  return match ? match[1] : "Try `npm ci --ignore-scripts` by hand in " + root + "; npm's full log is named above.";
}

// ─── One at a time ───────────────────────────────────────────────────────────────────────────────────────────────

/** Runs `work` while no other bootstrap of this checkout does. */
async function holdingLock(file, work) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  let told = false;
  while (!takeLock(file)) {
    if (!breakStaleLock(file) && !told) {
      say("Another one is installing here (" + file + "); waiting for it …");
      told = true;
    }
    await new Promise(function (resolve) {
      setTimeout(resolve, 200);
    });
  }
  const touch = setInterval(function () {
    attempt(function () {
      fs.utimesSync(file, new Date(), new Date());
    });
  }, 5000);
  try {
    return await work();
  } finally {
    clearInterval(touch);
    attempt(function () {
      fs.unlinkSync(file);
    });
  }
}

/** Linked into place whole, so that nobody reads a lock without its holder's name. */
function takeLock(file) {
  const draft = file + "." + process.pid + "." + crypto.randomBytes(4).toString("hex");
  fs.writeFileSync(draft, JSON.stringify({ pid: process.pid, host: os.hostname(), started: startOf(process.pid) }));
  try {
    fs.linkSync(draft, file);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    fs.unlinkSync(draft);
  }
}

/**
 * Removes a dead holder's lock. Only whoever has made the `.breaking` folder may look and remove, so that a second one
 * cannot remove the lock that the first has meanwhile taken.
 */
function breakStaleLock(file) {
  const breaking = file + ".breaking";
  try {
    fs.mkdirSync(breaking);
  } catch {
    const since = modified(breaking);
    if (since !== undefined && Date.now() - since > STALE_AFTER_MS) fs.rmdirSync(breaking);
    return false;
  }
  try {
    if (!isStale(file)) return false;
    fs.unlinkSync(file);
    return true;
  } finally {
    fs.rmdirSync(breaking);
  }
}

function isStale(file) {
  const touched = modified(file);
  if (touched === undefined) return false;
  if (Date.now() - touched > STALE_AFTER_MS) return true;
  const text = readText(file);
  if (!text) return false;
  const holder = JSON.parse(text);
  return holder.host === os.hostname() && (!isAlive(holder.pid) || startOf(holder.pid) !== holder.started);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** When a process started, in clock ticks after boot: a pid alone may have been given to another. Null off Linux. */
function startOf(pid) {
  const stat = readText("/proc/" + pid + "/stat");
  return stat ? stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] : null;
}

/** For a lock that another one may have judged stale and removed, as after the machine slept. */
function attempt(change) {
  try {
    change();
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
}

function modified(file) {
  try {
    return fs.statSync(file).mtimeMs;
  } catch {
    return undefined;
  }
}

function readText(file) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function say(text) {
  process.stderr.write("steward: " + text + "\n");
}
