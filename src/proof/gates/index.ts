import type { Gate } from "#proof/gate.ts";
import type { GateName } from "#proof/verdict.ts";
import { buildFilesGate } from "./build-files.ts";
import { healthGate } from "./health.ts";
import { specGate } from "./spec.ts";
import { testsGate } from "./tests.ts";

/** Every gate there is. Adding one is its file, its name in verdict.ts and its line here. */
export const gates: Record<GateName, Gate> = {
  spec: specGate,
  "build-files": buildFilesGate,
  tests: testsGate,
  health: healthGate,
};
