import assert from "node:assert/strict";
import { test } from "node:test";
import { decideStart, type StartApproval, type StartFacts } from "./decide-start.ts";
import type { Meetings } from "./meetings.ts";
import { orderQueue } from "./order-queue.ts";
import { QueueSettings } from "./queue-settings.ts";
import { findRisk } from "./risk.ts";
import type { StartTask } from "./start-task.ts";
import { textHash } from "./text-hash.ts";

const task = (more: Partial<StartTask> = {}): StartTask => ({
  key: "quotes-page",
  name: "Quotes page",
  section: "queue",
  ticked: false,
  priority: "high",
  place: 0,
  description: "Show each quote with its author and date.",
  criteria: [{ text: "GET /quotes lists them", line: 5 }],
  tech: [],
  blockers: [],
  after: [],
  paths: [],
  text: "- [ ] Quotes page - Priority: High",
  ...more,
});
const risky = (more: Partial<StartTask> = {}) => task({ text: "Drop the users table. Send the newsletter to all customers.", ...more }); // prettier-ignore

const noon = new Date("2026-01-14T12:00:00Z"); // a Wednesday
const night = new Date("2026-01-14T23:00:00Z");
const facts = ({ settings = {}, ...more }: Partial<Omit<StartFacts, "settings">> & { settings?: object } = {}): StartFacts => ({ now: noon, settings: QueueSettings.parse({ zone: "UTC", ...settings }), running: [], done: new Set(), tasks: [], approvals: [], meetings: null, ...more }); // prettier-ignore
const other = (...paths: string[]) => ({ key: "login", name: "Login", paths });
const yes = (one: StartTask, ...kinds: string[]): StartApproval[] => kinds.map((kind) => ({ kind, textHash: textHash(one) })); // prettier-ignore
const meeting = (from: string, to: string, problems: string[] = []): Meetings => ({ spans: [{ from: new Date(from), to: new Date(to) }], problems }); // prettier-ignore

test("each rule has its say, in its order", () => {
  const unclear = { description: null };
  const full = { running: [other("src")] };
  for (const [name, one, given, does, rule] of [
    ["high", task(), {}, "start", "priority.high"],
    ["running", task({ ticked: true }), { running: [{ key: "quotes-page", name: "Quotes page", paths: [] }] }, "wait", "task.running"],
    ["completed", task({ section: "completed" }), {}, "wait", "task.done"],
    ["done", task(), { done: new Set(["quotes-page"]) }, "wait", "task.done"],
    ["ticked", task({ ticked: true, blockers: ["x"] }), {}, "wait", "task.done"],
    ["blocked", task({ blockers: ["API key from Kim"], ...unclear }), {}, "wait", "task.blocked"],
    ["after", task({ after: ["login"], ...unclear }), { tasks: [{ key: "login", name: "Login", after: [] }] }, "wait", "task.after"],
    ["unclear before risk", risky(unclear), full, "ask", "task.unclear"],
    ["risk before full", risky(), full, "ask", "task.risk"],
    ["risk, whatever the priority", risky({ priority: "medium" }), {}, "ask", "task.risk"],
    ["full", task({ paths: ["src"] }), full, "wait", "queue.full"],
    ["full before low", task({ priority: "low" }), full, "wait", "queue.full"],
    ["same paths", task({ paths: ["src/quotes"] }), { ...full, settings: { parallel: 2 } }, "wait", "task.conflict"],
    ["unknown paths", task(), { ...full, settings: { parallel: 2 } }, "ask", "task.conflict"],
    ["other paths", task({ paths: ["docs"] }), { ...full, settings: { parallel: 2 } }, "start", "priority.high"],
    ["medium at noon", task({ priority: "medium" }), {}, "wait", "off-hours"],
    ["medium at night", task({ priority: "medium" }), { now: night }, "start", "priority.medium"],
    ["none at noon", task({ priority: null }), {}, "wait", "off-hours"],
    ["none at night", task({ priority: null }), { now: night }, "start", "priority.medium"],
    ["low at night", task({ priority: "low" }), { now: night }, "ask", "priority.low"],
  ] as [string, StartTask, Parameters<typeof facts>[0], string, string][]) {
    const decision = decideStart(one, facts(given));
    assert.deepEqual([decision.does, decision.rule, decision.start], [does, rule, does === "start"], `${name}: ${decision.why}`);
    assert.ok(decision.why.endsWith(".") && decision.why.length > 10, decision.why);
    assert.equal(decision.asks !== undefined, does === "ask", name);
  }
}); // prettier-ignore

