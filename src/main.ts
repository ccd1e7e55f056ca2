/**
 * What the command line starts: the house, wired in house/. Each part is loaded when it is asked for, so that `steward
 * stop` is quick.
 */
import type { Settings } from "#config.ts";
import type { DemoOptions, DemoResult } from "#house/demo.ts";
import type { Ended } from "#house/end-everything.ts";
import type { House } from "#house/open-house.ts";
import type { Log } from "#system/log.ts";
import { count } from "#system/count.ts";

export { ledgerHeadsFile, openHouse } from "#house/open-house.ts";
export type { DemoResult, Ended, House };

type Talk = { version: string; say(line: string): void };

/** `steward up`: until a signal. Resolves with the exit code. */
export async function up(settings: Settings, { version, say }: Talk): Promise<number> {
  const { startUp, untilAsked } = await import("#house/up.ts");
  const asked = untilAsked();
  const { url, stop } = await startUp(settings, { version });
  say(`Steward looks after ${settings.workspace} on ${url}`);
  return end(asked, stop, say);
}

/** `steward worker`: until a signal. */
export async function worker(settings: Settings, { version, say }: Talk): Promise<number> {
  const { startWorker, untilAsked } = await import("#house/up.ts");
  const asked = untilAsked();
  const { stop } = await startWorker(settings, { version });
  say(`A worker for ${settings.workspace} is at work`);
  return end(asked, stop, say);
}

async function end(
  asked: Promise<string>,
  stop: (reason: string) => Promise<{ runs: number; services: number; databaseStays: boolean }>,
  say: Talk["say"],
): Promise<number> {
  const signal = await asked;
  const { runs, services, databaseStays } = await stop(signal);
  const left = [
    ...(runs > 0 ? [`${count(runs, "agent works", "agents work")} on`] : []),
    ...(services > 0 ? [`${count(services, "service serves", "services serve")} on`] : []),
    ...(databaseStays ? ["their database stays"] : []),
  ];
  const how = "`steward down` ends the agents, `steward down --services` everything";
  say(left.length === 0 ? "Ended; nothing goes on." : `Ended; ${left.join(", ")}. ${how}.`);
  return 0;
}

/** `steward down`. */
export async function down(settings: Settings, options: { services: boolean; log?: Log }): Promise<Ended> {
  const { endEverything } = await import("#house/end-everything.ts");
  return endEverything(settings, options);
}

/** `steward demo`. Healthy: all of its services are in production and answer. */
export async function demo(options: DemoOptions): Promise<DemoResult & { healthy: boolean }> {
  const { allHealthy, runDemo } = await import("#house/demo.ts");
  const result = await runDemo(options);
  return { ...result, healthy: allHealthy(result) };
}

/** `steward stop SERVICE --production`, where no server runs. */
export async function stopProduction(
  house: House,
  service: string,
  reason: string,
): Promise<"stopped" | "was stopped already"> {
  const { stopProduction: stop } = await import("#house/stop-production.ts");
  return stop(house, service, reason, { forGood: true });
}
