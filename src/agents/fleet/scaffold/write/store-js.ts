/** BUILD/src/store.js: the same in every service. No text of a spec is in it. */
export const storeJs = String.raw`import { mkdir, open, readFile, rename } from "node:fs/promises";
import path from "node:path";

/**
 * Records by key: whole in memory, and on disk as a journal with one JSON line for each change. A change is flushed to
 * the disk before it is acknowledged, so that what was answered survives kill -9 and power loss. On start a line that was
 * torn by a crash is cut off; it was never acknowledged. One process per folder.
 */
export async function openStore(folder, name, { compactAbove = 1000 } = {}) {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, name + ".journal");
  const journal = await recover(file);
  const store = new Store(file, journal, compactAbove);
  await store.open();
  return store;
}

class Store {
  #file;
  #handle;
  #length;
  #lines;
  #compactAbove;
  #last = Promise.resolve();

  constructor(file, { records, highest, length, lines }, compactAbove) {
    this.#file = file;
    this.#length = length;
    this.#lines = lines;
    this.#compactAbove = compactAbove;
    this.records = records;
    /** The highest number that was ever a key: a number is not given twice, even after a delete. */
    this.highest = highest;
  }

  async open() {
    this.#handle = await open(this.#file, "a");
    await this.#handle.truncate(this.#length);
    await this.#handle.sync();
    await flushFolder(path.dirname(this.#file));
  }

  /**
   * One change at a time: "decide" sees the records as they are and returns { key, record }, or { key } to remove it;
   * what it throws refuses the change. Resolves with the record when it is on the disk.
   */
  change(decide) {
    const done = this.#last.then(() => this.#apply(decide(this)));
    this.#last = done.catch(() => {});
    return done;
  }

  async #apply({ key, record }) {
    await this.#append(JSON.stringify({ key, record }) + "\n");
    if (record === undefined) this.records.delete(key);
    else this.records.set(key, record);
    this.highest = Math.max(this.highest, numberOf(key));
    if (this.#lines > this.#compactAbove + 4 * this.records.size) await this.#compact();
    return record;
  }

  async #append(line) {
    try {
      await this.#handle.appendFile(line);
      await this.#handle.datasync();
    } catch (error) {
      // A half-written line must not stay in front of the next one.
      await this.#handle.truncate(this.#length);
      throw error;
    }
    this.#length += Buffer.byteLength(line);
    this.#lines += 1;
  }

  /** Writes the journal anew with one line for each record, beside the old one, and puts it in its place. */
  async #compact() {
    const lines = [{ highest: this.highest }, ...[...this.records].map(([key, record]) => ({ key, record }))];
    const text = lines.map((line) => JSON.stringify(line) + "\n").join("");
    const temporary = await open(this.#file + ".new", "w");
    await temporary.writeFile(text);
    await temporary.sync();
    await temporary.close();
    await this.#handle.close();
    await rename(this.#file + ".new", this.#file);
    this.#length = Buffer.byteLength(text);
    this.#lines = lines.length;
    await this.open();
  }

  /** Waits for the changes under way, then lets go of the file. */
  async close() {
    await this.#last;
    await this.#handle.close();
  }
}

async function recover(file) {
  const text = await readFile(file, "utf8").catch((error) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const journal = { records: new Map(), highest: 0, length: 0, lines: 0 };
  const whole = text.split("\n").slice(0, -1);
  for (const [index, line] of whole.entries()) {
    const change = parse(line);
    if (change === null) {
      if (index === whole.length - 1) break;
      throw new Error(file + " is damaged in line " + (index + 1) + ": restore it from a backup");
    }
    if (change.key === undefined) journal.highest = change.highest;
    else if (change.record === undefined) journal.records.delete(change.key);
    else journal.records.set(change.key, change.record);
    journal.highest = Math.max(journal.highest, numberOf(change.key));
    journal.length += Buffer.byteLength(line) + 1;
    journal.lines += 1;
  }
  return journal;
}

function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

const numberOf = (key) => (/^\d{1,15}$/.test(key) ? Number(key) : 0);

async function flushFolder(folder) {
  const handle = await open(folder, "r");
  await handle.sync();
  await handle.close();
}
`;
