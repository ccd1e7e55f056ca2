import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, mkdtemp, open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "#system/log.ts";
import { hasErrorCode } from "#system/failure.ts";
import { sweepMarked } from "#system/processes.ts";
import { cannotRun } from "./failures.ts";
import type { Programs } from "./binaries.ts";
import type { Layout } from "./layout.ts";
import { runProgram } from "./run-program.ts";
import { requireReach, type ServerUser } from "./server-user.ts";

/** The name of the superuser that initdb makes; its password is in the cluster's folder. */
export const adminName = "steward";

/**
 * Makes the data directory if there is none. It is made aside and appears by one rename, on disk and with its
 * password: a kill in the middle leaves rubbish under another name, never half a cluster. Call it under the lock.
 */
export async function createCluster({
  layout,
  programs,
  user,
  log,
}: {
  layout: Layout;
  programs: Programs;
  user: ServerUser | null;
  log: Log;
}): Promise<void> {
  await requireReach(layout.database, user);
  await removeUnfinished(layout);
  if (await stat(layout.cluster).catch(ignoreMissing)) return;
  log.info({ folder: layout.cluster }, "making a new database directory");
  const aside = await mkdtemp(`${layout.cluster}.making-`);
  try {
    await initialize({ layout, programs, user, aside });
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
}

async function initialize({
  layout,
  programs,
  user,
  aside,
}: {
  layout: Layout;
  programs: Programs;
  user: ServerUser | null;
  aside: string;
}): Promise<void> {
  const data = join(aside, "data");
  const password = randomBytes(24).toString("base64url");
  const passwordForInitdb = join(aside, "initdb-password");
  await chmod(aside, 0o711);
  await mkdir(data, { mode: 0o700 });
  await writeFile(passwordForInitdb, password, { mode: 0o600 });
  if (user) {
    await chown(data, user.uid, user.gid);
    await chown(passwordForInitdb, user.uid, user.gid);
  }
  const { code, output } = await runProgram(
    join(programs.folder, "bin", "initdb"),
    initdbArguments({ data, passwordFile: passwordForInitdb, major: programs.major }),
    { user, cwd: aside, environment: { [mark]: aside } },
  );
  if (code !== 0) {
    throw cannotRun(
      `initdb could not make the database in ${layout.database} (${code}): ${output.split("\n").slice(-6).join(" ")}`,
      "Look at what it says (a full disk is the usual reason)",
    );
  }
  await rm(passwordForInitdb);
  await writePassword(join(aside, "password"), password);
  await rename(aside, layout.cluster);
  const folder = await open(layout.database, "r");
  await folder.sync().finally(() => folder.close());
}

/** The builtin provider sorts and folds case alike on every machine, whatever its C library is upgraded to. */
function initdbArguments({ data, passwordFile, major }: { data: string; passwordFile: string; major: number }) {
  const locale = major >= 17 ? ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] : [];
  const login = [`--username=${adminName}`, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"];
  return [`--pgdata=${data}`, ...login, "--data-checksums", "--encoding=UTF8", "--locale=C", ...locale];
}

async function writePassword(path: string, password: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  await file.writeFile(password);
  await file.sync().finally(() => file.close());
}

/** In the environment of initdb, and so of the servers that it runs: the folder that they write. */
const mark = "STEWARD_MAKES_CLUSTER";

/**
 * Left by a kill during initdb. We hold the lock, so that no Steward is at work on one; but initdb and the server that
 * it runs outlive who started them, and would write into a folder that is being removed.
 */
async function removeUnfinished(layout: Layout): Promise<void> {
  for (const name of await readdir(layout.database)) {
    if (!name.startsWith("cluster.making-")) continue;
    const unfinished = join(layout.database, name);
    await sweepMarked(mark, unfinished);
    await rm(unfinished, { recursive: true, force: true });
  }
}

function ignoreMissing(error: unknown): null {
  if (hasErrorCode(error, "ENOENT")) return null;
  throw error;
}
