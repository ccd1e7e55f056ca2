// Deploys as it is told in its argument, and kills itself before one step: what a crash of Steward there looks like.
import { hashTree } from "./house.fixture.ts";
import { processTarget } from "./process.ts";

const { root, settings, version, content, step } = JSON.parse(process.argv[2] ?? "{}");
const target = processTarget({ root, hostEnvironment: process.env, limits: { confirmEveryMs: 20, drainMs: 3_000 } });
const contentHash = await hashTree(content);
await target.deploy({ settings, version, content, contentHash, hashContent: hashTree }, (name) => {
  if (name === step) process.kill(process.pid, "SIGKILL");
});