test("what waits says what for, and until when", () => {
  const why = (one: StartTask, given: Parameters<typeof facts>[0] = {}) => {
    const { why: said, until } = decideStart(one, facts(given));
    return [said, until?.toISOString().slice(0, 16)];
  };
  const medium = task({ priority: "medium" });
  assert.deepEqual(why(medium), ["Its priority is Medium: it waits for off-hours, until 22:00.", "2026-01-14T22:00"]);
  assert.deepEqual(why(task({ priority: null })), ["It has no priority, which counts as Medium: it waits for off-hours, until 22:00.", "2026-01-14T22:00"]); // prettier-ignore
  assert.deepEqual(why(medium, { settings: { zone: "Europe/Berlin", off_hours: "01:00-03:00" } }), ["Its priority is Medium: it waits for off-hours, until 01:00 on 2026-01-15.", "2026-01-15T00:00"]); // prettier-ignore
  assert.deepEqual(why(medium, { settings: { off_hours: "none", weekends: false } })[1], undefined);
  assert.deepEqual(why(medium, { now: night, meetings: meeting("2026-01-14T22:30Z", "2026-01-15T00:15Z") }), ["Its priority is Medium: it waits for the end of a meeting, until 00:15 on 2026-01-15.", "2026-01-15T00:15"]); // prettier-ignore
  // The window opens in the middle of a meeting, and shuts before another has ended.
  assert.deepEqual(why(medium, { meetings: meeting("2026-01-14T21:00Z", "2026-01-14T22:45Z") })[1], "2026-01-14T22:45");
  assert.deepEqual(why(medium, { meetings: meeting("2026-01-14T21:00Z", "2026-01-15T07:00Z") })[1], "2026-01-15T22:00");
  assert.deepEqual(why(task({ paths: ["src/a.ts"] }), { running: [other("src")], settings: { parallel: 2 } })[0], `It waits for "Login", which works on the same paths: src/a.ts and src.`); // prettier-ignore
  assert.deepEqual(why(task(), { running: [other()] })[0], `It waits for "Login": one build runs at a time.`);
});

test("High starts during a meeting and by day; a broken calendar holds Medium only where its owner says so", () => {
  const broken: Meetings = { spans: [], problems: ["it is no calendar"] };
  assert.equal(decideStart(task(), facts({ meetings: meeting("2026-01-14T11:00Z", "2026-01-14T13:00Z") })).start, true);
  const medium = task({ priority: "medium" });
  const told = decideStart(medium, facts({ now: night, meetings: broken }));
  assert.deepEqual([told.start, told.why], [true, "Its priority is Medium, and these are off-hours. The calendar could not be read (it is no calendar), so meetings are not known."]); // prettier-ignore
  const held = decideStart(medium, facts({ now: night, meetings: broken, settings: { require_calendar: true } }));
  assert.deepEqual([held.rule, held.why], ["calendar", "Its priority is Medium: it waits until the calendar can be read (it is no calendar)."]); // prettier-ignore
  assert.equal(decideStart(task(), facts({ meetings: broken, settings: { require_calendar: true } })).start, true);
});

