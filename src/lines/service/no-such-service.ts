import type { Tx } from "#db/db.ts";
import { Failure } from "#system/failure.ts";
import { didYouMean } from "#system/nearest.ts";

/** For whoever named a service that is not there: most often it is one that is, with a letter wrong. */
export async function noSuchService(tx: Tx, name: string): Promise<Failure> {
  const there = await tx
    .selectFrom("item")
    .select("key")
    .where("line", "=", "service")
    .where("gone_at", "is", null)
    .execute();
  const meant = didYouMean(name, there.map(({ key }) => key)); // prettier-ignore
  return new Failure("not_found", `There is no service ${name}.${meant} \`steward status\` lists them.`);
}
