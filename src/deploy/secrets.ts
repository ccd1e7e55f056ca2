import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { Failure, hasErrorCode } from "#system/failure.ts";

/** Whose secret it is. Sealed in: a sealed value that is moved to another name, service or tenant does not open. */
export type SecretContext = { tenant: string; service: string; name: string };

const KEY_BYTES = 32;
/** NIST SP 800-38D: 96 bits for a random nonce, a tag of 128 bits. One key may seal 2³² values. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const FORM = "v1";

/** AES-256-GCM with a random nonce: "v1.<nonce>.<tag>.<ciphertext>", each in base64url. */
export function sealSecret(key: Uint8Array, plain: string, context: SecretContext): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundTo(context));
  const sealed = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
  return [FORM, ...[nonce, cipher.getAuthTag(), sealed].map((part) => part.toString("base64url"))].join(".");
}

/** Throws a Failure, without a word of the value, if it was sealed with another key, for another place, or changed. */
export function openSecret(key: Uint8Array, sealed: string, context: SecretContext): string {
  const [form, nonce, tag, text, ...more] = sealed.split(".");
  const parts = [nonce, tag, text].map((part) => Buffer.from(part ?? "", "base64url"));
  const [nonceBytes, tagBytes, textBytes] = parts as [Buffer, Buffer, Buffer];
  if (form !== FORM || more.length > 0 || nonceBytes.length !== NONCE_BYTES || tagBytes.length !== TAG_BYTES) {
    throw new Failure(
      "invalid",
      `The secret ${context.name} of ${context.service} is not in a form that is known: set it anew`,
    );
  }
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, nonceBytes, { authTagLength: TAG_BYTES });
    decipher.setAAD(boundTo(context));
    decipher.setAuthTag(tagBytes);
    return decipher.update(textBytes, undefined, "utf8") + decipher.final("utf8");
  } catch (error) {
    throw new Failure(
      "invalid",
      `The secret ${context.name} of ${context.service} cannot be opened: it was sealed with another secret.key or was ` +
        `changed. Restore the key, or set the secret anew`,
      { cause: error },
    );
  }
}

/**
 * The key in the home folder, made on first use. Two that make it at once get the same one. A key that others can read
 * is refused rather than repaired: who could read it may have.
 */
export async function secretKey(home: string): Promise<Uint8Array> {
  const path = join(home, "secret.key");
  try {
    return await readKey(path);
  } catch (error) {
    if (!hasErrorCode(error, "ENOENT")) throw error;
  }
  await mkdir(home, { recursive: true, mode: 0o700 });
  const mine = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  const file = await open(mine, "wx", 0o600);
  try {
    await file.writeFile(`${randomBytes(KEY_BYTES).toString("base64url")}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    // Never over one that is there: what it has sealed would be lost.
    await link(mine, path);
  } catch (error) {
    if (!hasErrorCode(error, "EEXIST")) throw error;
  } finally {
    await unlink(mine);
  }
  await flush(home);
  return readKey(path);
}

async function readKey(path: string): Promise<Uint8Array> {
  const text = await readFile(path, "utf8");
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) {
    throw new Failure(
      "forbidden",
      `${path} can be read by other users: chmod 600 ${path}, and change the secrets it protects`,
    );
  }
  const key = Buffer.from(text.trim(), "base64url");
  if (key.length !== KEY_BYTES) {
    throw new Failure("invalid", `${path} is not a key of ours (32 bytes in base64url): restore it from a backup`);
  }
  return key;
}

async function flush(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Unambiguous whatever is in the names. */
function boundTo({ tenant, service, name }: SecretContext): Buffer {
  return Buffer.from(JSON.stringify([FORM, tenant, service, name]));
}
