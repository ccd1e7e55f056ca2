/** BUILD/src/store.js: the same in every service. No text of a spec is in it. */
export const storeJs = String.raw`import { mkdir, open, readFile, rename, stat, unlink } from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/**
 * Records by key: whole in memory, and on disk as a journal with one JSON line for each change. A change is flushed to
 * the disk before it is acknowledged, so that what was answered survives kill -9 and power loss. On start a line that was
 * torn by a crash is cut off; it was never acknowledged.
 *
 * While a new version takes over from an old one, both have the folder open: each takes in what the other appended
 * before it answers or changes anything. It is no way for many processes to work side by side all the time: two changes
 * in the same millisecond do not see each other.
 */
export async function openStore(folder, name, { compactAbove = 1000 } = {}) {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, name + ".journal");
  let journal = await recover(file);
  // Torn, or just being written by the version that is handing over.
  if (journal.torn) journal = await pause(50).then(() => recover(file));
  const store = new Store(file, compactAbove);
  await store.open(journal);
  return store;
}

class Store {
  #file;
  #handle;
  #inode;
  #length;
  #lines;
  #compactAbove;
  #appending = false;
  #last = Promise.resolve();

  constructor(file, compactAbove) {
    this.#file = file;
    this.#compactAbove = compactAbove;
  }

  async open({ records, highest, length, lines, torn }) {
    this.records = records;
    /** The highest number that was ever a key: a number is not given twice, even after a delete. */
    this.highest = highest;
    this.#lines = lines;
    this.#length = length;
    this.#handle = await open(this.#file, "a+");
    this.#inode = (await this.#handle.stat()).ino;
    if (torn) await this.#handle.truncate(length);
    await this.#handle.sync();
    await flushFolder(path.dirname(this.#file));
  }

  /**
   * One change at a time: "decide" sees the records as they are and returns { key, record }, or { key } to remove it;
   * what it throws refuses the change. Resolves with the record when it is on the disk.
   */
  change(decide) {
    return this.#inTurn(async () => {
      await this.#follow();
      return this.#apply(decide(this));
    });
  }

  /** Takes in what another process has changed: before a request is answered. */
  async refresh() {
    // Our own change in the middle of its way to the disk is no news.
    if (!this.#appending && (await this.#news())) await this.#inTurn(() => this.#follow());
  }

  #inTurn(work) {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  async #apply({ key, record }) {
    await this.#append(JSON.stringify({ key, record }) + "\n");
    if (this.#lines > this.#compactAbove + 4 * this.records.size) await this.#compact();
    return record === undefined ? undefined : this.records.get(key);
  }

  async #append(line) {
    this.#appending = true;
    try {
      await this.#flushed(line);
      const { size } = await this.#handle.stat();
      const length = this.#length + Buffer.byteLength(line);
      // Longer than that: another process was quicker, and its line stands before ours.
      if (size === length) this.#take(line);
      else await this.#readOn(size);
    } finally {
      this.#appending = false;
    }
  }

  async #flushed(line) {
    try {
      await this.#handle.appendFile(line);
      await this.#handle.datasync();
    } catch (error) {
      // A half-written line must not stay in front of the next one.
      await this.#handle.truncate(this.#length);
      throw error;
    }
  }

  /** One whole line of the journal, as the next one of this process. */
  #take(line) {
    take(this, JSON.parse(line));
    this.#length += Buffer.byteLength(line);
    this.#lines += 1;
  }

  /** Null if the journal is as this process left it; else where it is now. */
  async #news() {
    const now = await stat(this.#file).catch(() => null);
    const same = now === null || (now.ino === this.#inode && now.size <= this.#length);
    return same ? null : now;
  }

  async #follow() {
    const now = await this.#news();
    if (now === null) return;
    if (now.ino === this.#inode) return this.#readOn(now.size);
    // The other one wrote its journal anew.
    const old = this.#handle;
    await this.open({ ...(await recover(this.#file)), torn: false });
    await old.close();
  }

  /** Takes in the whole lines from where this process stopped. */
  async #readOn(size) {
    const bytes = Buffer.alloc(size - this.#length);
    await this.#handle.read(bytes, 0, bytes.length, this.#length);
    const whole = bytes.subarray(0, bytes.lastIndexOf("\n") + 1);
    for (const line of whole.toString("utf8").split("\n").slice(0, -1)) this.#take(line + "\n");
  }

  /** Writes the journal anew with one line for each record, beside the old one, and puts it in its place. */
  async #compact() {
    const lines = [{ highest: this.highest }, ...[...this.records].map(([key, record]) => ({ key, record }))];
    const text = lines.map((line) => JSON.stringify(line) + "\n").join("");
    const beside = this.#file + "." + process.pid + ".new";
    const temporary = await open(beside, "w");
    await temporary.writeFile(text);
    await temporary.sync();
    await temporary.close();
    // What another process appended meanwhile is not in it: another time.
    if (await this.#news()) return unlink(beside);
    const old = this.#handle;
    await rename(beside, this.#file);
    await this.open({ records: this.records, highest: this.highest, length: Buffer.byteLength(text), lines: lines.length });
    await old.close();
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
  const journal = { records: new Map(), highest: 0, length: 0, lines: 0, torn: false };
  const whole = text.split("\n").slice(0, -1);
  for (const [index, line] of whole.entries()) {
    const change = parse(line);
    if (change === null) {
      if (index === whole.length - 1) break;
      throw new Error(file + " is damaged in line " + (index + 1) + ": restore it from a backup");
    }
    take(journal, change);
    journal.length += Buffer.byteLength(line) + 1;
    journal.lines += 1;
  }
  journal.torn = journal.length < Buffer.byteLength(text);
  return journal;
}

function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** Puts one line of the journal into the records. */
function take(into, { key, record, highest = 0 }) {
  if (key !== undefined && record === undefined) into.records.delete(key);
  else if (key !== undefined) into.records.set(key, record);
  into.highest = Math.max(into.highest, highest, numberOf(key));
}

const numberOf = (key) => (/^\d{1,15}$/.test(key) ? Number(key) : 0);

async function flushFolder(folder) {
  const handle = await open(folder, "r");
  await handle.sync();
  await handle.close();
}
`;
