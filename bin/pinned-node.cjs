"use strict";

/**
 * Finds the Node that Steward is pinned to, and hands over to it. Runs under whatever Node the machine has, so its
 * syntax is that of Node 12, and it is CommonJS: an extensionless ES module does not start before Node 20.10.
 */

const fs = require("fs");
const path = require("path");
const { spawn } = require("child_process");

const OLDEST_THAT_RUNS_TYPESCRIPT = 24;

/** The loaders that the pinned Linux binaries ask the kernel for. Alpine (musl) and NixOS do not have them. */
const LOADERS = {
  x64: "/lib64/ld-linux-x86-64.so.2",
  arm64: "/lib/ld-linux-aarch64.so.1",
};

/** True if this very process is new enough to run Steward. */
function runsTypeScript() {
  return Number(process.versions.node.split(".")[0]) >= OLDEST_THAT_RUNS_TYPESCRIPT;
}

/**
 * The Node to run Steward with: the pinned one if it is installed and runs here, else this process's own if it is new
 * enough. Answers `{ node }`, or `{ problem }` in words for the person at the keyboard. Never throws.
 */
function findNode(root) {
  const pinned = pinnedNode(root);
  if (pinned && usesGlibc()) return { node: pinned };
  if (runsTypeScript()) return { node: process.execPath };
  return { problem: howToGetNode(pinned) };
}

/** The platform package that a pinned Node would come in. */
function pinnedName() {
  return "node-" + process.platform + "-" + process.arch;
}

/** True where a binary that was linked against glibc starts; off Linux the question does not arise. */
function usesGlibc() {
  return process.platform !== "linux" || fs.existsSync(LOADERS[process.arch] || "");
}

/** Where the pinned platform package put its binary, or undefined. */
function pinnedNode(root) {
  if (!LOADERS[process.arch]) return undefined;
  const name = pinnedName();
  try {
    const manifest = require.resolve(name + "/package.json", { paths: [root] });
    const node = path.join(path.dirname(manifest), "bin", "node");
    return fs.existsSync(node) ? node : undefined;
  } catch {
    return undefined;
  }
}

function howToGetNode(pinned) {
  const have = "This machine's Node is " + process.versions.node + " (" + process.execPath + "). ";
  const need = "Steward needs Node " + OLDEST_THAT_RUNS_TYPESCRIPT + " or newer";
  if (process.platform === "darwin") {
    return (
      have +
      need +
      ", and no pinned Node exists for macOS: `brew install node@24`, or https://nodejs.org/en/download, then try again."
    );
  }
  if (pinned) {
    return (
      have +
      need +
      ", and the pinned one needs glibc, which this system does not have: install Node 24 from its packages (Alpine: `apk add nodejs npm`), then try again."
    );
  }
  if (process.platform === "linux" && LOADERS[process.arch]) {
    return (
      have +
      need +
      ", and the pinned one is not installed: run `npm ci --ignore-scripts --include=optional` in Steward's folder, then try again."
    );
  }
  return (
    have +
    need +
    ", and there is no pinned one for " +
    process.platform +
    " on " +
    process.arch +
    ": install Node 24 or newer (https://nodejs.org/en/download), then try again."
  );
}

/**
 * Runs `node args…` in this process's place: same streams, same exit code or signal, and each SIGINT and SIGTERM
 * passed on once. The node's folder comes first in PATH, so that what it starts finds the same one.
 */
function handOver(node, args) {
  const PATH = path.dirname(node) + path.delimiter + (process.env.PATH || "");
  const child = spawn(node, args, { stdio: "inherit", env: Object.assign({}, process.env, { PATH: PATH }) });

  const heard = {};
  const passOn = function (signal) {
    // npm passes on the signal that the terminal has already sent to the whole group: two within a second are one.
    // A second Ctrl-C that is meant ("stop at once") comes later than that.
    const repeated = Date.now() - (heard[signal] || 0) < 1000;
    heard[signal] = Date.now();
    if (!repeated && !(signal === "SIGINT" && isForeground())) child.kill(signal);
  };
  const onInterrupt = passOn.bind(undefined, "SIGINT");
  const onTerminate = passOn.bind(undefined, "SIGTERM");
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onTerminate);

  child.on("error", function (error) {
    process.stderr.write("steward: " + node + " does not start: " + error.message + "\n");
    process.exitCode = 1;
  });
  child.on("exit", function (code, signal) {
    process.removeListener("SIGINT", onInterrupt);
    process.removeListener("SIGTERM", onTerminate);
    if (signal) process.kill(process.pid, signal);
    else process.exitCode = code === null ? 1 : code;
  });
}

/** True if a terminal's Ctrl-C reaches the child by itself, because our process group is in its foreground. */
function isForeground() {
  try {
    // proc_pid_stat(5), after the command's name in brackets: state, ppid, pgrp, session, tty_nr, tpgid.
    const stat = fs.readFileSync("/proc/self/stat", "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[2] === fields[5];
  } catch {
    return Boolean(process.stdin.isTTY);
  }
}

module.exports = { findNode, handOver, pinnedName, runsTypeScript, usesGlibc };
