import { join } from "node:path";
import type { Control } from "#lines/service/control.ts";
import type { SeenFacts } from "#lines/service/facts.ts";
import { defaultGateSettings, type GateSettings } from "#proof/gate.ts";
import { readText } from "./read-text.ts";

/** Files that steer a stated test command: what they say is part of the command. Of package.json only its scripts. */
const STEERING = [
  "package.json",
  "Makefile",
  "makefile",
  "pytest.ini",
  "tox.ini",
  "setup.cfg",
  ".coveragerc",
  "vitest.config.ts",
  "vitest.config.js",
  "vitest.config.mjs",
  "jest.config.js",
  "jest.config.cjs",
  "jest.config.ts",
];
const CAP = 256 << 10;

/** What governs a service's gates, as its files say it now. */
export function readControl(seen: SeenFacts, { coverageFloor }: { coverageFloor: number }): Control {
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
    pinned: test === undefined ? {} : readSteering(seen),
  };
}

function readSteering({ path, code }: SeenFacts): Record<string, string> {
  const root = code?.root ?? "";
  const found: Record<string, string> = {};
  for (const name of STEERING.map((file) => `${root}${file}`)) {
    const read = readText(join(path, name), { within: path, cap: CAP });
    if (!("problem" in read) && !read.truncated) found[name] = read.text;
  }
  return found;
}

/** The same for the gates. */
export function gateSettingsOf(
  { settings, pinned }: Control,
  { testMinutes, allowFewerTests }: { testMinutes: number; allowFewerTests: boolean },
): GateSettings {
  return {
    ...defaultGateSettings,
    coverageFloor: settings.coverageFloor,
    testTimeoutMs: testMinutes * 60_000,
    allowFewerTests,
    ...(settings.test !== undefined && { testCommand: settings.test }),
    ...(settings.stack !== undefined && { stack: settings.stack }),
    ...(settings.port !== undefined && { port: settings.port }),
    ...(settings.healthPath !== undefined && { healthPath: settings.healthPath }),
    ...(Object.keys(pinned).length > 0 && { pinnedFiles: pinned }),
  };
}
