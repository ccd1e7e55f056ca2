import { clientFor, type Client } from "#http/client.ts";
import { runEnvironment } from "#http/run-key.ts";
import { Failure, messageOf } from "#system/failure.ts";
import { writeFileAtomic } from "#system/files.ts";
import type { Common } from "./command.ts";
import { answer, say } from "./talk.ts";
import { version } from "#system/version.ts";

/** Speaks with the run's own key, as an agent finds it in its environment. */
export async function sayAlive(options: Common): Promise<void> {
  const { client, id } = ownRun();
  answer(options.json, await client.runs.heartbeat({ id }), "");
}

export async function sayProgress(text: string, options: Common & { percent?: number }): Promise<void> {
  const { client, id } = ownRun();
  const { percent } = options;
  answer(options.json, await client.runs.progress({ id, text, ...(percent === undefined ? {} : { percent }) }), "");
}

/**
 * The file that Steward reads when the program has ended is what counts, and needs no server: where it is written, a
 * server that does not answer is only a note.
 */
export async function sayEnd(
  outcome: "done" | "failed" | "refused",
  reasons: string[],
  options: Common,
): Promise<void> {
  const file = process.env["STEWARD_REPORT_FILE"];
  if (file) await writeFileAtomic(file, `${JSON.stringify({ outcome, reasons })}\n`, { mode: 0o600 });
  try {
    const { client, id } = ownRun();
    await client.runs.report({ id, outcome, reasons });
  } catch (error) {
    if (!file || !(error instanceof Failure) || (error.code !== "unreachable" && error.code !== "invalid")) throw error;
    say(`steward: the report is written; ${messageOf(error)}`);
  }
  answer(options.json, { ok: true }, "");
}

function ownRun(): { client: Client; id: string } {
  const url = process.env[runEnvironment.url];
  const key = process.env[runEnvironment.key];
  const id = process.env[runEnvironment.run];
  if (!url || !key || !id) {
    const missing = Object.values(runEnvironment).filter((name) => !process.env[name]);
    throw new Failure(
      "invalid",
      `This is for agents that Steward started: ${missing.join(", ")} is not in the environment.`,
    );
  }
  return { client: clientFor({ url, credential: key, version }), id };
}
