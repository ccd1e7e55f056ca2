import { statfs } from "node:fs/promises";
import type { Log } from "#system/log.ts";
import { messageOf } from "#system/failure.ts";

/** Something that the owner should know of the machine, and what to do about it. */
export type Trouble = { what: string; todo: string };

export type RoomWatch = {
  /** That the disk is as good as full; null while it is not. */
  trouble(): Trouble | null;
  stop(): void;
};

/**
 * PostgreSQL writes its log in files of 16 MiB, and a server that cannot begin the next one ends itself. Two of them,
 * and as much again for the tables: what is at work already can be recorded to its end.
 */
const LEAST_BYTES = 64 * 1024 * 1024;

/** A second: what is started goes on for longer, and a look costs a few microseconds. */
const EVERY_MS = 1_000;

/**
 * Watches the room on the disk of the embedded database, and says it once when it has become too little and once when
 * there is enough again. A disk that cannot be asked is taken to have room: PostgreSQL itself refuses what does not fit.
 */
export async function watchRoom(folder: string, log: Log): Promise<RoomWatch> {
  let trouble: Trouble | null = null;

  const look = async () => {
    const free = await roomIn(folder).catch((error: unknown) => {
      log.debug({ folder, why: messageOf(error) }, "how much room there is cannot be asked");
      return Infinity;
    });
    const before = trouble;
    trouble = free < LEAST_BYTES ? fullDisk(folder, free) : null;
    if ((before === null) === (trouble === null)) return;
    if (trouble) log.error({ folder, free }, `${trouble.what} ${trouble.todo}`);
    else log.info({ folder, free }, "there is room for the database again: Steward goes on");
  };

  await look();
  const timer = setInterval(() => void look(), EVERY_MS).unref();
  return { trouble: () => trouble, stop: () => clearInterval(timer) };
}

async function roomIn(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function fullDisk(folder: string, free: number): Trouble {
  const inMiB = (bytes: number) => Math.floor(bytes / 1024 / 1024);
  return {
    what: `The disk of the database (${folder}) is full: ${inMiB(free)} MiB are left. Nothing new is started, and nothing that was recorded is lost.`,
    todo: `Make room there, ${inMiB(LEAST_BYTES)} MiB at least: Steward then goes on by itself.`,
  };
}
