/** What the command line starts: the house, wired in house/. The only module that the command line takes it from. */
import type { Settings } from "#config.ts";
import { allHealthy, runDemo, type DemoOptions, type DemoResult } from "#house/demo.ts";
import { endEverything, type Ended } from "#house/end-everything.ts";
import { startUp, startWorker, untilAsked } from "#house/up.ts";

export { ledgerHeadsFile, openHouse, type House } from "#house/open-house.ts";
export { stopProduction } from "#house/stop-production.ts";
export { allHealthy, type DemoResult, type Ended };

type Talk = { version: string; say(line: string): void };

/** `steward up`: until a signal. Resolves with the exit code. */
export async function up(settings: Settings, { version, say }: Talk): Promise<number> {
  const asked = untilAsked();
  const { url, stop } = await startUp(settings, { version });
  say(`Steward looks after ${settings.workspace} on ${url}`);
  return end(asked, stop, say);
}

/** `steward worker`: until a signal. */
export async function worker(settings: Settings, { version, say }: Talk): Promise<number> {
  const asked = untilAsked();
  const { stop } = await startWorker(settings, { version });
  say(`A worker for ${settings.workspace} is at work`);
  return end(asked, stop, say);
}

async function end(asked: Promise<string>, stop: (reason: string) => Promise<{ runs: number; services: number; databaseStays: boolean }>, say: Talk["say"]): Promise<number> {
  const signal = await asked;
  const { runs, services, databaseStays } = await stop(signal);
  const left = [
    ...(runs > 0 ? [`${runs} ${runs === 1 ? "agent works" : "agents work"} on`] : []),
    ...(services > 0 ? [`${services} ${services === 1 ? "service serves" : "services serve"} on`] : []),
    ...(databaseStays ? ["their database stays"] : []),
  ];
  say(left.length === 0 ? "Ended; nothing goes on." : `Ended; ${left.join(", ")}. \`steward down\` ends the agents, \`steward down --services\` everything.`);
  return 0;
}

/** `steward down`. */
export const down = endEverything;

/** `steward demo`. */
export function demo(options: DemoOptions): Promise<DemoResult> {
  return runDemo(options);
}
