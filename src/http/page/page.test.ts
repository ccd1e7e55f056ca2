import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sql } from "kysely";
import { inTenant, type Tx } from "#db/db.ts";
import { makeItem } from "#dispatch/testing.ts";
import { append } from "#ledger/append.ts";
import { openTestServer, type TestServer } from "#http/testing.ts";
import { ask } from "#policy/approvals.ts";
import { html } from "./html.ts";

let server: TestServer;
let end = async () => {};
before(async () => {
  server = await openTestServer({ after: (fn) => void (end = fn) });
});
after(() => end());

const because = { actor: "test", at: new Date() };
const within = <T>(work: (tx: Tx) => Promise<T>) => inTenant(server.database.app, server.tenantId, work);
/** As a browser without a token asks for it. */
const page = async () => (await fetch(`${server.url}/`)).text();

test("a text in markup is text, in an element and in an attribute, and only markup is markup", () => {
  const name = `<script>alert(1)</script>"'&\u0000\u001b[31m`;
  const shown = html`<p title="${name}">${name}${[html`<b>${1}</b>`, false, null]}</p>`.text;
  assert.equal(
    shown,
    [`<p title="`, `">`, `<b>1</b></p>`].join(
      "&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#38;\ufffd\ufffd[31m",
    ),
  );
});

test("the page shows names, reasons and questions as text, under a policy that lets no script in", async () => {
  const evil = `<script>alert("x")</script><img src=x onerror=alert(1)>`;
  const itemId = await makeItem(server, { key: evil });
  await within((tx) =>
    sql`update item set reasons = ${JSON.stringify([`first ${evil}`, `second ${evil}`])} where id = ${itemId}`.execute(
      tx,
    ),
  );
  await within((tx) =>
    ask(tx, because, {
      kind: "x", itemId, question: `${evil}: take over the settings? TOKEN=hunter2`, why: `because ${evil}`, payload: { evil },
    }),
  ); // prettier-ignore
  const answer = await fetch(`${server.url}/`);
  assert.equal(
    answer.headers.get("content-security-policy"),
    "default-src 'none';style-src 'self';script-src 'self';connect-src 'self';img-src 'self';base-uri 'none';form-action 'none';frame-ancestors 'none'",
  );
  const shown = await answer.text();
  assert.ok(!shown.includes("<img") && !/<script(?! src="\/steward\.js\?[0-9a-f]{12}" defer>)/.test(shown));
  assert.doesNotMatch(shown, /<[^>]*\s(?:on\w+|style)=/, "nothing inline");
  for (const text of ["first &#60;script", "second &#60;script", "because &#60;script"])
    assert.ok(shown.includes(text));
  assert.ok(!shown.includes("hunter2") && !shown.includes(server.token), "what would change is not for everybody");
  assert.match(shown, /steward approve [0-9a-f-]{36}/);
});

test("a service in production has a link to where it answers, and what waits for its owner says why", async () => {
  await makeItem(server, { key: "pulse" });
  await makeItem(server, { key: "half" });
  await within(async (tx) => {
    await sql`update item set stage = 'PRODUCTION', phase = 'PRODUCTION', health = 'healthy', port = 8912 where key = 'pulse'`.execute(
      tx,
    );
    await sql`update item set stage = 'SPECS', phase = 'SPEC_INCOMPLETE', reasons = '["SPEC.md has no Purpose"]' where key = 'half'`.execute(
      tx,
    );
  });
  const shown = await page();
  assert.match(shown, /href="http:\/\/127\.0\.0\.1:8912\/health"/);
  const waiting = /data-part="waiting".*?<\/section>/s.exec(shown)?.[0] ?? "";
  assert.match(waiting, /half/);
  assert.match(waiting, /SPEC\.md has no Purpose/);
  assert.ok(!waiting.includes("pulse"));
  assert.match(shown, /<title>\(\d+\) Steward<\/title>/);
});

test("a broken steward.yaml is on top, with its line", async (t) => {
  const { rules } = server.context;
  t.after(() => (server.context.rules = rules));
  assert.doesNotMatch(await page(), /is broken/);
  const broken = { since: new Date(), problems: [{ line: 7, message: "there is no setting <b>" }] };
  server.context.rules = () => ({ ...rules(), broken });
  assert.match(await page(), /steward\.yaml is broken.*steward\.yaml line 7: there is no setting &#60;b&#62;/s);
});

test("what keeps it from starting anything is on top, with what to do", async (t) => {
  const { troubles } = server.context;
  t.after(() => (server.context.troubles = troubles));
  server.context.troubles = () => [{ what: "The disk is full.", todo: "Make <room>." }];
  assert.match(await page(), /data-part="alarms">.*The disk is full\..*Make &#60;room&#62;\./s);
});

test("its style, script and picture need no token, are right by type, and may be kept as long as they are the same", async () => {
  const shown = await page();
  const kept: (string | null)[] = [];
  for (const [, path] of shown.matchAll(/(?:href|src)="(\/steward\.[^"]+)"/g)) {
    const response = await fetch(`${server.url}${path}`);
    assert.equal(response.status, 200, path);
    await response.text();
    kept.push(response.headers.get("content-type"));
  }
  assert.deepEqual(new Set(kept), new Set(["text/css; charset=utf-8", "text/javascript; charset=utf-8", "image/svg+xml"])); // prettier-ignore
  const caching = async (path: string) => {
    const response = await fetch(`${server.url}${path}`);
    await response.text();
    return response.headers.get("cache-control");
  };
  const [, style] = /href="(\/steward\.css[^"]*)"/.exec(shown) ?? [];
  assert.match((await caching(String(style))) ?? "", /immutable/);
  assert.equal(await caching("/steward.css"), "no-cache");
});

test("without a token it is rung that something happened, and not what", async (t) => {
  const leave = new AbortController();
  t.after(() => leave.abort());
  const response = await fetch(`${server.url}/changes`, { signal: leave.signal });
  assert.match(response.headers.get("content-type") ?? "", /text\/event-stream/);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  assert.match((await reader.read()).value ?? "", /^retry: 1000\n/);
  await within((tx) => append(tx, because, { type: "policy.mended", subject: "a secret", inForce: "x" }));
  await server.seal();
  assert.equal((await reader.read()).value, "data: ring\n\n");
});
