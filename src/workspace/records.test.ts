import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { contentHash } from "#proof/content-hash.ts";
import { findBuildClaim, statusMarker } from "./build-claim.ts";
import { logDeployments, writeDeployedConfig } from "./production-records.ts";
import { setReadmeStatus, withStatus } from "./readme-status.ts";
import { updateRegistry } from "./registry.ts";
import { folderWith } from "./tree.fixture.ts";
import { readVerdicts, rememberVerdict, verdictFor, verdictsPath } from "./verdicts-file.ts";

const at = new Date("2026-03-01T12:00:00Z");
const line = `🚧 BUILD IN PROGRESS by builder-1 ${statusMarker}`;
/** As bytes seen as latin1, as `withStatus` works. */
const bytes = (text: string) => Buffer.from(text).toString("latin1");
const status = (readme: string, text: string | null = "🚧 BUILD IN PROGRESS by builder-1") =>
  Buffer.from(withStatus(bytes(readme), text), "latin1").toString();

const places: [string, string, string][] = [
  ["below the title", "# Quotes\n\nText.\n", `# Quotes\n\n${line}\n\nText.\n`],
  ["below a title without a blank line", "# Quotes\nText.\n", `# Quotes\n\n${line}\n\nText.\n`],
  ["below a title that is all there is", "# Quotes", `# Quotes\n\n${line}\n`],
  ["below an underlined title", "Quotes\n======\n\nText.", `Quotes\n======\n\n${line}\n\nText.`],
  ["at the top without a title", "Text é.\n", `${line}\n\nText é.\n`],
  ["behind a byte-order mark", "\uFEFFText.\n", `\uFEFF${line}\n\nText.\n`],
  ["with the file's own line ends", "# Quotes\r\n\r\nText.\r\n", `# Quotes\r\n\r\n${line}\r\n\r\nText.\r\n`],
  ["not in a code block", "```\n# no title\n```\n# Quotes\n", `\`\`\`\n# no title\n\`\`\`\n# Quotes\n\n${line}\n`],
];
for (const [where, before, after] of places) {
  test(`Steward's line in a README stands ${where}`, () => assert.equal(status(before), after));
}

test("only Steward's own line changes, wherever somebody moved it, and it can be taken out again", () => {
  const before = `# Q\r\n\n  odd\tspaces \n${line}\r\nlast without end`;
  assert.equal(status(before, "✅ Production"), before.replace(line, `✅ Production ${statusMarker}`));
  assert.equal(status(before, null), before.replace(`${line}\r\n`, ""));
  assert.equal(status(status("# Q\n\nText.\n"), null), "# Q\n\nText.\n");
  assert.equal(status("# Q\n", null), "# Q\n");
});

test("an agent's name cannot end the line or the comment", () => {
  assert.equal(status("", "by a\n# b --><script>"), `by a # b <script> ${statusMarker}\n`);
});

test("a README is changed in place, made only if asked, and its status is no content", async (t) => {
  const dir = folderWith(t, { "a/readme.md": Buffer.from("# Caf\xe9\n", "latin1"), "b/x": "" });
  const before = await contentHash(join(dir, "a"));
  assert.equal(await setReadmeStatus(join(dir, "a"), "Building", { within: dir }), true);
  assert.deepEqual(
    readFileSync(join(dir, "a/readme.md")),
    Buffer.from(`# Caf\xe9\n\nBuilding ${statusMarker}\n`, "latin1"),
  );
  assert.equal(await contentHash(join(dir, "a")), before);
  assert.equal(await setReadmeStatus(join(dir, "a"), "Building", { within: dir }), false);
  assert.equal(await setReadmeStatus(join(dir, "b"), "Building", { within: dir }), false);
  assert.equal(existsSync(join(dir, "b/README.md")), false);
  await setReadmeStatus(join(dir, "b"), "Building", { within: dir, create: true });
  assert.equal(readFileSync(join(dir, "b/README.md"), "utf8"), `Building ${statusMarker}\n`);
});

