import { text } from "node:stream/consumers";
import { Failure } from "#system/failure.ts";
import type { Common } from "./command.ts";
import { connect } from "./connect.ts";
import { answer, say } from "./talk.ts";

export async function setSecret(name: string, secret: string, options: Common): Promise<void> {
  const { client } = await connect(options);
  if (process.stdin.isTTY) say("Type the value, then Enter and Ctrl-D:");
  // The newline that a shell or an editor adds is not part of it.
  const value = (await text(process.stdin)).replace(/\r?\n$/, "");
  if (value === "")
    throw new Failure(
      "invalid",
      `${secret} has no value: pipe it in, such as \`steward secret set ${name} ${secret} < file\`.`,
    );
  await client.secrets.set({ name, secret, value });
  answer(options.json, { ok: true }, `${secret} is kept for ${name}; its next release gets it.`);
}

export async function listSecrets(name: string, options: Common): Promise<void> {
  const { client } = await connect(options);
  const { names } = await client.secrets.list({ name });
  answer(options.json, names, names.length === 0 ? `${name} has no secrets.` : names.join("\n"));
}

export async function removeSecret(name: string, secret: string, options: Common): Promise<void> {
  const { client } = await connect(options);
  await client.secrets.remove({ name, secret });
  answer(options.json, { ok: true }, `${secret} of ${name} is forgotten; its next release no longer gets it.`);
}
