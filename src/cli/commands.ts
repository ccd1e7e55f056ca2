import type { CommandFile } from "./command.ts";

/** Every command, in the order of `steward --help`. Adding one: its file in commands/, and a line here. */
export const commands: Record<string, () => Promise<CommandFile>> = {
  scan: async () => ({ register: (await import("./scan.ts")).registerScan }),
  status: () => import("./commands/status.ts"),
};
