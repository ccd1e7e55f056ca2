import { Html } from "./html.ts";

/** What a colour says, always with a shape: live moves, ok is well, hold waits for the owner, idle waits for something else. */
export type Tone = "live" | "ok" | "warn" | "bad" | "hold" | "idle";

const shapes: Record<Tone, string> = {
  live: '<circle cx="8" cy="8" r="6.25"/><circle class="full" cx="8" cy="8" r="2.75"/>',
  ok: '<circle class="tint" cx="8" cy="8" r="7"/><path d="m4.9 8.3 2.1 2.1 4.1-4.6"/>',
  warn: '<path d="M8 2.2 14.4 13.4H1.6Z"/><path d="M8 6.4v3.2M8 11.6v.1"/>',
  bad: '<rect class="tint" x="1.5" y="1.5" width="13" height="13" rx="3"/><path d="m5.4 5.4 5.2 5.2m0-5.2-5.2 5.2"/>',
  hold: '<path d="M8 1.4 14.6 8 8 14.6 1.4 8Z"/><path d="M8 5.2v3.4M8 10.7v.1"/>',
  idle: '<circle class="dashed" cx="8" cy="8" r="6.25"/>',
};

/** For the eye only: the words beside it say the same. */
export const glyph = (tone: Tone): Html =>
  new Html(`<svg class="glyph" viewBox="0 0 16 16" aria-hidden="true">${shapes[tone]}</svg>`);
