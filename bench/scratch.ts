import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BenchTools } from "./bench.ts";

/** Where the benches work, and everything that must be ended before it is removed. */
export type Scratch = {
  toolsFor(bench: string, say: (text: string) => void): Promise<BenchTools & { end(): Promise<void> }>;
  /** Ends what the running bench has started, and removes everything. May be called twice. */
  remove(): Promise<void>;
};

export async function makeScratch(): Promise<Scratch> {
  const root = await mkdtemp(join(tmpdir(), "steward-bench-"));
  // As root, the database runs as another user, who must be able to walk in.
  await chmod(root, 0o755);
  let running: (() => Promise<void>) | undefined;
  let removing: Promise<void> | undefined;
  return {
    async toolsFor(bench, say) {
      const folder = join(root, bench);
      await mkdir(folder);
      const ends: (() => Promise<unknown>)[] = [];
      let ending: Promise<void> | undefined;
      const end = () =>
        (ending ??= (async () => {
          const problems: unknown[] = [];
          for (let next = ends.pop(); next; next = ends.pop()) await next().catch((error) => problems.push(error));
          await rm(folder, { recursive: true, force: true });
          if (problems.length > 0) throw new AggregateError(problems, `${bench} could not end all that it had started`);
        })());
      running = end;
      return { folder, stateRoot: join(root, "state"), defer: (one) => void ends.push(one), say, end };
    },
    remove: () =>
      (removing ??= (async () => {
        try {
          await running?.();
        } finally {
          await rm(root, { recursive: true, force: true });
        }
      })()),
  };
}
