import type { Tx } from "#db/db.ts";
import { countRuns } from "#dispatch/count-work.ts";
import { findScope } from "#policy/find-scope.ts";
import { liftSwitch, setSwitch } from "#policy/switches.ts";
import { Failure } from "#system/failure.ts";
import type { Common } from "./command.ts";
import { settingsFor, tryConnect, type Connection } from "./connect.ts";
import { finish } from "./finish.ts";
import { parseScope } from "./scope.ts";
import { answer, say } from "./talk.ts";

const WITHOUT_SERVER = "Steward is not running here: working on its database directly.";

/** Through the server, or on the database itself where no server answers: a stop must not depend on what it stops. */
export async function stopScope(words: string | undefined, options: Common & { reason: string }): Promise<void> {
  const { scope, id } = parseScope(words);
  const { reason } = options;
  const done = await eitherWay(
    options,
    ({ client }) => client.switches.set({ scope, id, reason }),
    async (tx) => {
      const found = await findScope(tx, scope, id);
      const { id: switchId, was } = await setSwitch(tx, "owner", new Date(), found, reason);
      return { id: switchId, was, name: found.name, running: await countRuns(tx, found.scope, found.scopeId) };
    },
  );
  const running =
    done.running === 0
      ? "nothing of it was running"
      : `${done.running} ${done.running === 1 ? "run is" : "runs are"} being ended`;
  const back = `\`steward resume${words === undefined ? "" : ` ${words}`}\` lifts it`;
  answer(
    options.json,
    done,
    done.was === "set" ? `Stopped: ${done.name}; ${running}. ${back}.` : `${done.name} was stopped already. ${back}.`,
  );
}

export async function resumeScope(words: string | undefined, options: Common): Promise<void> {
  const { scope, id } = parseScope(words);
  const done = await eitherWay(
    options,
    ({ client }) => client.switches.lift({ scope, id }),
    async (tx) => {
      const found = await findScope(tx, scope, id);
      await liftSwitch(tx, "owner", new Date(), found);
      return { name: found.name };
    },
  );
  answer(options.json, done, `Going on: ${done.name}.`);
}

export async function stopProduction(service: string | undefined, options: Common): Promise<void> {
  if (service === undefined) throw new Failure("invalid", "Which service? `steward stop SERVICE --production`.");
  const connection = await tryConnect(settingsFor(options));
  if (connection) return finish(options.json, await connection.client.services.stopProduction({ name: service }));
  say(WITHOUT_SERVER);
  const { inHouseDirectly } = await import("./open-directly.ts");
  const { stopProduction: stop } = await import("#main.ts");
  await inHouseDirectly(settingsFor(options), (house) =>
    stop(house, service, "the owner asked for it", { forGood: true }),
  );
  finish(options.json, { ok: true, message: `${service} serves no more.` });
}

async function eitherWay<T>(
  options: Common,
  asked: (connection: Connection) => Promise<T>,
  directly: (tx: Tx) => Promise<T>,
): Promise<T> {
  const settings = settingsFor(options);
  const connection = await tryConnect(settings);
  if (connection) {
    try {
      return await asked(connection);
    } catch (error) {
      if (!(error instanceof Failure && error.code === "unreachable")) throw error;
    }
  }
  say(WITHOUT_SERVER);
  const { onDatabase } = await import("./open-directly.ts");
  return onDatabase(settings, directly);
}
