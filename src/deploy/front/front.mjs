// The front of one service: a small process of its own that holds the public port and passes each connection on to the
// private port of the release that is current. `node front.mjs FOLDER` reads FOLDER/target.json, and again on SIGHUP;
// FOLDER/front.json says what it does now (the sequence of the target it has taken up is its acknowledgement).
// Plain JavaScript with Node's own modules only: it outlives restarts and upgrades of the program that started it.

import {
  closeSync,
  existsSync,
  ftruncateSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
} from "node:fs";
import { renameSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { connect as connectTo, createServer } from "node:net";
import { join } from "node:path";
import { ownIdentity } from "#system/processes.mjs";

/** How long to wait before a release that refuses is tried again: short against a restart, long against a busy loop. */
const RETRY_EVERY_MS = 25;
/** A connection that one side has closed may stay this long without a byte: slow answers pass, forgotten ones end. */
const HALF_OPEN_MS = 120_000;
const DRAIN_REPORT_EVERY_MS = 50;

const folder = process.argv[2];
const identity = ownIdentity();
const passages = new Set();
let order = readOrder();
let reported = "";
let drainReports;

const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive: true }, open);
server.once("error", (error) => {
  writeAtomic("front-result.json", { pid: process.pid, ok: false, code: error.code ?? null, message: error.message });
  process.exit(1);
});
server.listen({ host: order.host, port: order.publicPort }, () => {
  server.removeAllListeners("error");
  // Such as too many open files: that connection fails, the front lives.
  server.on("error", (error) => console.error(new Date().toISOString(), error.message));
  process.on("SIGHUP", takeUp);
  // Its folder went while it started: nobody could find it again.
  if (!existsSync(join(folder, "target.json"))) process.exit(1);
  // Read once more: a switch asked for while the port was being opened came before there was anyone to signal.
  takeUp();
});
process.once("SIGTERM", () => process.exit(0));
setInterval(boundLogs, order.logs.lookMs);

/** New connections go to the target as it is written now; open ones stay where they are and drain. */
function takeUp() {
  try {
    order = readOrder();
  } catch (error) {
    console.error(new Date().toISOString(), `target.json cannot be read, the old target stays: ${error.message}`);
    return;
  }
  report();
  drainReports ??= setInterval(report, DRAIN_REPORT_EVERY_MS);
}

function open(client) {
  const passage = {
    client,
    upstream: null,
    target: null,
    waiting: false,
    upgraded: false,
    usedAt: Date.now(),
    early: null,
  };
  passages.add(passage);
  client.on("error", () => {});
  client.on("close", (failed) => {
    passages.delete(passage);
    if (passage.upstream === null) return;
    if (failed) passage.upstream.resetAndDestroy();
    else passage.upstream.destroy();
  });
  client.on("data", (chunk) => passOn(passage, chunk));
  client.on("drain", () => passage.upstream?.resume());
  client.on("end", () => {
    boundHalfOpen(passage);
    passage.upstream?.end();
  });
  // A listener for data makes it flow; not before there is somewhere to flow to.
  client.pause();
  reach(passage, Date.now() + order.retryMs);
}

/** Connects to the release. One that refuses is tried for a while: a restart shows as a slow request, not an error. */
function reach(passage, until) {
  if (passage.client.destroyed) return;
  const target = order.target;
  const upstream = connectTo({
    host: "127.0.0.1",
    port: target.port,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
  });
  passage.upstream = upstream;
  passage.target = target;
  upstream.once("connect", () => {
    upstream.removeAllListeners("error");
    joinTo(passage, upstream);
  });
  upstream.once("error", () => {
    upstream.destroy();
    passage.upstream = null;
    if (Date.now() >= until) passage.client.resetAndDestroy();
    else setTimeout(reach, RETRY_EVERY_MS, passage, until);
  });
}

function joinTo(passage, upstream) {
  const { client } = passage;
  upstream.on("error", () => {});
  upstream.on("data", (chunk) => {
    passage.usedAt = Date.now();
    if (passage.waiting) noteAnswer(passage, chunk);
    if (!client.write(chunk)) upstream.pause();
  });
  upstream.on("drain", () => client.resume());
  upstream.on("end", () => {
    boundHalfOpen(passage);
    client.end();
  });
  upstream.on("close", (failed) => {
    if (failed) client.resetAndDestroy();
    else if (!client.writableEnded) client.end();
  });
  if (passage.early !== null) upstream.write(passage.early);
  passage.early = null;
  client.resume();
  if (client.readableEnded) upstream.end();
}

