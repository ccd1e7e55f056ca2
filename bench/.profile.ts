import { mkdtempSync, chmodSync, rmSync } from "node:fs";
import pg from "pg";
import { startEmbedded } from "#db/embedded/start-embedded.ts";
import { silentLog } from "#system/log.ts";
import { stewardDrain } from "./drain-steward.ts";
const folder = mkdtempSync("/tmp/steward-prof-");
chmodSync(folder, 0o755);
const stats = new Map<string, { n: number; ms: number }>();
const original = (pg.Client.prototype as any).query;
(pg.Client.prototype as any).query = function (...a: any[]) {
  const t = performance.now();
  const text = (typeof a[0] === "string" ? a[0] : (a[0].text ?? "?")).replace(/\s+/g, " ").slice(0, 110);
  const r = original.apply(this, a);
  if (r?.then)
    r.then(
      () => {
        const s = stats.get(text) ?? { n: 0, ms: 0 };
        s.n++;
        s.ms += performance.now() - t;
        stats.set(text, s);
      },
      () => {},
    );
  return r;
};
const e = await startEmbedded({
  home: folder,
  stateRoot: "/tmp/steward-prof-state",
  log: silentLog,
  settings: process.env.EXPLAIN
    ? {
        shared_preload_libraries: "auto_explain",
        "auto_explain.log_min_duration": "0",
        "auto_explain.log_analyze": "on",
        "auto_explain.log_buffers": "on",
        "auto_explain.log_timing": "off",
        "auto_explain.log_nested_statements": "on",
      }
    : {},
});
try {
  const tenants = Number(process.env.TENANTS ?? 1),
    jobs = Number(process.env.JOBS ?? 4000);
  const d = await stewardDrain(e.adminUrl, { tenants, folder });
  for (let i = 0; i < 3; i++) {
    await d.fill(jobs);
    const c = new pg.Client({ connectionString: e.adminUrl });
    await c.connect();
    await c.query("vacuum analyze");
    await c.end();
    stats.clear();
    const cpu = process.cpuUsage();
    const t = performance.now();
    await d.drain(jobs);
    const s = (performance.now() - t) / 1000;
    const used = process.cpuUsage(cpu);
    console.log(
      "rate",
      Math.round(jobs / s),
      "wall",
      s.toFixed(2),
      "node cpu s",
      ((used.user + used.system) / 1e6).toFixed(2),
    );
    const l = performance.now();
    await d.settle!();
    console.log("settle ms", Math.round(performance.now() - l));
  }
  for (const [k, v] of [...stats].sort((a, b) => b[1].ms - a[1].ms).slice(0, 20))
    console.log(String(v.n).padStart(5), (v.ms / v.n).toFixed(2).padStart(8), v.ms.toFixed(0).padStart(7), k);
  await d.close();
} finally {
  await e.stop();
  if (!process.env.KEEP) rmSync(folder, { recursive: true, force: true });
  else console.log(folder);
}
