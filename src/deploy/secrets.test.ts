import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openSecret, sealSecret, secretKey } from "./secrets.ts";
import { Failure } from "#system/failure.ts";
import { removeFolder } from "#system/testing.ts";

const context = { tenant: "house", service: "quotes", name: "API_KEY" };

async function home(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "steward-secrets-"));
  t.after(() => removeFolder(folder));
  return join(folder, "home");
}

test("a secret opens with its key and its place, and looks different each time it is sealed", () => {
  const key = randomBytes(32);
  for (const plain of ["", "hunter2", "línea\nuno", "x".repeat(100_000)]) {
    const sealed = sealSecret(key, plain, context);
    assert.equal(openSecret(key, sealed, context), plain);
    assert.notEqual(sealed, sealSecret(key, plain, context));
    if (plain !== "") assert.ok(!sealed.includes(plain));
  }
});

test("a secret that was changed, moved or sealed with another key does not open, and the failure does not tell it", () => {
  const key = randomBytes(32);
  const sealed = sealSecret(key, "hunter2", context);
  const [form, nonce, tag, text] = sealed.split(".") as [string, string, string, string];
  const flipped = Buffer.from(text, "base64url");
  flipped[0]! ^= 1;
  const attempts = [
    () => openSecret(randomBytes(32), sealed, context),
    () => openSecret(key, sealed, { ...context, service: "billing" }),
    () => openSecret(key, sealed, { ...context, name: "OTHER" }),
    () => openSecret(key, sealed, { ...context, tenant: "neighbour" }),
    () => openSecret(key, [form, nonce, tag, flipped.toString("base64url")].join("."), context),
    () => openSecret(key, [form, nonce, tag.slice(0, 6), text].join("."), context),
    () => openSecret(key, "hunter2", context),
    () => openSecret(key, "", context),
  ];
  for (const attempt of attempts) {
    assert.throws(
      attempt,
      (error) => error instanceof Failure && error.code === "invalid" && !error.message.includes("hunter2"),
    );
  }
});

test("names that run into one another are not the same place", () => {
  const key = randomBytes(32);
  const sealed = sealSecret(key, "hunter2", { tenant: "a", service: "b.c", name: "d" });
  assert.throws(() => openSecret(key, sealed, { tenant: "a", service: "b", name: "c.d" }), Failure);
});

test("the key is made once, for its owner only, also when two ask at once", async (t) => {
  const folder = await home(t);
  const keys = await Promise.all([secretKey(folder), secretKey(folder), secretKey(folder)]);
  for (const key of keys) assert.deepEqual(key, keys[0]);
  assert.equal(keys[0]?.length, 32);
  assert.equal((await stat(join(folder, "secret.key"))).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(folder), ["secret.key"]);
});

test("a key that others can read, or that is broken, is refused and left as it is", async (t) => {
  const folder = await home(t);
  await secretKey(folder);
  const path = join(folder, "secret.key");
  await chmod(path, 0o644);
  await assert.rejects(secretKey(folder), /can be read by other users: chmod 600/);
  await chmod(path, 0o600);
  await writeFile(path, "short");
  await assert.rejects(secretKey(folder), /not a key of ours/);
});
