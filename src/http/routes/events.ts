import { readLedger } from "#ledger/follow.ts";
import { inHouse, os } from "./base.ts";

export const events = {
  list: os.events.list.handler(({ context, input: { after, limit, subject } }) =>
    inHouse(context, async (tx) => {
      const found = await readLedger(tx, { after, limit, ...(subject === undefined ? {} : { subject }) });
      return { events: found, next: found.at(-1)?.seq ?? after };
    }),
  ),
};
