import type { ServiceOverview } from "#lines/service/service-overview.ts";
import { isForTheOwner } from "#dispatch/explain.ts";
import { ago } from "./ago.ts";
import { glyph, type Tone } from "./glyph.ts";
import { html, type Html } from "./html.ts";

/** One service: what state it is in, what moves or holds it, and where it answers. */
export function drawService(service: ServiceOverview, now: Date): Html {
  const { tone, words } = stateOf(service);
  const percent = service.run?.percent ?? null;
  return html`<li class="card ${tone}">
    <h3>${service.name}</h3>
    <p class="state ${tone}">
      ${glyph(tone)}<span>${words}</span>${percent !== null && html`<span class="end">${percent} %</span>`}
    </p>
    ${percent !== null && html`<progress max="100" value="${percent}" aria-label="how far it is"></progress>`}
    ${noteOf(service)} ${footOf(service, now)} ${answersAt(service)}
  </li>`;
}

function footOf({ phase, run, version, updatedAt }: ServiceOverview, now: Date): Html {
  const [what, end] = run
    ? [run.agent, ago(run.startedAt, now, "for ")]
    : [phaseWords(phase), phase === "PRODUCTION" ? (version ?? "") : ago(updatedAt, now, "for ")];
  return html`<p class="foot"><span>${what}</span><span class="end">${end}</span></p>`;
}

/** A link to where it can be asked at once whether it is well: not every service has a page. */
function answersAt({ port, health, uptimePercent }: ServiceOverview): Html | false {
  if (port === null || !["healthy", "unhealthy", "starting"].includes(health)) return false;
  const place = html`127.0.0.1:${port}<span class="quiet">/health</span>`;
  const up = uptimePercent !== null && html`<span class="end">${uptimePercent} % up</span>`;
  return html`<p class="foot links"><a href="http://127.0.0.1:${port}/health" rel="noreferrer">${place}</a>${up}</p>`;
}

/** Healthy, moving, waiting, or in need of somebody. */
function stateOf({ phase, health, run, ticket }: ServiceOverview): { tone: Tone; words: string } {
  if (phase === "UNHEALTHY" || health === "unhealthy") return { tone: "bad", words: "Unhealthy" };
  if (run !== null) return { tone: "live", words: doing[run.kind] ?? `At work: ${run.kind}` };
  if (ticket?.state === "claimed") return { tone: "live", words: doing[ticket.kind] ?? ticket.kind };
  if (phase === "PRODUCTION") {
    if (health === "healthy") return { tone: "ok", words: "Healthy" };
    if (health === "stopped") return { tone: "idle", words: "Stopped" };
    return { tone: "idle", words: health === "starting" ? "Starting" : "Not probed" };
  }
  if (phase === "TESTS_FAILING") return { tone: ticket === null ? "hold" : "bad", words: "Tests fail" };
  if (phase === "BUILD_IN_PROGRESS") return { tone: "live", words: "Built elsewhere" };
  if (ticket === null || isForTheOwner(ticket.waits)) return { tone: "hold", words: "Waits for you" };
  return { tone: "idle", words: "Queued" };
}

const doing: Record<string, string> = {
  spec: "Drafting spec",
  build: "Building",
  tests: "Writing tests",
  fix: "Fixing",
  prove: "Proving",
  deploy: "Releasing",
};

/** The one sentence that says why, the rest behind it. */
function noteOf({ phase, health, healthReason, reasons, run, ticket }: ServiceOverview): Html | false {
  const first =
    health === "unhealthy"
      ? (healthReason ?? reasons[0])
      : run !== null
        ? run.progress
        : (ticket?.waits ?? (phase === "PRODUCTION" ? null : reasons[0]));
  const rest = run === null && phase !== "PRODUCTION" ? reasons.filter((reason) => reason !== first) : [];
  if (!first) return false;
  return html`<div class="note">
    <p>${first}</p>
    ${
      rest.length > 0 &&
      html`<details>
        <summary>${rest.length} more</summary>
        <ul>
          ${rest.slice(0, 20).map((reason) => html`<li>${reason}</li>`)}
        </ul>
      </details>`
    }
  </div>`;
}

export const phaseWords = (phase: string): string => {
  const words = phase.replaceAll("_", " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
};
