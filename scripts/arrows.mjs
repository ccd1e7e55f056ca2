/**
 * The arrows: which folder of src/ may import which. `node scripts/arrows.mjs` writes them into .oxlintrc.arrows.json,
 * where editors and `npm run check` find them; test/arrows.test.ts plants a violation of each.
 *
 * A folder needs something from above? It is handed in by main.ts, the only place that wires.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";

const doors = ["dispatch", "gateway", "effects", "proof"];
const below = ["policy", "ledger", "db", "system"];
const rooms = ["agents", "workspace", "deploy", "health", "learning", "agency", "desk", "notify"];
const domain = [...doors, "lines", "ledger", "db", "system"];

/** Folder → what it may import besides itself. A folder that is not here fails the test: give it its place first. */
export const arrows = {
  system: [],
  db: ["system"],
  ledger: ["db", "system"],
  policy: ["ledger", "db", "system"],
  dispatch: below,
  gateway: below,
  effects: below,
  proof: below,
  lines: [...doors, ...below],
  ...Object.fromEntries(rooms.map((room) => [room, domain])),
  // Who keeps a release alive asks health what to do about it; health knows no release.
  deploy: [...domain, "health"],
  // The only folder that wires; main.ts is its door.
  house: [...domain, ...rooms, "policy", "http", "config.ts"],
  http: [...domain, ...rooms, "policy", "config.ts"],
  cli: [...domain, ...rooms, "policy", "http", "config.ts", "main.ts"],
  web: ["system"],
};

/** What may be imported for its types alone, because nothing of it must reach the browser's bundle. */
export const typeArrows = { web: ["http"] };

const everything = [...Object.keys(arrows), "config.ts", "main.ts"];

/** Tests, and what only they use, may reach anything. */
const tests = ["**/*.test.ts", "**/testing.ts", "**/*.fixture.ts"];

const noParent = {
  group: ["../*", "../**"],
  message: "No ../ in imports: write #folder/file.ts, so that the arrows between folders can be seen.",
};

/** One override of the linter's configuration a folder. Tests may import anything, but not by `../` either. */
export function overrides() {
  return [
    restrict(["src/**", "test/**", "bench/**"], [], [noParent]),
    restrict(["src/config.ts"], tests, [noParent, forbid("config.ts", [], ["main.ts"])]),
    ...Object.keys(arrows).map((folder) => restrict([`src/${folder}/**`], tests, patternsOf(folder))),
  ];
}

function patternsOf(folder) {
  const types = typeArrows[folder] ?? [];
  const allowed = arrows[folder];
  const rest = everything.filter((target) => target !== folder && !allowed.includes(target) && !types.includes(target));
  const patterns = [noParent, forbid(folder, [...allowed, ...types.map((target) => `${target} (types only)`)], rest)];
  if (types.length > 0) {
    patterns.push({
      group: types.map(pattern),
      allowTypeImports: true,
      message: `${folder}/ may import only types from ${types.join(", ")}.`,
    });
  }
  return patterns;
}

function forbid(from, allowed, targets) {
  const name = from.endsWith(".ts") ? from : `${from}/`;
  const may =
    allowed.length > 0
      ? `may import only ${allowed.join(", ")}`
      : from === "config.ts"
        ? "wires nothing"
        : "stands alone";
  return { group: targets.map(pattern), message: `${name} ${may}; what it needs from above is handed in by main.ts.` };
}

function pattern(target) {
  return target.endsWith(".ts") ? `#${target}` : `#${target}/**`;
}

function restrict(files, excludeFiles, patterns) {
  return {
    files,
    ...(excludeFiles.length > 0 && { excludeFiles }),
    rules: { "no-restricted-imports": ["error", { patterns }] },
  };
}

if (import.meta.main) {
  const lines = overrides().map((override) => `    ${JSON.stringify(override)}`);
  writeFileSync(
    join(import.meta.dirname, "..", ".oxlintrc.arrows.json"),
    `{\n  "overrides": [\n${lines.join(",\n")}\n  ]\n}\n`,
  );
}
