import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { FastifyInstance } from "fastify";
import type { HttpContext } from "#http/context.ts";
import type { EventStream } from "#http/event-stream.ts";
import { drawPage } from "./draw-page.ts";
import { readPage } from "./read-page.ts";

/** What a page of ours needs from this server, and from nowhere else. */
const FILES: Record<string, string> = {
  "/steward.css": "text/css; charset=utf-8",
  "/steward.js": "text/javascript; charset=utf-8",
  "/steward.svg": "image/svg+xml",
};

/** All that answers without a token, beside /api/health. None of it can do anything. */
export const pagePaths: ReadonlySet<string> = new Set(["/", "/changes", ...Object.keys(FILES)]);

/**
 * The plain page: what is where and what waits, readable without a script and without a token. Whoever can reach a
 * loopback port of this machine may read it: it shows names, states and reasons, no secret, no setting and no content of
 * a file, and it can do nothing. /changes rings when it should be read again, and says no more than that.
 */
export async function openPage(app: FastifyInstance, house: HttpContext, stream: EventStream): Promise<void> {
  const addresses: Record<string, string> = {};
  for (const [path, type] of Object.entries(FILES)) {
    const bytes = await readFile(new URL(`.${path}`, import.meta.url));
    const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
    addresses[path] = `${path}?${hash}`;
    app.get(path, (request, reply) =>
      reply
        .header("content-type", type)
        .header("cache-control", request.url.endsWith(hash) ? "max-age=31536000, immutable" : "no-cache")
        .send(bytes),
    );
  }
  app.get("/changes", (request, reply) => stream.ring(request, reply));
  app.get("/", async (_request, reply) => {
    reply.header("content-type", "text/html; charset=utf-8").header("cache-control", "no-store");
    return drawPage(await readPage(house), { style: addresses["/steward.css"]!, script: addresses["/steward.js"]! });
  });
}
