import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "#http/client.ts";
import { Failure } from "#system/failure.ts";
import type { Common } from "./command.ts";
import { connect } from "./connect.ts";
import { say } from "./talk.ts";

type Options = Common & { follow?: true };

const LOOK_MS = 250;
const WHOLE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A run's output, each stream to its own; with --json one frame a line. */
export async function showRunLog(name: string, options: Options): Promise<void> {
  const { client } = await connect(options);
  const id = WHOLE_ID.test(name) ? name : await lastRun(client, name);
  const run = await client.runs.get({ id });
  if (!options.json)
    say(`${run.agent}, ${run.kind} of ${run.service}, run ${run.id}${run.outcome === null ? "" : `: ${run.outcome}`}`);
  let from = 0;
  let wrote = false;
  for (;;) {
    const { frames, next, ended } = await client.runs.output({ id, from });
    for (const frame of frames) write(frame, options.json);
    wrote ||= frames.length > 0;
    const more = next > from;
    from = next;
    if (ended || (!more && !options.follow)) break;
    if (!more) await pause(LOOK_MS);
  }
  if (!wrote && !options.json) say(run.progress ?? "It wrote nothing.");
}

type Frame = Awaited<ReturnType<Client["runs"]["output"]>>["frames"][number];

function write({ stream, text, at }: Frame, json: boolean | undefined): void {
  if (json) process.stdout.write(`${JSON.stringify({ at, stream, text })}\n`);
  else if (stream === "note") say(`[${text.trimEnd()}]`);
  else process.stdout.write(text);
}

async function lastRun(client: Client, service: string): Promise<string> {
  const { runs } = await client.services.get({ name: service });
  if (!runs[0])
    throw new Failure("not_found", `${service} has had no run yet. \`steward status\` says what it waits for.`);
  return runs[0].id;
}

/** The end of the release's log; with --follow until interrupted. */
export async function showProductionLog(name: string, options: Options): Promise<void> {
  const { client } = await connect(options);
  let from: number | undefined;
  for (;;) {
    const { file, text, next } = await client.services.log(from === undefined ? { name } : { name, from });
    if (file === null)
      throw new Failure("not_found", `${name} has no release with a log here. \`steward deploy ${name}\` makes one.`);
    if (text !== "") process.stdout.write(options.json ? `${JSON.stringify({ file, text })}\n` : text);
    const more = next !== from && text !== "";
    from = next;
    if (!more && !options.follow) return;
    if (!more) await pause(LOOK_MS);
  }
}
