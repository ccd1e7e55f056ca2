// Processes: who is alive, and how to end them. The code is in processes.mjs, which the runner loads without TypeScript.
export {
  bootId,
  endGroup,
  findMarked,
  isAlive,
  ownIdentity,
  startTimeOf,
  sweepMarked,
  sweepWithin,
} from "./processes.mjs";
export type { ProcessIdentity } from "./processes.mjs";
