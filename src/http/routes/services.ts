import { open } from "node:fs/promises";
import { noSuchService } from "#lines/service/no-such-service.ts";
import { serviceHistory } from "#lines/service/service-history.ts";
import { serviceOverviews } from "#lines/service/service-overview.ts";
import { tryAgain } from "#lines/service/try-again.ts";
import { hasErrorCode } from "#system/failure.ts";
import { because, inHouse, os } from "./base.ts";

export const services = {
  list: os.services.list.handler(({ context }) =>
    inHouse(context, async (tx) => ({ services: await serviceOverviews(tx, context.house.clock.now()) })),
  ),
  get: os.services.get.handler(({ context, input: { name } }) =>
    inHouse(context, async (tx) => {
      const [service] = await serviceOverviews(tx, context.house.clock.now(), { name });
      if (!service) throw await noSuchService(tx, name);
      return { ...service, ...(await serviceHistory(tx, service.id)) };
    }),
  ),
  run: os.services.run.handler(async ({ context, input: { name } }) => {
    await inHouse(context, (tx) => tryAgain(tx, because(context), name));
    await context.house.commands.look(name);
    return nextStep(context, name);
  }),
  check: os.services.check.handler(({ context, input: { name } }) => context.house.commands.checkNow(name)),
  deploy: os.services.deploy.handler(({ context, input: { name } }) => context.house.commands.deployNow(name)),
  rollback: os.services.rollback.handler(({ context, input: { name, version } }) =>
    context.house.commands.rollback(name, version),
  ),
  stopProduction: os.services.stopProduction.handler(({ context, input: { name } }) =>
    context.house.commands.stopProduction(name),
  ),
  log: os.services.log.handler(async ({ context, input: { name, from } }) => {
    const file = await context.house.commands.productionLog(name);
    return { file, ...(file === null ? { text: "", next: 0 } : await piece(file, from)) };
  }),
};

/** What stands next for the service, as an answer to whoever asked to go on with it. */
async function nextStep(context: Parameters<typeof inHouse>[0], name: string) {
  const service = await inHouse(context, async (tx) => {
    const [found] = await serviceOverviews(tx, context.house.clock.now(), { name });
    if (!found) throw await noSuchService(tx, name);
    return found;
  });
  const ticket = service.ticket;
  const message = ticket
    ? `${ticket.title}: ${ticket.waits ?? "it is being worked on"}`
    : `${name} is ${service.phase}: ${service.reasons[0] ?? "nothing to do"}`;
  return { ok: true, message, ticket: ticket?.id ?? null, version: service.version };
}

const PIECE_BYTES = 256 * 1024;

/** From a byte on; without one, the end of the file. A file that was cut shorter since begins anew. */
async function piece(path: string, from: number | undefined): Promise<{ text: string; next: number }> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const start = from === undefined ? Math.max(0, size - 16 * 1024) : from > size ? 0 : from;
      const { buffer, bytesRead } = await file.read(Buffer.alloc(PIECE_BYTES), 0, PIECE_BYTES, start);
      return { text: buffer.subarray(0, bytesRead).toString("utf8"), next: start + bytesRead };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return { text: "", next: 0 };
    throw error;
  }
}
