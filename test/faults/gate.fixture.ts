import { connect, createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** A way to a database that can be shut: then every connection breaks and none is taken. */
export type Gate = {
  lead(url: string): Promise<string>;
  shutFor(milliseconds: number): Promise<void>;
  close(): Promise<void>;
};

export async function openGate(): Promise<Gate> {
  const sockets = new Set<Socket>();
  let target = { host: "", port: 0 };
  let port = 0;
  const server = createServer((inside) => {
    const outside = connect(target);
    for (const [one, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  const open = () => new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const shut = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  await open();
  port = (server.address() as { port: number }).port;
  return {
    async lead(url) {
      const { hostname, port: given } = new URL(url);
      target = { host: hostname, port: Number(given) };
      const led = new URL(url);
      led.hostname = "127.0.0.1";
      led.port = String(port);
      return led.href;
    },
    async shutFor(milliseconds) {
      await shut();
      await pause(milliseconds);
      await open();
    },
    async close() {
      if (server.listening) await shut();
    },
  };
}
