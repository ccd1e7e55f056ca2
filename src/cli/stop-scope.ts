import type { Settings } from "#config.ts";
import { Failure } from "#system/failure.ts";
import type { Common } from "./command.ts";
import { settingsOfHouse, tryConnect, type Connection } from "./connect.ts";
import { finish } from "./finish.ts";
import { parseScope } from "./scope.ts";
import type * as Directly from "./stop-directly.ts";
import { answer, say } from "./talk.ts";
import { count } from "#system/count.ts";

export async function stopScope(words: string | undefined, options: Common & { reason: string }): Promise<void> {
  const scope = { ...parseScope(words), reason: options.reason };
  const done = await eitherWay(
    options,
    ({ client }) => client.switches.set(scope),
    (directly, settings) => directly.stopDirectly(settings, scope),
  );
  const running =
    done.running === 0 ? "nothing of it was running" : `${count(done.running, "run is", "runs are")} being ended`;
  const back = `\`steward resume${words === undefined ? "" : ` ${words}`}\` lifts it`;
  answer(
    options.json,
    done,
    done.was === "set" ? `Stopped: ${done.name}; ${running}. ${back}.` : `${done.name} was stopped already. ${back}.`,
  );
}

export async function resumeScope(words: string | undefined, options: Common): Promise<void> {
  const scope = parseScope(words);
  const done = await eitherWay(
    options,
    ({ client }) => client.switches.lift(scope),
    (directly, settings) => directly.resumeDirectly(settings, scope),
  );
  answer(options.json, done, `Going on: ${done.name}.`);
}

export async function stopProduction(service: string | undefined, options: Common): Promise<void> {
  if (service === undefined) throw new Failure("invalid", "Which service? `steward stop SERVICE --production`.");
  const done = await eitherWay<{ ok: boolean; message: string }>(
    options,
    ({ client }) => client.services.stopProduction({ name: service }),
    (directly, settings) => directly.stopProductionDirectly(settings, service),
  );
  finish(options.json, done);
}

/** Through the server, or on the database itself where no server answers: a stop must not depend on what it stops. */
async function eitherWay<T>(
  options: Common,
  asked: (connection: Connection) => Promise<T>,
  directly: (how: typeof Directly, settings: Settings) => Promise<T>,
): Promise<T> {
  const settings = await settingsOfHouse(options);
  try {
    const connection = await tryConnect(settings);
    if (connection) return await asked(connection);
    say("Steward is not running here: working on its database directly.");
  } catch (error) {
    if (!(error instanceof Failure && error.code === "unreachable")) throw error;
    say(`${error.message}\nWorking on its database directly.`);
  }
  return directly(await import("./stop-directly.ts"), settings);
}
