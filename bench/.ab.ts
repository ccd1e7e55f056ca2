import { mkdtempSync, chmodSync, rmSync } from "node:fs";
import pg from "pg";
import { startEmbedded } from "#db/embedded/start-embedded.ts";
import { silentLog } from "#system/log.ts";
import { stewardDrain } from "./drain-steward.ts";
import { pgBossDrain } from "./drain-pg-boss.ts";
import { readdirSync, readFileSync } from "node:fs";
function pgCpu(): number {
  let t = 0;
  for (const d of readdirSync("/proc")) {
    if (!/^\d+$/.test(d)) continue;
    try {
      const x = readFileSync(`/proc/${d}/stat`, "utf8");
      const f = x.slice(x.lastIndexOf(")") + 2).split(" ");
      if (Number(d) === e.pid) t += Number(f[13]) + Number(f[14]);
      if (Number(f[1]) === e.pid) t += Number(f[11]) + Number(f[12]);
    } catch {}
  }
  return t * 10;
}
const folder = mkdtempSync("/tmp/steward-ab-");
chmodSync(folder, 0o755);
const e = await startEmbedded({
  home: folder,
  stateRoot: "/tmp/steward-prof-state",
  log: silentLog,
  settings: process.env.NOFSYNC ? { fsync: "off" } : {},
});
try {
  const jobs = Number(process.env.JOBS ?? 2000);
  const ds = [
    await stewardDrain(e.adminUrl, { tenants: 1, folder }),
    await stewardDrain(e.adminUrl, { tenants: 20, folder }),
    await pgBossDrain(e.adminUrl),
  ];
  for (let i = 0; i < Number(process.env.ROUNDS ?? 4); i++) {
    const out = [];
    for (const d of ds) {
      await d.fill(jobs);
      const c = new pg.Client({ connectionString: e.adminUrl });
      await c.connect();
      await c.query("vacuum analyze");
      await c.end();
      const cpu = process.cpuUsage();
      const pg0 = pgCpu();
      const t = performance.now();
      await d.drain(jobs);
      const s = (performance.now() - t) / 1000;
      const used = process.cpuUsage(cpu);
      const pgUsed = pgCpu() - pg0;
      await d.settle?.();
      out.push(
        `${d.name} ${Math.round(jobs / s)}/s cpu ${((used.user + used.system) / 1e3 / (jobs / 10)).toFixed(2)}ms/batch pg ${(pgUsed / (jobs / 10)).toFixed(2)}ms/batch`,
      );
    }
    console.log(out.join(" | "));
  }
  for (const d of ds) await d.close();
} finally {
  await e.stop();
  rmSync(folder, { recursive: true, force: true });
}
