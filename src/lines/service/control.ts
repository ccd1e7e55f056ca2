import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import type { Event } from "#ledger/events.ts";
import type { Question } from "#policy/approvals.ts";
import { defaultGateSettings, settingsHash, type GateSettings } from "#proof/gate.ts";
import { sameJson } from "#system/same-json.ts";

/** What says how a service is judged and run. */
export type Control = {
  /** From steward.yaml and the spec's front matter, which no run's result is ever written over. */
  settings: {
    test?: string;
    stack?: string;
    port?: number;
    start?: string;
    healthPath?: string;
    coverageFloor: number;
  };
  /** Files that steer a stated test command (scripts of package.json, Makefile, …), by path; null: must not be there. */
  pinned: Record<string, string | null>;
  /** Those files as they were last seen, whoever wrote them: what differs from it was changed since. */
  seen?: Record<string, string | null>;
};

/** The same, as the gates take it. */
export function gateSettingsOf(
  { settings, pinned }: Control,
  { testMinutes, allowFewerTests }: { testMinutes: number; allowFewerTests: boolean },
): GateSettings {
  return {
    ...defaultGateSettings,
    coverageFloor: settings.coverageFloor,
    testTimeoutMs: testMinutes * 60_000,
    allowFewerTests,
    ...(settings.test !== undefined && { testCommand: settings.test }),
    ...(settings.stack !== undefined && { stack: settings.stack }),
    ...(settings.start !== undefined && { start: settings.start }),
    ...(settings.port !== undefined && { port: settings.port }),
    ...(settings.healthPath !== undefined && { healthPath: settings.healthPath }),
    ...(Object.keys(pinned).length > 0 && { pinnedFiles: pinned }),
  };
}

/** What a verdict must have been judged by to count now. */
export function gateHashOf(control: Control): string {
  return settingsHash(gateSettingsOf(control, { testMinutes: 1, allowFewerTests: false }));
}

/**
 * The owner's version of what governs a service's gates; nobody is their own judge.
 * - Settings: a change counts at once, unless a hired agent is at work on the service, or was since the last look: then
 *   it may have written past its own folder. The change is kept aside and the owner is asked.
 * - Pinned files: the first version counts; a later one only where the owner changed that very file, by hand, while
 *   nobody was at work.
 */
export function keepControl({
  itemId,
  name,
  before,
  proposed,
  now,
  worker,
}: {
  itemId: string;
  name: string;
  before: Control | null;
  /** What the owner was asked about and has not answered. */
  proposed: Control["settings"] | null;
  now: Control;
  worker: string | null;
}): Kept {
  const recorded = (control: Control): Kept => ({
    control,
    proposed: null,
    events: [
      {
        type: "control.recorded",
        subject: itemId,
        key: name,
        control: { settings: control.settings, pinned: Object.keys(control.pinned) },
      },
    ],
  });
  if (before === null) return recorded({ ...now, seen: now.pinned });
  const kept = { settings: before.settings, pinned: keepPinned(before, now, worker === null), seen: now.pinned };
  if (sameJson(before.settings, now.settings)) {
    return sameJson(before.pinned, kept.pinned) ? { control: kept, proposed: null, events: [] } : recorded(kept);
  }
  if (sameJson(proposed, now.settings)) return { control: kept, proposed, events: [] };
  if (worker === null) return recorded({ ...kept, settings: now.settings });
  return {
    control: kept,
    proposed: now.settings,
    events: [{ type: "control.proposed", subject: itemId, key: name, by: worker, change: now.settings }],
    question: {
      kind: "control_change",
      itemId,
      question: `${name}: take over the changed settings? ${describe(before.settings, now.settings)}`,
      why: `They changed while ${worker} was at work on it. Until you approve, it is judged by the settings before.`,
      payload: { before: before.settings, after: now.settings },
    },
  };
}

/** What governs the gates after a look, what waits for the owner's word, and what is to be asked of them now. */
export type Kept = {
  control: Control;
  proposed: Control["settings"] | null;
  events: Event[];
  question?: Question;
};

function keepPinned(before: Control, now: Control, free: boolean): Control["pinned"] {
  const seen = before.seen ?? before.pinned;
  const byOwner = Object.entries(now.pinned).filter(
    ([path, text]) => free && path in before.pinned && text !== seen[path],
  );
  // Unless the owner took it away, or no command of theirs names it any more: it was there at the last look.
  const still = Object.entries(before.pinned).filter(([path]) => path in now.pinned || !free || !(path in seen));
  return { ...now.pinned, ...Object.fromEntries([...still, ...byOwner]) };
}

/** The owner said yes: what was proposed is the owner's version now. */
export async function acceptControl(tx: Tx, itemId: string): Promise<void> {
  await sql`
    update item set control = jsonb_set(control, '{settings}', control_proposed), control_proposed = null
    where id = ${itemId} and control_proposed is not null`.execute(tx);
}

function describe(before: object, after: object): string {
  const old = Object.entries(before);
  const changes = [...new Set([...old, ...Object.entries(after)].map(([key]) => key))].flatMap((key) => {
    const from = (before as Record<string, unknown>)[key];
    const to = (after as Record<string, unknown>)[key];
    return sameJson(from ?? null, to ?? null)
      ? []
      : [`${key}: ${JSON.stringify(from ?? "not set")} → ${JSON.stringify(to ?? "not set")}`];
  });
  return changes.join(", ");
}
