import { spawn } from "node:child_process";
import { join } from "node:path";
import { detectPhase } from "#lines/service/phase.ts";
import { nothingKnown } from "#lines/service/facts.ts";
import { openWorkspace } from "#workspace/read-workspace.ts";
import type { Bench } from "./bench.ts";
import { spread } from "./samples.ts";
import { stewardCommand } from "./steward-process.ts";
import { completeSpec, incompleteSpec, saveWhole, writeFiles } from "./workspace.ts";

const SERVICES = 10_000;
const COLD_RUNS = 5;
const CHANGES = 200;

export const scan: Bench = {
  name: "scan",
  about: "scan of 10,000 services, and of one change",
  async run({ folder, say }) {
    say(`writing ${SERVICES} services …`);
    await writeServices(folder);
    const cold: number[] = [];
    for (let run = 0; run < COLD_RUNS; run++) cold.push(await scanCold(folder));
    const changes = await rereadChanges(folder);
    const coldFigures = spread(cold.map((ms) => ms / 1000));
    const changeFigures = spread(changes);
    return [
      {
        id: "scan: cold",
        name: `\`steward scan\` of ${SERVICES.toLocaleString("en-US")} services, cold process`,
        unit: "s",
        ...coldFigures,
        how: `wall time of \`steward scan DIR --json\` from start to exit; a third of the services with code and tests, a third with a spec only, a third with half a spec; files in the page cache`,
        goal: { text: "≤ 2 s", met: coldFigures.p50 <= 2 },
      },
      {
        id: "scan: one change",
        name: "one changed spec among them read again",
        unit: "ms",
        ...changeFigures,
        how: "a spec saved by rename, then that service read and its phase decided in a process that has the workspace open, as the running house does after a save",
        goal: { text: "≤ 50 ms", met: changeFigures.p99 <= 50 },
      },
    ];
  },
};

const nameOf = (index: number): string => `service-${String(index).padStart(5, "0")}`;

async function writeServices(folder: string): Promise<void> {
  for (let index = 0; index < SERVICES; index++) {
    const name = nameOf(index);
    const code = {
      "SPEC.md": completeSpec(name),
      "BUILD/src/main.py": "print('here')\n",
      "BUILD/requirements.txt": "",
      "BUILD/Dockerfile": "FROM python:3\n",
      "BUILD/.env.example": "PORT=8000\n",
      "BUILD/tests/test_main.py": "def test_main():\n    assert True\n",
      "README.md": `# ${name}\n`,
    };
    const kinds = [code, { "SPEC.md": completeSpec(name) }, { "SPEC.md": incompleteSpec(name) }];
    await writeFiles(join(folder, "SERVICES", name), kinds[index % 3]!);
  }
}

async function scanCold(folder: string): Promise<number> {
  const started = performance.now();
  const child = spawn(process.execPath, [stewardCommand, "scan", folder, "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const parts: string[] = [];
  child.stdout.setEncoding("utf8").on("data", (text: string) => parts.push(text));
  const code = await new Promise((resolve) => child.once("close", resolve));
  const took = performance.now() - started;
  const rows = (JSON.parse(parts.join("")) as unknown[]).length;
  if (code !== 0 || rows !== SERVICES) throw new Error(`scan ended with ${String(code)} and told of ${rows} services`);
  return took;
}

async function rereadChanges(folder: string): Promise<number[]> {
  const workspace = openWorkspace(folder);
  const times: number[] = [];
  for (let change = 0; change < CHANGES; change++) {
    // One that has half a spec, which is completed.
    const name = nameOf(2 + 3 * change);
    await saveWhole(join(folder, "SERVICES", name, "SPEC.md"), completeSpec(name));
    const started = performance.now();
    const { phase } = detectPhase({ seen: workspace.read(name), known: nothingKnown }, { now: new Date() });
    times.push(performance.now() - started);
    if (phase !== "READY_FOR_BUILD") throw new Error(`${name} was found in ${phase}`);
  }
  return times;
}
