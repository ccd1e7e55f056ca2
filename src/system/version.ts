import { readFileSync } from "node:fs";

/** Of this Steward, from its package.json, which lies two folders above in a checkout and in a release. */
export const version: string = (
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }
).version;
