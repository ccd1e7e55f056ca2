import { createServer } from "node:net";
import { readFile } from "node:fs/promises";
import { randomInt } from "node:crypto";
import { hasErrorCode } from "#system/failure.ts";
import { cannotRun } from "./failures.ts";

/**
 * Below Linux's ports for outgoing connections (32768 to 60999), so that nobody is given ours by chance while the
 * server is away for a moment; and off the well-known ones.
 */
const lowest = 21_000;
const highest = 32_000;

/** The port that the server used last, if it is free, else a new one. */
export async function choosePort(file: string): Promise<number> {
  const last = Number(await readFile(file, "utf8").catch(() => ""));
  if (Number.isInteger(last) && last > 0 && (await isFree(last))) return last;
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(lowest, highest);
    if (await isFree(port)) return port;
  }
  throw cannotRun(
    `No free port was found on 127.0.0.1 between ${lowest} and ${highest}.`,
    "See what holds them (ss -ltn)",
  );
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => {
      if (hasErrorCode(error, "EADDRINUSE", "EACCES")) resolve(false);
      else reject(error);
    });
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
