// What a Steward process keeps in its heap, its garbage left out: resident memory also grows where nothing is kept,
// because V8 collects late as long as there is room.
import { until, type Child } from "./house.fixture.ts";

/** For the environment of a process whose heap is to be measured: its inspector opens where there is a free port. */
export const measurable = { NODE_OPTIONS: "--inspect-port=127.0.0.1:0" };

/** Megabytes in use after a full collection. */
export async function heapInUse(child: Child): Promise<number> {
  process.kill(child.pid, "SIGUSR1");
  const url = await until("its inspector", async () => /ws:\/\/127\.0\.0\.1:\d+\/\S+/.exec(child.said())?.[0], {
    holds: (found) => found !== undefined,
  });
  const socket = new WebSocket(url!);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  const ask = (id: number, method: string, params: object = {}) =>
    new Promise<{ result: { value?: number } }>((resolve) => {
      socket.addEventListener("message", ({ data }) => {
        const answer = JSON.parse(String(data)) as { id?: number; result: { result: { value?: number } } };
        if (answer.id === id) resolve(answer.result);
      });
      socket.send(JSON.stringify({ id, method, params }));
    });
  try {
    await ask(1, "HeapProfiler.collectGarbage");
    const { result } = await ask(2, "Runtime.evaluate", { expression: "process.memoryUsage().heapUsed" });
    return result.value! / 1e6;
  } finally {
    socket.close();
  }
}
