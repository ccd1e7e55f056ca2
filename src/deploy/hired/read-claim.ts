import { z } from "zod";
import { HIRED_RECORD, type HandedIn } from "#lines/service/hired-deploy.ts";
import { Failure, messageOf } from "#system/failure.ts";

/** What a hired agent says of its deployment. It is a claim: nothing of it counts before Steward has asked there. */
export type Claim = {
  /** Where it answers, without the health path. */
  url: string;
  /** The agent's own name for it, such as an image's tag. */
  version: string | null;
  /** How to end it and how to go back, in the agent's words. They are shown, and never run. */
  stop: string | null;
  rollback: string | null;
};

const text = (most: number) => z.string().trim().min(1).max(most);
const port = z
  .union([z.int(), text(5).regex(/^\d+$/, "must be a port").transform(Number)])
  .pipe(z.int().min(1).max(65_535));

const Said = z.looseObject({
  url: text(500).nullish(),
  port: port.nullish(),
  version: z.union([text(100), z.number().transform(String)]).nullish(),
  stop: text(2_000).nullish(),
  rollback: text(2_000).nullish(),
});

/** Throws a Failure that says what is missing, or what makes no sense. */
export function readClaim({ record, changed }: Pick<HandedIn, "record" | "changed">): Claim {
  if (record === null)
    throw invalid(
      `it ended, but left no ${HIRED_RECORD} that says where the service answers: write {"port": …} or {"url": …}`,
    );
  if (changed.length > 0) {
    const which = changed.slice(0, 10).join(", ");
    throw invalid(`it changed what it was to deploy (${which}), so that what it deployed is not what was proved`);
  }
  const said = Said.safeParse(jsonOf(record));
  if (!said.success) {
    const problems = said.error.issues.map(({ path, message }) => `${path.join(".") || "it"}: ${message}`);
    throw invalid(`${HIRED_RECORD} makes no sense: ${problems.join("; ")}`);
  }
  const { url, port: onPort, version = null, stop = null, rollback = null } = said.data;
  if (url == null && onPort == null)
    throw invalid(`${HIRED_RECORD} does not say where the service answers: it needs a "port" or a "url"`);
  return { url: url ?? `http://127.0.0.1:${onPort}`, version, stop, rollback };
}

function jsonOf(record: string): unknown {
  try {
    return JSON.parse(record);
  } catch (error) {
    throw invalid(`${HIRED_RECORD} is not JSON: ${messageOf(error)}`);
  }
}

const invalid = (message: string): Failure => new Failure("invalid", message);
