import { readTicket } from "#dispatch/read-ticket.ts";
import { inHouse, os } from "./base.ts";

export const tickets = {
  get: os.tickets.get.handler(({ context, input: { id } }) =>
    inHouse(context, (tx) => readTicket(tx, context.house.clock.now(), id)),
  ),
};
