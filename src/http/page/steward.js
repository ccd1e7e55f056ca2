// Keeps the page as it is now, without losing the reader's place. Where this does not run, the page reads itself again.

/** Nobody reads faster; and once in a while without being told, so that "14 s" stays true. */
const AT_MOST_EVERY_MS = 500;
const AT_LEAST_EVERY_MS = 15_000;

const fresh = document.querySelector("[data-fresh]");
const say = document.querySelector("[data-say]");
let readAt = Date.now();
let reading = false;
let wanted = false;
let timer = 0;
let opened = false;

const bell = new EventSource("/changes");
bell.addEventListener("open", () => {
  opened = true;
  tellFresh();
  read();
});
bell.addEventListener("message", () => read());
setInterval(() => (Date.now() - readAt > AT_LEAST_EVERY_MS ? read() : tellFresh()), 1_000);
document.addEventListener("visibilitychange", () => document.hidden || read());

/** At once, or as soon as it may be again. */
function read() {
  wanted = true;
  if (reading || document.hidden) return;
  clearTimeout(timer);
  timer = setTimeout(readNow, Math.max(0, readAt + AT_MOST_EVERY_MS - Date.now()));
}

async function readNow() {
  [reading, wanted] = [true, false];
  try {
    const response = await fetch("/", { cache: "no-store" });
    if (!response.ok) throw new Error(`${response.status}`);
    take(new DOMParser().parseFromString(await response.text(), "text/html"));
    readAt = Date.now();
  } catch {
    // What was read stays, and how old it is is said.
  } finally {
    reading = false;
    tellFresh();
    if (wanted) read();
  }
}

/** Only what differs is exchanged; what was open stays open, and the focus stays where it was. */
function take(next) {
  for (const part of next.querySelectorAll("[data-part]")) {
    const old = document.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!old || old.outerHTML === part.outerHTML) continue;
    const open = new Set([...old.querySelectorAll("details[open]")].map(placeOf));
    for (const details of part.querySelectorAll("details")) details.open = open.has(placeOf(details));
    const focused = old.contains(document.activeElement) ? placeOf(document.activeElement) : null;
    old.replaceWith(part);
    if (focused !== null)
      [...part.querySelectorAll("a, summary")].find((one) => placeOf(one) === focused)?.focus({ preventScroll: true });
  }
  document.title = next.title;
  // Spoken where it is listened to, and only when it is another thing to know.
  if (document.body.dataset.said !== next.body.dataset.said)
    say.textContent = document.body.dataset.said = next.body.dataset.said;
}

/** By the card that it is in, and its words. */
const placeOf = (element) => `${element.closest("li.card, section")?.querySelector("h2, h3")?.textContent} ${element.tagName} ${element.getAttribute("href")}`; // prettier-ignore

function tellFresh() {
  const late = bell.readyState !== EventSource.OPEN;
  const seconds = Math.round((Date.now() - readAt) / 1_000);
  const state = late ? "late" : "live";
  const words = late ? (opened ? `Reconnecting, last update ${seconds} s ago` : "Connecting") : "Live";
  if (fresh.dataset.state === state && fresh.textContent === words) return;
  fresh.dataset.state = state;
  fresh.textContent = words;
}
