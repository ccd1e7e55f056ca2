import assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";
import { copyExample, makeJourney } from "./house.fixture.ts";

test("a service that is replaced while people write to it answers them all, and keeps what it acknowledged", async (t) => {
  const house = await makeJourney(t, { services: { quotes: await copyExample("quotes") } });
  await house.inProduction("quotes");
  const stored: string[] = [];
  let writing = true;
  const writer = (async () => {
    for (let count = 0; writing; count += 1) {
      const { status, body } = await send("POST", "/quotes", { text: `the ${count}th`, author: "somebody" });
      assert.equal(status, 201);
      stored.push(JSON.parse(body).id);
    }
  })();
  const spec = await house.read("SERVICES/quotes/SPEC.md");
  await house.write("SERVICES/quotes/SPEC.md", spec.replace("1-500 characters", "1-400 characters").replace("at most 500", "at most 400")); // prettier-ignore
  await house.inProduction("quotes", { version: "v2" });
  writing = false;
  await writer;
  assert.ok(stored.length > 10, `${stored.length} were written meanwhile`);
  const lost: string[] = [];
  for (const id of stored) if ((await send("GET", `/quotes/${id}`)).status !== 200) lost.push(id);
  assert.deepEqual(lost, []);

  /** With a connection of its own each time, so that whoever serves at that moment gets it. */
  function send(method: string, path: string, body?: object): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      const asking = request({ host: "127.0.0.1", port: house.ports["quotes"], method, path, headers, agent: false });
      asking.on("error", reject).on("response", (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
      });
      asking.end(body && JSON.stringify(body));
    });
  }
});
