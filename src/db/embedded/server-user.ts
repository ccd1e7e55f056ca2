import { constants } from "node:fs";
import { access, readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { cannotRun } from "./failures.ts";

/** The user that the server runs as, where that is not ourselves. */
export type ServerUser = { name: string; uid: number; gid: number };

/**
 * PostgreSQL refuses to run as root. As root it runs as whoever owns the data directory (a user `postgres` may have
 * appeared since it was made), else as `postgres` where that user exists, else as `nobody`: a uid without an entry in
 * /etc/passwd does not do ("could not look up effective user ID"). Null: as ourselves.
 */
export async function serverUser(data: string): Promise<ServerUser | null> {
  if (process.getuid?.() !== 0) return null;
  const users = parseUsers(await readFile("/etc/passwd", "utf8"));
  const owner = await stat(data).then(
    ({ uid }) => uid,
    () => null,
  );
  const found =
    users.find(({ uid }) => uid === owner && uid !== 0) ??
    users.find(({ name }) => name === "postgres") ??
    users.find(({ name }) => name === "nobody");
  if (found) return found;
  throw cannotRun(
    "PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody.",
    "Add one (useradd --system postgres), run Steward as another user",
  );
}

/** passwd(5): name:password:uid:gid:… */
function parseUsers(passwd: string): ServerUser[] {
  return passwd
    .split("\n")
    .map((line) => line.split(":"))
    .flatMap(([name, , uid, gid]) => (name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : []));
}

/** Options for `spawn` that run a program as this user. Node drops the supplementary groups of root with it. */
export function asUser(user: ServerUser | null): { uid?: number; gid?: number } {
  return user ? { uid: user.uid, gid: user.gid } : {};
}

/**
 * Fails, naming the first folder in the way, unless the user can come to this folder: one 0700 folder above it (such
 * as /root) is enough for "Permission denied" from deep inside initdb.
 */
export async function requireReach(folder: string, user: ServerUser | null): Promise<void> {
  for (const ancestor of ancestorsOf(folder)) {
    if (await mayPass(ancestor, user)) continue;
    const who = user ? `the user ${user.name}, as which PostgreSQL runs,` : "this user";
    throw cannotRun(
      `${ancestor} cannot be entered by ${who} so the database in ${folder} cannot be reached.`,
      `Allow it (chmod o+x ${ancestor}), choose another home (STEWARD_HOME, STEWARD_STATE)`,
    );
  }
}

function ancestorsOf(folder: string): string[] {
  const above = dirname(folder);
  return above === folder ? [folder] : [...ancestorsOf(above), folder];
}

async function mayPass(folder: string, user: ServerUser | null): Promise<boolean> {
  if (!user) {
    return access(folder, constants.X_OK).then(
      () => true,
      () => false,
    );
  }
  const { mode, uid, gid } = await stat(folder);
  if (uid === user.uid) return (mode & 0o100) !== 0;
  if (gid === user.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}
