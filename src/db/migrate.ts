import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import type { Log } from "#system/log.ts";
import { Failure } from "#system/failure.ts";
import type { RoleNames } from "./roles.ts";

/** The migrations that come with this program. */
export const ownMigrations = join(import.meta.dirname, "migrations");

/**
 * Brings a database up to this program: the files `0001-name.sql` of the folder, in order, each in a transaction of its
 * own with its record, forward only. `:app` and `:engine` in them stand for the two roles. Refused: a file that was
 * changed after it was applied, and a database that a newer program has already moved on.
 * Call it on an admin connection that holds the set-up lock (open.ts), so that any number may race.
 */
export async function migrate(
  client: ClientBase,
  { folder = ownMigrations, roles, log }: { folder?: string; roles: RoleNames; log: Log },
): Promise<void> {
  await client.query(`create table if not exists private.migration (
    number int primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())`);
  const files = await readMigrations(folder);
  const { rows } = await client.query<Applied>("select number, name, checksum from private.migration order by number");
  refuseUnknown(rows, files);
  for (const file of files) {
    const applied = rows.find((row) => row.number === file.number);
    if (applied) refuseEdited(applied, file);
    else await apply(client, file, { roles, log });
  }
}

type Applied = { number: number; name: string; checksum: string };
export type Migration = Applied & { text: string };

/** The migrations of a folder in order. Their numbers are 1, 2, 3 …: a gap or a double is a mistake in the program. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    names.map(async (name, index) => {
      const number = Number(/^(\d{4})-/.exec(name)?.[1]);
      if (number !== index + 1) {
        throw new Error(`${join(folder, name)} should be number ${index + 1}: migrations are numbered without gaps`);
      }
      const text = await readFile(join(folder, name), "utf8");
      return { number, name, text, checksum: createHash("sha256").update(text).digest("hex") };
    }),
  );
}

function refuseUnknown(applied: Applied[], files: Migration[]): void {
  const newer = applied.find((row) => row.number > files.length);
  if (!newer) return;
  throw new Failure(
    "conflict",
    `This database was brought to ${newer.name} by a newer Steward; this one knows ${files.length} migrations. ` +
      `Run the newer Steward, or restore a backup from before.`,
  );
}

function refuseEdited(applied: Applied, file: Migration): void {
  if (applied.checksum === file.checksum) return;
  throw new Failure(
    "conflict",
    `The migration ${file.name} differs from the one that this database was made with (${applied.name}). ` +
      `An applied migration is never edited: put the file back, and add a new one.`,
  );
}

/** A file is sent whole, which the simple protocol allows: it may hold any number of statements. */
async function apply(client: ClientBase, file: Migration, { roles, log }: { roles: RoleNames; log: Log }) {
  log.info({ migration: file.name }, "migrating the database");
  await client.query("begin");
  try {
    await client.query(withRoles(file.text, roles));
    await client.query("insert into private.migration (number, name, checksum) values ($1, $2, $3)", [
      file.number,
      file.name,
      file.checksum,
    ]);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => {});
    throw new Error(`The migration ${file.name} failed`, { cause: error });
  }
}

/** `::app` would be a cast, and is left alone. */
function withRoles(text: string, roles: RoleNames): string {
  return text.replaceAll(/(?<!:):(app|engine)\b/g, (_, role: "app" | "engine") => `"${roles[role]}"`);
}