function passOn(passage, chunk) {
  passage.usedAt = Date.now();
  if (mayMove(passage, chunk)) return move(passage, chunk);
  passage.waiting = true;
  if (!passage.upstream.write(chunk)) passage.client.pause();
}

/**
 * A kept-alive HTTP/1 connection to an old release whose client begins its next request: between two requests nothing
 * ties it to that release, so it moves to the current one. Without this a client with a connection pool would hold the
 * old release until it is ended, and could send into that very moment.
 */
function mayMove(passage, chunk) {
  if (passage.target === order.target || passage.waiting || passage.upgraded) return false;
  return /^[A-Z]{3,20} [^ \r\n]+ HTTP\/1\.[01]\r\n/.test(chunk.toString("latin1", 0, 4_096));
}

function move(passage, chunk) {
  passage.client.pause();
  passage.early = chunk;
  passage.waiting = true;
  const old = passage.upstream;
  passage.upstream = null;
  old.removeAllListeners();
  old.on("error", () => {});
  old.destroy();
  reach(passage, Date.now() + order.retryMs);
}

/** 1xx is not the answer yet; 101 makes it another protocol, which has no next request. */
function noteAnswer(passage, chunk) {
  const interim = /^HTTP\/1\.1 1(\d\d)/.exec(chunk.toString("latin1", 0, 12));
  if (interim?.[1] === "01") passage.upgraded = true;
  passage.waiting = interim !== null && !passage.upgraded;
}

function boundHalfOpen({ client }) {
  // The upstream goes with it: see the client's "close".
  client.setTimeout(HALF_OPEN_MS, () => client.destroy());
}

/** Says in front.json what is taken up and what still drains; not more often than it changes. */
function report() {
  const draining = new Map();
  const quietSince = Date.now() - order.quietMs;
  for (const { target, waiting, upgraded, usedAt } of passages) {
    if (target === null || target.run === order.target.run) continue;
    const entry = draining.get(target.run) ?? { run: target.run, port: target.port, open: 0, busy: 0 };
    entry.open += 1;
    if ((waiting && !upgraded) || usedAt > quietSince) entry.busy += 1;
    draining.set(target.run, entry);
  }
  const { sequence, host, publicPort, target } = order;
  const state = { ...identity, sequence, host, publicPort, target, draining: [...draining.values()] };
  const text = JSON.stringify(state);
  if (text !== reported) {
    try {
      writeAtomic("front.json", state);
      reported = text;
    } catch (error) {
      // A full disk must not end production. Whoever waits for the acknowledgement will say that it did not come.
      console.error(new Date().toISOString(), `front.json cannot be written: ${error.message}`);
    }
  }
  if (draining.size === 0 && text === reported) {
    clearInterval(drainReports);
    drainReports = undefined;
  }
}

function readOrder() {
  return JSON.parse(readFileSync(join(folder, "target.json"), "utf8"));
}

function writeAtomic(name, value) {
  const temporary = join(folder, `${name}.${process.pid}.tmp`);
  writeFileSync(temporary, `${JSON.stringify(value)}\n`);
  renameSync(temporary, join(folder, name));
}

/**
 * Keeps the releases' logs small. A release writes to its file directly, opened for appending, so that no process of
 * ours stands between it and its log: the file is copied and cut, which can lose the lines of that very moment.
 */
function boundLogs() {
  const { logs } = order;
  try {
    for (const name of readdirSync(logs.folder)) {
      if (name.endsWith(".log")) boundLog(join(logs.folder, name), logs);
    }
  } catch (error) {
    console.error(new Date().toISOString(), `logs cannot be kept small: ${error.message}`);
  }
}

function boundLog(path, { maxBytes, keep }) {
  if (statSync(path).size <= maxBytes) return;
  rmSync(`${path}.${keep}`, { force: true });
  for (let number = keep - 1; number >= 1; number -= 1) {
    try {
      renameSync(`${path}.${number}`, `${path}.${number + 1}`);
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
  }
  const from = openSync(path, "r+");
  const to = openSync(`${path}.1`, "w", 0o600);
  try {
    const { size } = fstatSync(from);
    const piece = Buffer.alloc(65_536);
    for (let at = Math.max(0, size - maxBytes); at < size;) {
      const read = readSync(from, piece, 0, Math.min(piece.length, size - at), at);
      if (read === 0) break;
      writeSync(to, piece, 0, read);
      at += read;
    }
    ftruncateSync(from, 0);
  } finally {
    closeSync(from);
    closeSync(to);
  }
}
