import type { Settings } from "#config.ts";
import type { Scope } from "#db/schema.ts";
import { countRuns } from "#dispatch/count-work.ts";
import { stopProduction } from "#main.ts";
import { findScope } from "#policy/find-scope.ts";
import { liftSwitch, setSwitch } from "#policy/switches.ts";
import { inHouseDirectly, onDatabase } from "./open-directly.ts";

export function stopDirectly(settings: Settings, { scope, id, reason }: { scope: Scope; id: string; reason: string }) {
  return onDatabase(settings, async (tx) => {
    const found = await findScope(tx, scope, id);
    const { id: switchId, was } = await setSwitch(tx, "owner", new Date(), found, reason);
    return { id: switchId, was, name: found.name, running: await countRuns(tx, found.scope, found.scopeId) };
  });
}

export function resumeDirectly(settings: Settings, { scope, id }: { scope: Scope; id: string }) {
  return onDatabase(settings, async (tx) => {
    const found = await findScope(tx, scope, id);
    await liftSwitch(tx, "owner", new Date(), found);
    return { name: found.name };
  });
}

export async function stopProductionDirectly(settings: Settings, service: string) {
  const became = await inHouseDirectly(settings, (house) => stopProduction(house, service, "the owner asked for it"));
  return { ok: true, message: `${service} ${became === "stopped" ? "serves no more" : became}.` };
}
