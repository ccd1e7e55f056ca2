import { existsSync } from "node:fs";
import { readSettings, type Settings } from "#config.ts";
import { clientFor, type Client } from "#http/client.ts";
import { reach } from "#http/reach.ts";
import { findServer, lastWorkspace } from "#http/server-file.ts";
import { readToken } from "#http/token.ts";
import { Failure } from "#system/failure.ts";
import type { Common } from "./command.ts";
import { findWorkspace, isWorkspace } from "./find-workspace.ts";
import { version } from "#system/version.ts";

export type Connection = { client: Client; url: string; token: string };

export function settingsFor({ workspace }: Common): Settings {
  return readSettings(process.env, findWorkspace(workspace));
}

/** The same for who works on the house itself: where no workspace is meant, the one whose house stands in STEWARD_HOME. */
export async function settingsOfHouse(options: Common): Promise<Settings> {
  const settings = settingsFor(options);
  if (options.workspace !== undefined || isWorkspace(settings.workspace)) return settings;
  const workspace = await lastWorkspace(settings.home);
  return workspace === null ? settings : readSettings(process.env, workspace);
}

/** The running server of the workspace that is meant. A Failure that says how to start it where there is none. */
export async function connect(options: Common): Promise<Connection> {
  const settings = settingsFor(options);
  const connection = await tryConnect(settings);
  if (connection) return connection;
  const { workspace, home } = settings;
  const here = workspace === findWorkspace(undefined);
  throw new Failure(
    "unreachable",
    isWorkspace(workspace) || existsSync(home)
      ? `Steward is not running for ${workspace}: start it with \`steward up${here ? "" : ` --workspace ${workspace}`}\`.`
      : `${here ? "Here" : workspace} is no workspace of Steward's: there is no steward.yaml and no SERVICES/${here ? " in this folder or above it" : ""}. Name yours with --workspace, or make one with \`steward init\`.`,
  );
}

/** Null if no server lives there. A Failure "unreachable" if one does and is stuck, or another program has its port. */
export async function tryConnect({ home }: Settings): Promise<Connection | null> {
  const server = await findServer(home);
  const token = await readToken(home);
  if (!server || token === null) return null;
  await reach(server);
  return { client: clientFor({ url: server.url, credential: token, version }), url: server.url, token };
}
