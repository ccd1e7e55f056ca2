import type { Control } from "#lines/service/control.ts";
import type { SeenFacts } from "#lines/service/facts.ts";
import { takeSteeringFiles } from "#proof/steering-files.ts";

/** What governs a service's gates, as its files say it now. */
export async function readControl(seen: SeenFacts, { coverageFloor }: { coverageFloor: number }): Promise<Control> {
  const { test, stack, port, start, healthPath, coverageFloor: own } = seen.settings;
  const settings = {
    ...(test !== undefined && { test }),
    ...(stack !== undefined && { stack }),
    ...(port !== undefined && { port }),
    ...(start !== undefined && { start }),
    ...(healthPath !== undefined && { healthPath }),
  };
  return {
    settings: { ...settings, coverageFloor: own ?? coverageFloor },
    // Before there is code, its first builder writes these; from then on a new one would be a change of the command.
    pinned:
      test === undefined || seen.unreadable !== null
        ? {}
        : await takeSteeringFiles(seen.path, { refuseNew: seen.code !== null, command: test }),
  };
}
