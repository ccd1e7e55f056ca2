import type { Client } from "#http/client.ts";
import type { Common } from "./command.ts";
import { connect } from "./connect.ts";
import { table } from "./table.ts";
import { answer } from "./talk.ts";
import { count } from "#system/count.ts";

type Agent = Awaited<ReturnType<Client["agents"]["list"]>>["agents"][number];

export async function showAgents(options: Common): Promise<void> {
  const { client } = await connect(options);
  const { agents } = await client.agents.list();
  answer(
    options.json,
    agents,
    agents.length === 0 ? "No agents yet: name yours under `agents:` in steward.yaml." : picture(agents),
  );
}

function picture(agents: Agent[]): string {
  const rows = agents.map(({ name, kind, status, capabilities, record, work, about }) => [
    name, kind, status, capabilities.join(", "), shownRecord(record), work.map(({ title, progress }) => (progress ? `${title}: ${progress}` : title)).join("; ") || about,
  ]); // prettier-ignore
  return table(["AGENT", "KIND", "STATUS", "CAN", "RECORD", "NOW, OR WHAT IT IS"], rows);
}

/** Of what Steward itself judged: "builder 3 of 4 passed, 12 s". */
function shownRecord(record: Agent["record"]): string {
  const shown = record
    .filter(({ runs }) => runs > 0)
    .map(({ capability, runs, judged, passed, medianSeconds }) => {
      const result = judged === 0 ? `${count(runs, "run")}, none judged` : `${passed} of ${judged} passed`;
      return `${capability} ${result}${medianSeconds === null ? "" : `, ${Math.round(medianSeconds)} s`}`;
    });
  return shown.join("; ") || "none yet";
}
