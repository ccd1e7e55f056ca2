import type { Client } from "#http/client.ts";
import type { Common } from "./command.ts";
import { connect } from "./connect.ts";
import { finish } from "./finish.ts";
import { followTicket } from "./follow-ticket.ts";

type Options = Common & { wait: boolean };
type Answer = Awaited<ReturnType<Client["services"]["check"]>>;

/** Asks for a verdict and, unless told not to wait, says what it is: red is exit code 1. */
export async function checkService(name: string, options: Options): Promise<void> {
  const { client } = await connect(options);
  const asked = await client.services.check({ name });
  const ended = await endOf(client, asked, options);
  if (!ended.ok || asked.ticket === null || !options.wait) return finish(options.json, ended);
  const { verdicts } = await client.services.get({ name });
  const verdict = verdicts.find(({ gate }) => gate === "tests");
  if (!verdict) return finish(options.json, ended);
  const message = [
    `${name}: ${verdict.ok ? "proved" : "not proved"}`,
    ...verdict.reasons.map((reason) => `  ${reason}`),
  ].join("\n");
  finish(options.json, { ...ended, ...verdict, message });
}

export async function deployService(name: string, options: Options): Promise<void> {
  const { client } = await connect(options);
  finish(options.json, await endOf(client, await client.services.deploy({ name }), options));
}

/** What became of the ticket that was asked for, if there is one and the caller waits. */
async function endOf(client: Client, asked: Answer, { wait }: Options): Promise<Answer> {
  if (asked.ticket === null || !wait) return asked;
  const { title, state, lastError } = await followTicket(client, asked.ticket);
  return {
    ...asked,
    ok: state === "done",
    message: `${title}: ${state}${lastError === null || state === "done" ? "" : `: ${lastError}`}`,
  };
}
