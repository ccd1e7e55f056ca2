import { countRuns } from "#dispatch/count-work.ts";
import { findScope } from "#policy/find-scope.ts";
import { liftSwitch, setSwitch } from "#policy/switches.ts";
import { because, inHouse, os } from "./base.ts";

export const switches = {
  set: os.switches.set.handler(({ context, input: { scope, id, reason } }) =>
    inHouse(context, async (tx) => {
      const { actor, at } = because(context);
      const found = await findScope(tx, scope, id);
      const { id: switchId, was } = await setSwitch(tx, actor, at, found, reason);
      return { id: switchId, was, name: found.name, running: await countRuns(tx, found.scope, found.scopeId) };
    }),
  ),
  lift: os.switches.lift.handler(({ context, input: { scope, id } }) =>
    inHouse(context, async (tx) => {
      const { actor, at } = because(context);
      const found = await findScope(tx, scope, id);
      await liftSwitch(tx, actor, at, found);
      return { name: found.name };
    }),
  ),
};
