import { tellProblem } from "#config.ts";
import { howToMend } from "#policy/rules-state.ts";
import type { ServiceOverview } from "#lines/service/service-overview.ts";
import { count } from "#system/count.ts";
import { ago, inWords } from "./ago.ts";
import { drawService } from "./draw-service.ts";
import { glyph } from "./glyph.ts";
import { html, type Html } from "./html.ts";
import type { Page, Waiting } from "./read-page.ts";

/** Seconds between two readings where no script runs. */
const REREAD_SECONDS = 10;

/**
 * The whole page, right and complete without its script, which only keeps it fresh: each `data-part` is put in the place
 * of its elder when it differs. Position says stage, colour and shape say health, violet waits for you.
 */
export function drawPage(page: Page, { style, script }: { style: string; script: string }): string {
  const { waiting, services, version } = page;
  const unhealthy = services.filter(({ health }) => health === "unhealthy").length;
  const said = [
    waiting.length > 0 && `${count(waiting.length, "thing waits", "things wait")} for you`,
    unhealthy > 0 && `${count(unhealthy, "service is", "services are")} unhealthy`,
    ...page.troubles.map(({ what }) => what),
    page.rules.broken && "steward.yaml is broken",
  ].filter(Boolean);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${waiting.length > 0 && `(${waiting.length}) `}Steward</title>
        <link rel="icon" href="/steward.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="${style}" />
        <noscript><meta http-equiv="refresh" content="${REREAD_SECONDS}" /></noscript>
        <script src="${script}" defer></script>
      </head>
      <body data-said="${said.join("; ")}">
        <header>
          <svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><use href="/steward.svg#mark" /></svg>
          <div class="title">
            <h1>Steward</h1>
            <p class="where" title="${page.workspace}">${page.workspace}</p>
          </div>
          <p class="fresh" data-fresh>
            <noscript>Reads itself again every ${REREAD_SECONDS} s</noscript>
          </p>
        </header>
        <p class="unseen" role="status" data-say></p>
        <main>
          <div data-part="alarms">${troubles(page)}${brokenRules(page)}${stopped(page)}</div>
          <section data-part="waiting" class="waiting" aria-labelledby="waits">${waits(page)}</section>
          <section data-part="figures" class="figures" aria-label="In figures">${figures(page)}</section>
          <div class="line" data-part="line">${stages.map((stage) => column(stage, page))}</div>
          <section data-part="agents" class="agents" aria-labelledby="agents">${agents(page)}</section>
        </main>
        <footer>${whereThingsAre(version)}</footer>
      </body>
    </html> `.text;
}

const stages = ["SPECS", "BUILD", "TEST", "PRODUCTION"] as const;

function troubles({ troubles: all }: Page): Html[] {
  return all.map(
    ({ what, todo }) =>
      html`<section class="alarm bad">
        <h2>${glyph("bad")} ${what}</h2>
        <p>${todo}</p>
      </section>`,
  );
}

function brokenRules({ rules: { file, broken, since }, now }: Page): Html | false {
  if (broken === null) return false;
  return html`<section class="alarm bad" aria-labelledby="broken">
    <h2 id="broken">${glyph("bad")} steward.yaml is broken</h2>
    <ul class="plain mono">
      ${broken.problems.slice(0, 10).map((problem) => html`<li>${tellProblem(problem)}</li>`)}
    </ul>
    <p>
      ${howToMend} Broken for ${ago(broken.since, now)}; the rules in force are ${ago(since, now)} old. The file:
      <code>${file}</code>
    </p>
  </section>`;
}

function stopped({ switches, now }: Page): Html[] {
  return switches.map(
    ({ name, reason, setAt, lift }) =>
      html`<section class="alarm bad">
        <h2>${glyph("bad")} Stopped: ${name}</h2>
        <p>${reason}, ${ago(setAt, now)} ago. <code>${lift}</code> lifts it.</p>
      </section>`,
  );
}

function waits({ waiting, now }: Page): Html {
  return html`<h2 id="waits">
      Waits for you <span class="badge${waiting.length > 0 && " hold"}">${waiting.length}</span>
    </h2>
    ${
      waiting.length === 0
        ? html`<p class="empty">Nothing waits for you. Agents carry on by themselves.</p>`
        : html`<ul class="plain decisions">
            ${waiting.map((one) => decision(one, now))}
          </ul>`
    }`;
}

function decision({ key, title, why, commands, since }: Waiting, now: Date): Html {
  return html`<li class="card hold" id="w-${key}">
    <p class="state hold">${glyph("hold")}<span>${title}</span><span class="end">${ago(since, now, "for ")}</span></p>
    <p class="why">${why}</p>
    ${commands.length > 0 && html`<p class="commands">${commands.map((command) => html`<code>${command}</code>`)}</p>`}
  </li>`;
}

function figures({ services, agents: crew, spentUsd }: Page): Html {
  const healthy = services.filter(({ health }) => health === "healthy").length;
  const production = services.filter(({ stage }) => stage === "PRODUCTION").length;
  const working = crew.filter(({ status }) => status === "working").length;
  const here = crew.filter(({ status }) => status !== "off").length;
  const one = (label: string, value: string | number, of: string | false) =>
    html`<div>
      <dt>${label}</dt>
      <dd>${value}${of !== false && html`<span class="unit">${of}</span>`}</dd>
    </div>`;
  return html`<dl>
    ${one("Services", services.length, false)}
    ${one("In production", production, services.length > 0 && ` of ${services.length}`)}
    ${one("Healthy", healthy, production > 0 && ` of ${production}`)}
    ${one("Agents at work", working, here > 0 && ` of ${here}`)}
    ${spentUsd > 0 && one("Spent", `$${spentUsd.toFixed(2)}`, false)}
  </dl>`;
}

function column(stage: (typeof stages)[number], { services, now }: Page): Html {
  const here = services.filter((service) => service.stage === stage).toSorted(byUrgency);
  const moving = here.some(({ run }) => run !== null);
  const tone = here.some(({ health }) => health === "unhealthy")
    ? "bad"
    : moving
      ? "live"
      : stage === "PRODUCTION" && here.length > 0
        ? "ok"
        : "idle";
  return html`<section aria-labelledby="stage-${stage}">
    <div class="station">
      <i class="ring ${tone}"></i>
      <h2 id="stage-${stage}">${stage}</h2>
      <span>${here.length}</span><i class="belt${moving && " moving"}"></i>
    </div>
    <ul class="plain lane">
      ${
        here.length === 0
          ? html`<li class="empty">${emptyLane[stage]}</li>`
          : here.map((service) => drawService(service, now))
      }
    </ul>
  </section>`;
}

const emptyLane = {
  SPECS: "Specs that are missing or not complete.",
  BUILD: "Services that agents build.",
  TEST: "Services whose tests are written, run or mended.",
  PRODUCTION: "Services that are released and watched.",
};

/** What is ill first, then what waits and what moves, then what is well. */
const byUrgency = (a: ServiceOverview, b: ServiceOverview): number => urgency(a) - urgency(b);
const urgency = ({ health, run, phase }: ServiceOverview): number =>
  health === "unhealthy" ? 0 : run !== null ? 1 : phase === "PRODUCTION" ? 3 : 2;

function agents({ agents: crew, now }: Page): Html {
  return html`<h2 id="agents">Agents</h2>
    <ul class="plain crew">
      ${crew
        .filter(({ status }) => status !== "off")
        .map(({ name, status, capabilities, work }) => {
          const tone = status === "working" ? "live" : status === "stopped" ? "bad" : "idle";
          const does = work.map(({ item, title, since }) => html`${title.includes(item) ? title : `${title}: ${item}`}, ${inWords(Math.round((now.getTime() - since.getTime()) / 1000))}`); // prettier-ignore
          return html`<li>
            <span class="state ${tone}">${glyph(tone)}<b>${name}</b></span>
            <span class="can">${capabilities.join(", ")}</span>
            <span class="does"
              >${does.length === 0 ? (status === "free" ? "free" : status) : does.map((one, index) => html`${index > 0 && "; "}${one}`)}</span
            >
          </li>`;
        })}
    </ul>`;
}

function whereThingsAre(version: string): Html {
  return html`<h2>Where things are</h2>
    <ul class="plain">
      <li>
        <code>steward status --watch</code> shows this in a terminal, with all reasons;
        <code>steward --help</code> lists what you can do.
      </li>
      <li>
        <a href="/api/health">/api/health</a> says whether Steward and its database answer. Everything else below
        <code>/api</code> needs the token in Steward's own folder; <code>/api/openapi.json</code> describes it,
        <code>/api/events/stream</code> is live.
      </li>
      <li>Version ${version}. This page only shows; what is decided, is decided by command.</li>
    </ul>`;
}