test("a yes lifts what it was about, for the very text, and nothing else", () => {
  const kinds = (one: StartTask, approvals: StartApproval[]) => decideStart(one, facts({ approvals })).asks?.map(({ kind }) => kind) ?? []; // prettier-ignore
  const one = risky({ priority: "low" });
  assert.deepEqual(kinds(one, []), ["destructive", "external", "start"]);
  assert.deepEqual(kinds(one, yes(one, "external")), ["destructive", "start"]);
  assert.deepEqual(kinds(one, yes(one, "external", "destructive")), ["start"]);
  assert.deepEqual(kinds(one, yes(one, "start")), ["destructive", "external"]);
  assert.deepEqual(kinds(one, yes(one, "production", "requirements", "conflict:login")), ["destructive", "external", "start"]); // prettier-ignore
  assert.equal(decideStart(one, facts({ approvals: yes(one, "external", "destructive", "start") })).rule, "approved");
  const edited = { ...one, text: `${one.text} And the orders table.` };
  assert.deepEqual(kinds(edited, yes(one, "external", "destructive", "start")).length, 3);
  // Ticks and line ends are no edit of what was approved.
  const ticked = { ...one, text: "- [ ] a\n- [ ] drop the users table" };
  assert.equal(textHash({ ...ticked, text: "- [x] a  \r\n- [X] drop the users table\r\n" }), textHash(ticked));
  assert.notEqual(textHash({ ...ticked, paths: ["src"] }), textHash(ticked));

  const vague = task({ description: "Do stuff" });
  const asked = decideStart(vague, facts());
  assert.deepEqual([asked.does, asked.missing?.[0]?.words], ["ask", "stuff"]);
  assert.equal(decideStart(vague, facts({ approvals: yes(vague, "requirements") })).start, true);
  const medium = task({ priority: "medium" });
  assert.equal(decideStart(medium, facts({ approvals: yes(medium, "start") })).start, true);
  const beside = { running: [other("src")], settings: { parallel: 2 } };
  assert.equal(decideStart(task(), facts({ ...beside, approvals: yes(task(), "conflict:login") })).start, true);
  const two = { running: [other("src"), { key: "cart", name: "Cart", paths: [] }], settings: { parallel: 3 } };
  const second = decideStart(task(), facts({ ...two, approvals: yes(task(), "conflict:login") }));
  assert.deepEqual(second.asks?.map(({ kind }) => kind), ["conflict:cart"]); // prettier-ignore
  const same = task({ paths: ["src"] });
  assert.equal(decideStart(same, facts({ ...beside, approvals: yes(same, "conflict:login", "start") })).rule, "task.conflict"); // prettier-ignore
  assert.equal(decideStart(task({ blockers: ["Kim"] }), facts({ approvals: yes(task(), "start") })).rule, "task.blocked"); // prettier-ignore
});

test("an owner's standing rule lifts its question", () => {
  const allow = [{ kind: "destructive", pattern: "drop the users table" }, { kind: "external", pattern: "send the newsletter*" }]; // prettier-ignore
  assert.equal(decideStart(risky(), facts({ settings: { allow } })).start, true);
  assert.deepEqual(decideStart(risky(), facts({ settings: { allow: allow.slice(1) } })).asks?.map(({ kind }) => kind), ["destructive"]); // prettier-ignore
});

test("blockers that say nothing, or name what is done, hold nothing back", () => {
  const tasks = [{ key: "login", name: "Login page", after: [] }];
  for (const [blockers, blocked] of [
    [["None"], false], [["none."], false], [["N/A"], false], [["-"], false], [["no blockers"], false], [["None so far"], false],
    [["~~API key~~"], false], [["API key (resolved)"], false], [["✅ API key"], false], [["API key - done"], false],
    [["Login page"], false], [["login"], false],
    [["API key"], true], [["none", "API key"], true], [["not resolved"], true], [["until the design is done"], true], [["No API key yet"], true],
  ] as const) // prettier-ignore
    assert.equal(decideStart(task({ blockers }), facts({ tasks, done: new Set(["login"]) })).rule === "task.blocked", blocked, blockers.join()); // prettier-ignore
});

