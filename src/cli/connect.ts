import { readSettings, type Settings } from "#config.ts";
import { clientFor, type Client } from "#http/client.ts";
import { findServer } from "#http/server-file.ts";
import { readToken } from "#http/token.ts";
import { Failure } from "#system/failure.ts";
import type { Common } from "./command.ts";
import { findWorkspace } from "./find-workspace.ts";
import { version } from "#system/version.ts";

export type Connection = { client: Client; url: string; token: string };

export function settingsFor({ workspace }: Common): Settings {
  return readSettings(process.env, findWorkspace(workspace));
}

/** The running server of the workspace that is meant. A Failure that says how to start it where there is none. */
export async function connect(options: Common): Promise<Connection> {
  const settings = settingsFor(options);
  const connection = await tryConnect(settings);
  if (connection) return connection;
  throw new Failure("unreachable", `Steward is not running for ${settings.workspace}: start it with \`steward up\`.`);
}

/** Null if no server lives there. */
export async function tryConnect({ home }: Settings): Promise<Connection | null> {
  const server = await findServer(home);
  const token = await readToken(home);
  if (!server || token === null) return null;
  return { client: clientFor({ url: server.url, credential: token, version }), url: server.url, token };
}
