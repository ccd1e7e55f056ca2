import type { TestContext } from "node:test";
import { ask, pause } from "./house.fixture.ts";

/** A client that asks the public port again and again, with a new connection each time, until it is stopped. */
export function hammer(t: TestContext, url: string) {
  const failed: string[] = [];
  const seen = new Map<string, number>();
  let stopped = false;
  const asking = (async () => {
    while (!stopped) {
      try {
        const response = await ask(url);
        const answer = `${response.status} ${await response.text()}`;
        seen.set(answer, (seen.get(answer) ?? 0) + 1);
        if (response.status !== 200) failed.push(answer);
      } catch (error) {
        failed.push(String(error));
      }
      await pause(15);
    }
  })();
  t.after(() => void (stopped = true));
  return {
    async stop() {
      stopped = true;
      await asking;
      return { failed, seen: [...seen.keys()] };
    },
  };
}
