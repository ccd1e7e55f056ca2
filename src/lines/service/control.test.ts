import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { checkBuildFiles } from "#proof/build-files.ts";
import { gateSettingsOf, keepControl, type Control } from "./control.ts";

const control = (pinned: Control["pinned"], settings: Partial<Control["settings"]> = {}): Control => ({
  settings: { coverageFloor: 80, test: "sh scripts/test.sh", ...settings },
  pinned,
});
const look = (before: Control, now: Control, worker: string | null) =>
  keepControl({ itemId: "1", name: "quotes", before, proposed: null, now, worker }).control;

test("a script that the owner changes or removes is theirs again, and one that a run touched stays as it was", () => {
  const first = look({ ...control({ "scripts/test.sh": "owner's" }), seen: {} }, control({ "scripts/test.sh": "owner's" }), null); // prettier-ignore
  const changed = look(first, control({ "scripts/test.sh": "agent's" }), "an agent");
  deepEqual(changed.pinned, { "scripts/test.sh": "owner's" });
  deepEqual(look(changed, control({ "scripts/test.sh": "agent's" }), null).pinned, { "scripts/test.sh": "owner's" });
  deepEqual(look(first, control({ "scripts/test.sh": "new" }), null).pinned, { "scripts/test.sh": "new" });

  // Taken away by a run and put back by the next: never the run's version, however long nobody was at work between.
  const without = look(look(first, control({}), "an agent"), control({}), null);
  deepEqual(look(without, control({ "scripts/test.sh": "agent's" }), "an agent").pinned, {
    "scripts/test.sh": "owner's",
  });
  deepEqual(look(first, control({}), null).pinned, {});
});

test("a stated start is known to the gate that looks for an entry file", () => {
  const settings = gateSettingsOf(control({}, { start: "node odd/place.js" }), {
    testMinutes: 1,
    allowFewerTests: false,
  });
  equal(settings.start, "node odd/place.js");
  const tree = {
    files: ["package.json", "odd/place.js", "Dockerfile", ".env.example"],
    names: [],
    folders: [],
    problems: [],
  };
  deepEqual(checkBuildFiles(tree, { ...(settings.start !== undefined && { start: settings.start }) }).missing, []);
});
