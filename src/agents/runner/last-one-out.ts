import { fileURLToPath } from "node:url";

/** What a runner starts when nobody else here needs the embedded database any more. */
export const lastOneOutScript = fileURLToPath(import.meta.resolve("#db/embedded/last-one-out.ts"));