test("a binary README is left alone", async (t) => {
  const dir = folderWith(t, { "README.md": Buffer.from([0, 1, 2]) });
  assert.equal(await setReadmeStatus(dir, "Building", { within: dir }), false);
});

const claims: [string, boolean][] = [
  ["🚧 BUILD IN PROGRESS by session-4", true],
  ["> 🚧 **BUILD IN PROGRESS** by Session #4", true],
  ["**Status:** Building", true],
  ["Status: 🚧 In Progress", true],
  ["| Status | BUILD_IN_PROGRESS |", true],
  ["- Phase: BUILD (in progress)", false],
  ["## Build in progress", true],
  ["Status: Building (Session #4)", true],
  ["Status: Building blocks are ready", false],
  ["See how a build in progress is shown.", false],
  ["Status: production", false],
  ["Build the project with make.", false],
  ["Building: run `npm run build`.", false],
];
for (const [text, isClaim] of claims) {
  test(`"${text}" ${isClaim ? "claims" : "does not claim"} that somebody is building`, () => {
    assert.equal(findBuildClaim(`# A\n\n${text}\n`, at) !== null, isClaim);
  });
}

test("a claim within a code block is an example, and Steward's own is known as such", () => {
  assert.equal(findBuildClaim("```\n🚧 BUILD IN PROGRESS\n```\n", at), null);
  assert.deepEqual(findBuildClaim(`# A\n\n${line}\n`, at), {
    text: "🚧 BUILD IN PROGRESS by builder-1",
    at,
    ours: true,
  });
});

const config = {
  service: "quotes",
  version: "v2",
  status: "production",
  port: 8101,
  contentHash: "abc",
  target: "process",
  deployedAt: at,
};

test("a deployment is recorded among the owner's own keys", async (t) => {
  const dir = folderWith(t, {
    "a/PRODUCTION/deployed_config.json": '{\n    "region": "eu",\n    "version": "v1"\n}',
    "b/": "",
  });
  await writeDeployedConfig(join(dir, "a"), config, { within: dir });
  const text = readFileSync(join(dir, "a/PRODUCTION/deployed_config.json"), "utf8");
  assert.ok(text.startsWith('{\n    "region": "eu",\n    "version": "v2",\n    "service": "quotes"'), text);
  await writeDeployedConfig(join(dir, "b"), config, { within: dir });
  assert.deepEqual(JSON.parse(readFileSync(join(dir, "b/PRODUCTION/deployed_config.json"), "utf8")), {
    service: "quotes",
    version: "v2",
    status: "production",
    port: 8101,
    target: "process",
    content_hash: "abc",
    deployed_at: at.toISOString(),
  });
});

test("a record that is no JSON object is reported and left alone", async (t) => {
  for (const text of ["{", "[]"]) {
    const dir = folderWith(t, { "PRODUCTION/deployed_config.json": text });
    await assert.rejects(writeDeployedConfig(dir, config, { within: dir }), /left as it is/);
    assert.equal(readFileSync(join(dir, "PRODUCTION/deployed_config.json"), "utf8"), text);
  }
});

test("the deployment log only grows, by one line for each thing that happened", async (t) => {
  const dir = folderWith(t, { "a/PRODUCTION/deployment_log.md": "# Ours\r\nno end", "b/": "" });
  await logDeployments(join(dir, "a"), [{ at, text: "deployed v2\nto production" }], { within: dir });
  const entry = `- ${at.toISOString()} deployed v2 to production`;
  assert.equal(readFileSync(join(dir, "a/PRODUCTION/deployment_log.md"), "utf8"), `# Ours\r\nno end\r\n${entry}\r\n`);
  const deployed = { at, text: "deployed v2 to production" };
  await logDeployments(join(dir, "b"), [deployed], { within: dir });
  await logDeployments(join(dir, "b"), [deployed, { at, text: "rolled back" }], { within: dir });
  assert.equal(
    readFileSync(join(dir, "b/PRODUCTION/deployment_log.md"), "utf8"),
    `# Deployment log\n\n${entry}\n- ${at.toISOString()} rolled back\n`,
  );
});

