import type { SeenFacts } from "#lines/service/facts.ts";
import { logDeployments, writeDeployedConfig } from "./production-records.ts";

/** What production's keeper knows of a service, for its PRODUCTION/ folder. */
export type InProduction = {
  port: number | null;
  /** One that Steward had given it, and that it has no more. */
  freedPort?: number | null;
  release: {
    version: string;
    target: string;
    contentHash: string;
    deployedAt: Date;
    stopped: boolean;
    /** Where it answers, if that is not a port of this machine. */
    url: string | null;
  } | null;
  happened: { at: Date; text: string }[];
};

/**
 * Brings PRODUCTION/ up to date: what serves, and a line for each thing that happened. A service that Steward never
 * released has no such records of Steward's.
 */
export async function writeProduction(
  { name, path }: SeenFacts,
  { port, release, happened }: InProduction,
  { within }: { within: string },
): Promise<void> {
  if (release !== null) {
    const { stopped, url, ...rest } = release;
    const status = stopped ? "stopped" : "production";
    // Null rather than left as they were: what it has no more must not stand there.
    const local = port === null ? { port, url: null } : { port, url: `http://127.0.0.1:${port}` };
    const where = { ...local, ...(url !== null && { url }) };
    await writeDeployedConfig(path, { service: name, ...rest, status, ...where }, { within });
  }
  if (happened.length > 0) await logDeployments(path, happened, { within });
}
