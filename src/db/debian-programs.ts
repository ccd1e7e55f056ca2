import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Programs } from "./embedded/binaries.ts";

/**
 * The oldest PostgreSQL from 15 on that Debian's packages have installed here, for tests on what owners really run;
 * null if there is none.
 */
export async function debianPrograms(): Promise<Programs | null> {
  const root = "/usr/lib/postgresql";
  const majors = (await readdir(root).catch(() => [])).map(Number).filter((major) => major >= 15);
  for (const major of majors.sort((a, b) => a - b)) {
    const folder = join(root, String(major));
    if ((await readdir(join(folder, "bin"))).includes("initdb")) return { folder, major };
  }
  return null;
}
