// Deploys as it is told in its argument, and kills itself before one step: what a crash of Steward there looks like.
import { processTarget } from "./process.ts";
import { contentHash } from "#proof/content-hash.ts";

const { root, settings, version, content, step } = JSON.parse(process.argv[2] ?? "{}");
const target = processTarget({
  root,
  hostEnvironment: process.env,
  limits: { confirmEveryMs: 20, drainMs: 3_000, quietMs: 100 },
});
await target.deploy(
  { settings, version, content, contentHash: await contentHash(content), hashContent: contentHash },
  (name) => {
    if (name === step) process.kill(process.pid, "SIGKILL");
  },
);
