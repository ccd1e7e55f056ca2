import { demo } from "#main.ts";
import type { DemoWords } from "./commands/demo.ts";
import { exitCode } from "./exit-code.ts";
import { print, say } from "./talk.ts";
import { version } from "#system/version.ts";

/** The talk is on stderr; with --json the last line, and the only one of stdout, is what became of it. */
export async function showDemo({ exitWhenDone, port, keep, json }: DemoWords): Promise<void> {
  const { healthy, ...result } = await demo({
    exitWhenDone: exitWhenDone === true,
    keep: keep === true,
    version,
    environment: process.env,
    say,
    ...(port !== undefined && { port }),
  });
  if (json) print(JSON.stringify(result));
  if (!healthy) process.exitCode = exitCode.failed;
}
