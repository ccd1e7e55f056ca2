import { html, type Html } from "./html.ts";
import { count } from "#system/count.ts";

/** How long ago, in one figure: `14 s`, `3 min`, `2 h`, `5 days`. The exact moment is in the title. */
export function ago(at: Date, now: Date, before = ""): Html {
  const seconds = Math.max(0, Math.round((now.getTime() - at.getTime()) / 1000));
  return html`<time datetime="${at.toISOString()}" title="${at.toISOString()}">${before}${inWords(seconds)}</time>`;
}

export function inWords(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3_600) return `${Math.floor(seconds / 3_600)} h`;
  return count(Math.floor(seconds / 86_400), "day");
}