const verdict = (contentHashOf: string, ok: boolean) => ({
  gate: "tests" as const,
  contentHash: contentHashOf,
  settingsHash: "s",
  ok,
  reasons: ["r".repeat(900)],
  facts: { kind: null, durationMs: 5, output: "x".repeat(100_000), cases: [] },
});

test("verdicts are kept by service and content, the newest of each, and few of them", async (t) => {
  const dir = folderWith(t, {});
  for (let index = 0; index < 30; index++) await rememberVerdict(dir, "a", verdict(`hash-${index}`, true), { at });
  await rememberVerdict(dir, "a", verdict("hash-29", false), { at });
  await Promise.all(["b", "c", "d"].map((name) => rememberVerdict(dir, name, verdict("h", true), { at })));
  const { verdicts, problems } = readVerdicts(dir);
  assert.deepEqual(problems, []);
  assert.deepEqual([...verdicts.keys()].toSorted(), ["a", "b", "c", "d"]);
  assert.equal(verdictFor(verdicts, "a", "tests", "hash-29")?.ok, false);
  assert.equal(verdictFor(verdicts, "a", "tests", "hash-0"), null);
  assert.equal(verdictFor(verdicts, "a", "spec", "hash-29"), null);
  assert.equal(verdicts.get("a")!.length, 12);
  assert.ok(readFileSync(verdictsPath(dir)).length < 20_000);
});

test("a verdicts file that makes no sense is told, counts as nothing, and is begun anew", async (t) => {
  const dir = folderWith(t, { ".steward/verdicts.json": '{"services":{"a":[{"ok":"yes"}]}}' });
  assert.equal(readVerdicts(dir).verdicts.size, 0);
  assert.match(readVerdicts(dir).problems[0]!, /cannot be understood/);
  await rememberVerdict(dir, "a", verdict("h", true), { at });
  assert.equal(readVerdicts(dir).verdicts.size, 1);
  writeFileSync(verdictsPath(dir), "{");
  assert.match(readVerdicts(dir).problems[0]!, /cannot be understood/);
});

test("what the owner took away is not made again: nothing is written where a service's folder is gone", async (t) => {
  const dir = folderWith(t, { "SERVICES/kept/SPEC.md": "# Kept\n" });
  const gone = join(dir, "SERVICES/gone");
  const deployed = { service: "x", version: "1", status: "production", contentHash: "h", target: "process", deployedAt: at }; // prettier-ignore
  assert.equal(await setReadmeStatus(gone, "Building", { within: dir, create: true }), false);
  assert.equal(await writeDeployedConfig(gone, deployed, { within: dir }), false);
  await logDeployments(gone, [{ at, text: "deployed" }], { within: dir });
  await updateRegistry(join(dir, "away/SERVICE_REGISTRY.json"), new Map([["gone", { status: "new" }]]), {
    within: dir,
    now: at,
  });
  assert.equal(existsSync(gone), false);
  assert.equal(existsSync(join(dir, "away")), false);
  assert.equal(await writeDeployedConfig(join(dir, "SERVICES/kept"), deployed, { within: dir }), true);
});

test("a folder that vanishes while its file is written is no trouble, and stays away", async (t) => {
  const dir = folderWith(t, { "SERVICES/a/README.md": "# A\n" });
  const service = join(dir, "SERVICES/a");
  const beforeReplace = async () => rmSync(service, { recursive: true });
  assert.equal(await setReadmeStatus(service, "Building", { within: dir, beforeReplace }), false);
  assert.equal(existsSync(service), false);
});
