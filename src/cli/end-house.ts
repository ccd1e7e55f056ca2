import { down } from "#main.ts";
import { createLog } from "#system/log.ts";
import type { Common } from "./command.ts";
import { settingsOfHouse } from "./connect.ts";
import { exitCode } from "./exit-code.ts";
import { answer } from "./talk.ts";
import { count } from "#system/count.ts";

export async function endHouse(options: Common & { services?: true }): Promise<void> {
  const ended = await down(await settingsOfHouse(options), {
    services: options.services === true,
    log: createLog({ level: "error" }),
  });
  const { processes, runs, services, left, failed } = ended;
  const parts = [
    `Down: ${count(processes, "process of Steward's", "processes of Steward's")} and ${count(runs, "run")} ended`,
    ...(services.length > 0 ? [`services ended: ${services.join(", ")}`] : []),
  ];
  const goesOn =
    left.length > 0 ? ` Still serving: ${left.join(", ")}; \`steward down --services\` ends them too.` : "";
  const despite = failed.map(({ service, reason }) => `\n${service} could not be ended: ${reason}`).join("");
  answer(options.json, ended, `${parts.join("; ")}.${goesOn}${despite}`);
  if (failed.length > 0) process.exitCode = exitCode.failed;
}
