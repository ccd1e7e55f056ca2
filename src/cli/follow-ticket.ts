import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "#http/client.ts";
import { Failure } from "#system/failure.ts";
import { say } from "./talk.ts";

export type EndedTicket = Awaited<ReturnType<Client["tickets"]["get"]>>;

const LOOK_MS = 300;

/**
 * Waits until a ticket has ended and says meanwhile, on stderr, what it waits for. What only the owner can move on is a
 * Failure at once: nobody waits for themselves.
 */
export async function followTicket(client: Client, id: string): Promise<EndedTicket> {
  let said = "";
  for (;;) {
    const ticket = await client.tickets.get({ id });
    if (ticket.endedAt !== null) return ticket;
    const waits = ticket.waits ?? "at work";
    if (ticket.waits?.startsWith("stopped by a switch"))
      throw new Failure("stopped", `${ticket.title}: ${ticket.waits}.`);
    if (ticket.waits?.startsWith("waits for your approval")) {
      throw new Failure("needs_approval", `${ticket.title} ${ticket.waits}: \`steward status\` shows the question.`);
    }
    if (waits.replace(/\d+/g, "") !== said) say(`${ticket.title}: ${waits}`);
    said = waits.replace(/\d+/g, "");
    await pause(LOOK_MS);
  }
}
