import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { startSite } from "../src/site.js";

const CONTENT = { title: "A <b>title", purpose: "What & why", points: ["<script>alert(1)</script>"] };

async function folderFor(t) {
  const folder = await mkdtemp(path.join(tmpdir(), "landing-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function start(t, dataDir) {
  const site = await startSite(CONTENT, { port: 0, host: "127.0.0.1", dataDir });
  t.after(() => site.stop());
  return site.url;
}

const signUp = (url, email) => fetch(url + "/signups", { method: "POST", body: new URLSearchParams({ email }) });
const count = async (url) => (await (await fetch(url + "/signups/count")).json()).count;

test("the page shows its title and a form, with nothing of the spec as mark-up", async (t) => {
  const answer = await fetch(await start(t, await folderFor(t)));
  const html = await answer.text();
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type"), /text\/html/);
  assert.match(html, /<h1>A &#60;b&#62;title<\/h1>.*<form method="post" action="\/signups">/s);
  assert.equal(html.includes("<script"), false);
});

test("an address is stored once, an invalid one is refused", async (t) => {
  const url = await start(t, await folderFor(t));
  assert.equal((await signUp(url, "one@example.com")).status, 201);
  assert.equal((await signUp(url, " ONE@example.com")).status, 201);
  assert.equal((await signUp(url, "<b>nobody</b>")).status, 400);
  assert.equal(await count(url), 1);
});

test("other paths and methods are answered with 404 and 405", async (t) => {
  const url = await start(t, await folderFor(t));
  assert.equal((await fetch(url + "/constructor")).status, 404);
  assert.equal((await fetch(url + "/health", { method: "DELETE" })).status, 405);
  assert.deepEqual(await (await fetch(url + "/health")).json(), { status: "ok" });
});

test("a sign-up is still there after kill -9, and SIGTERM ends the site cleanly", async (t) => {
  const dataDir = await folderFor(t);
  const main = fileURLToPath(new URL("../src/main.js", import.meta.url));
  const startProgram = async () => {
    const child = spawn(process.execPath, [main], { env: { ...process.env, PORT: "0", HOST: "127.0.0.1", DATA_DIR: dataDir } });
    t.after(() => child.kill("SIGKILL"));
    const ended = new Promise((resolve) => child.once("exit", resolve));
    const url = await new Promise((resolve) => child.stdout.on("data", (text) => resolve(/http:\S+/.exec(text)[0])));
    return { url, end: (signal) => (child.kill(signal), ended) };
  };
  const first = await startProgram();
  assert.equal((await signUp(first.url, "kept@example.com")).status, 201);
  await first.end("SIGKILL");
  await appendFile(path.join(dataDir, "signups.txt"), "torn@exam");
  const second = await startProgram();
  assert.equal(await count(second.url), 1);
  assert.equal(await second.end("SIGTERM"), 0);
});