test("a task comes after others by key or name; a name that there is not, and a circle, are said", () => {
  const tasks = [
    { key: "login-page", name: "Login Page", after: ["Quotes page"] },
    { key: "quotes-page", name: "Quotes page", after: ["Login page"] },
    { key: "cart", name: "Cart", after: [] },
  ];
  const said = (after: string[], done: string[] = []) => decideStart(task({ after }), facts({ tasks, done: new Set(done) })); // prettier-ignore
  assert.equal(said(["Cart"]).why, `It comes after "Cart", not done yet.`);
  assert.equal(said(["cart"], ["cart"]).start, true);
  assert.equal(said(["CART", "Login page"], ["cart", "login-page"]).start, true);
  assert.match(said(["Checkout"]).why, /there is no such task/);
  assert.match(said(["login page"]).why, /neither can start/);
  assert.match(said(["Quotes page"]).why, /neither can start/);
  assert.equal(said(["gone"], ["gone"]).start, true);
});

test("High before Medium before Low, and each as they stand in the file", () => {
  const tasks = (["low", null, "high", "medium", "high"] as const).map((priority, place) => ({ priority, place }));
  assert.deepEqual(orderQueue(tasks).map(({ place }) => place), [2, 4, 1, 3, 0]); // prettier-ignore
});

test("whatever else holds, nothing starts with a risk that nobody answered for", () => {
  let seed = 11;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const pick = <T>(values: readonly T[]): T => values[random(values.length)]!;
  const deeds = { destructive: "Drop the users table.", external: "Send the newsletter to all customers.", money: "Charge the card of Kim.", production: "Deploy to prod.", access: "Rotate the API keys.", sensitive: "Import the patient records.", architecture: "Rewrite the backend in Rust." } as const; // prettier-ignore
  const allKinds = Object.keys(deeds) as (keyof typeof deeds)[];
  const harmless = ["No emails are sent.", "The form has an email field.", "Show the date.", "Users can delete their account.", ""]; // prettier-ignore
  const started = { risky: 0, plain: 0 };
  for (let round = 0; round < 1_500; round++) {
    const kinds = allKinds.filter(() => random(6) === 0);
    const parts = [...kinds.map((kind) => deeds[kind]), pick(harmless), pick(harmless)].toSorted(() => random(3) - 1);
    const one = task({ text: parts.join(pick([" ", "\n", "\n- ", "\n\n"])), priority: pick(["high", "medium", "low", null]), paths: pick([[], ["src"], ["docs"]]), description: pick([null, ...Array(6).fill("Show each quote with its author.")] as (string | null)[]), section: pick(["queue", "building"]) }); // prettier-ignore
    const stale = { ...one, text: `${one.text}!` };
    const approved = [...allKinds, "start", "requirements", "conflict:login"].filter(() => random(2) === 0);
    const allowed = allKinds.filter(() => random(8) === 0);
    const given = facts({
      now: pick([noon, night]),
      settings: { parallel: pick([1, 2, 5]), allow: allowed.map((kind) => ({ kind, pattern: "*" })) },
      running: pick([[], [], [other("web")]]),
      approvals: [...yes(one, ...approved), ...yes(stale, ...allKinds)],
      meetings: pick([null, meeting("2026-01-14T22:30Z", "2026-01-15T00:15Z")]),
    });
    const decision = decideStart(one, given);
    const open = kinds.filter((kind) => !approved.includes(kind) && !allowed.includes(kind));
    assert.ok(open.length === 0 || !decision.start, `${one.text} started without a yes for ${open.join()}`);
    for (const kind of kinds) assert.ok(findRisk(one).found.some((finding) => finding.kind === kind), `${kind} in ${one.text}`); // prettier-ignore
    if (decision.start) started[kinds.length > 0 ? "risky" : "plain"]++;
  }
  assert.ok(started.risky > 20 && started.plain > 40, JSON.stringify(started));
});

test("five thousand tasks are decided in a moment", () => {
  const given = facts({ meetings: meeting("2026-01-14T22:30Z", "2026-01-15T00:15Z") });
  const began = process.cpuUsage().user;
  for (let index = 0; index < 5_000; index++) decideStart(task({ key: `task-${index}`, priority: "medium" }), given);
  assert.ok((process.cpuUsage().user - began) / 1_000 < 4_000, `${(process.cpuUsage().user - began) / 1_000} ms`);
});
