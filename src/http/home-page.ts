import type { FastifyReply } from "fastify";
import { inTenant } from "#db/db.ts";
import { serviceOverviews, type ServiceOverview } from "#lines/service/service-overview.ts";
import type { HttpContext } from "./context.ts";

/**
 * The plain page: what is where, readable without a script and without a token. Whoever can reach a loopback port of
 * this machine may read it, so it shows names and states and nothing else, and it can do nothing.
 */
export async function homePage(house: HttpContext, reply: FastifyReply): Promise<string> {
  const services = await inTenant(house.database.app, house.tenantId, (tx) => serviceOverviews(tx, house.clock.now()));
  reply.header("content-type", "text/html; charset=utf-8").header("cache-control", "no-store").header("refresh", "5");
  return page(services, house.version);
}

const STAGES = ["SPECS", "BUILD", "TEST", "PRODUCTION"];

function page(services: ServiceOverview[], version: string): string {
  const healthy = services.filter(({ health }) => health === "healthy").length;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Steward</title>
<style>${style}</style>
<main>
<header><h1>Steward</h1><p>${services.length} ${services.length === 1 ? "service" : "services"}, ${healthy} healthy</p></header>
<div class="line">
${STAGES.map((stage) =>
  column(
    stage,
    services.filter((service) => service.stage === stage),
  ),
).join("\n")}
</div>
<footer>
<p><code>steward status --watch</code> shows this with reasons. <code>steward --help</code> lists what you can do.</p>
<p>API: <a href="/api/health">/api/health</a>; everything else under <code>/api</code> needs the token in Steward's home,
beginning with <code>/api/openapi.json</code>, which describes it. Live events: <code>/api/events/stream</code>.</p>
<p>Version ${escape(version)}. This page reads itself again every five seconds.</p>
</footer>
</main>
</html>
`;
}

function column(stage: string, services: ServiceOverview[]): string {
  return `<section><h2>${stage} <span>${services.length}</span></h2>${services.map(card).join("")}</section>`;
}

function card({ name, phase, health, port, run }: ServiceOverview): string {
  const words = [
    phase.replaceAll("_", " ").toLowerCase(),
    ...(health === "unknown" ? [] : [health]),
    ...(port !== null && health !== "unknown" ? [`port ${port}`] : []),
  ];
  return `<article class="${escape(health)}${run ? " working" : ""}"><h3>${escape(name)}</h3><p>${escape(words.join(" · "))}</p></article>`;
}

/** Names come from folders: they are text here, never markup. */
function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const style = `
:root{color-scheme:light dark;--ink:#1c1f23;--soft:#6b7280;--line:#e3e6ea;--ground:#f7f8f9;--card:#fff;--ok:#22845a;--bad:#c2413b;--busy:#3b6fd4}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#9aa1ab;--line:#2c3138;--ground:#15181c;--card:#1d2126;--ok:#4bbd8b;--bad:#f0716b;--busy:#7aa5f5}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:72rem;margin:0 auto;padding:2.5rem 1.25rem}
header{display:flex;align-items:baseline;gap:1rem;margin-bottom:1.5rem}h1{font-size:1.4rem;margin:0;letter-spacing:-.01em}header p{margin:0;color:var(--soft)}
.line{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:1rem}
h2{font-size:.72rem;letter-spacing:.08em;color:var(--soft);font-weight:600;border-bottom:1px solid var(--line);padding-bottom:.4rem;margin:0 0 .75rem}h2 span{float:right;font-weight:400}
article{background:var(--card);border:1px solid var(--line);border-left:3px solid var(--line);border-radius:6px;padding:.6rem .8rem;margin-bottom:.6rem;overflow-wrap:anywhere}
article.healthy{border-left-color:var(--ok)}article.unhealthy{border-left-color:var(--bad)}article.working{border-left-color:var(--busy)}
h3{font-size:.95rem;margin:0}article p{margin:0;color:var(--soft);font-size:.82rem}
footer{margin-top:2.5rem;color:var(--soft);font-size:.85rem}footer p{margin:.3rem 0}code{font-size:.95em}a{color:inherit}`;
