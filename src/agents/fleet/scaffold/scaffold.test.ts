import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFile, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { removeFolder } from "#system/testing.ts";
import { clientFields, sample } from "./plan/samples.ts";
import type { Plan, Route } from "./plan/plan.ts";
import { about, scaffold } from "./scaffold.ts";
import { coverageOf, runSuite, startBuilt, writeAll } from "./built-service.fixture.ts";

const ROOT = path.resolve(import.meta.dirname, "../../../..");
const SPECS = path.join(ROOT, "test/specs");
const EXAMPLES = path.join(ROOT, "examples/workspace/SERVICES");
const specsIn = async (folder: string) =>
  (await readdir(path.join(SPECS, folder))).filter((name) => name.endsWith(".md"));
const read = (...parts: string[]) => readFile(path.join(...parts), "utf8");

/** What stands for a test in the README's table without being one of the suite. */
const NO_SINGLE_TEST = ["the whole suite (npm test)", "Dockerfile", "package.json has no dependencies"];

function built(
  spec: string,
  name = "service",
): { plan: Plan; text: (file: string) => string; files: { path: string; content: string }[] } {
  const result = scaffold(spec, { name });
  assert.ok(result.ok, result.ok ? "" : result.reasons.join("\n"));
  const { files, plan } = result;
  return {
    plan,
    files,
    text: (file) => files.find((one) => one.path === `BUILD/${file}`)?.content ?? assert.fail(file),
  };
}

async function temporary(t: { after: (work: () => Promise<void>) => void }): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "scaffold-"));
  t.after(() => removeFolder(folder));
  return folder;
}

describe(
  "every accepted spec becomes a service whose own tests pass and that keeps what it acknowledged",
  { concurrency: 2 },
  async () => {
    const accepted = await specsIn("accepted");
    assert.equal(accepted.length, 10);
    for (const name of accepted) {
      test(name, async (t) => {
        const spec = await read(SPECS, "accepted", name);
        const { plan, files } = built(spec, name.replace(".md", ""));
        const folder = await temporary(t);
        await writeAll(folder, files);
        const build = path.join(folder, "BUILD");

        const suite = await runSuite(build);
        assert.equal(suite.code, 0, suite.output);
        assert.ok(suite.tests > 10 && suite.passed === suite.tests, suite.output);
        const coverage = await coverageOf(build, suite.lcov);
        assert.deepEqual(coverage.absent, [], "every source file is loaded by some test");
        assert.ok(coverage.lines >= 95, `${coverage.lines} % of lines`);

        const first = await startBuilt(t, build, path.join(folder, "data"));
        const health = await fetch(`${first.url}/health`);
        assert.deepEqual([health.status, await health.json()], [200, { status: "ok", service: plan.name }]);
        const stored = await write(plan, first.url);
        await first.end("SIGKILL");
        const second = await startBuilt(t, build, path.join(folder, "data"));
        assert.deepEqual(await readAgain(plan, second.url, stored), stored.record);
        assert.deepEqual(await second.end("SIGTERM"), { code: 0, signal: null });
      });
    }
  },
);

test("every line of a README's table names a test that is in the suite", async () => {
  for (const name of await specsIn("accepted")) {
    const { plan, files } = built(await read(SPECS, "accepted", name));
    const suite = files
      .filter((file) => file.path.endsWith(".test.js"))
      .map((file) => file.content)
      .join("\n");
    assert.ok(plan.proofs.length >= 5, name);
    for (const proof of plan.proofs) {
      assert.ok(proof.tests.length > 0, `${name}: ${proof.text}`);
      for (const title of proof.tests)
        assert.ok(
          NO_SINGLE_TEST.includes(title) || suite.includes(`test(${JSON.stringify(title)}`),
          `${name}: ${title}`,
        );
    }
  }
});

test("every refused spec is refused for the reasons beside it, with their lines", async () => {
  const refused = await specsIn("refused");
  assert.ok(refused.length >= 10);
  for (const name of refused) {
    const result = scaffold(await read(SPECS, "refused", name), { name: "refused" });
    const expected = (await read(SPECS, "refused", name.replace(".md", ".reasons.txt"))).trim().split("\n");
    assert.deepEqual(result.ok ? [] : result.reasons, expected, name);
  }
});

test("the same spec gives the same bytes, and nothing of the machine is in them", async () => {
  const spec = await read(SPECS, "accepted", "todo-actions.md");
  assert.deepEqual(scaffold(spec, { name: "todo" }), scaffold(spec, { name: "todo" }));
  for (const { path: file, content } of built(spec).files) {
    assert.match(file, /^BUILD\/[\w./-]+$/);
    assert.equal(content.includes(ROOT), false, file);
  }
});

test("the port is the caller's, else the spec's, and a folder's name becomes a safe package name", async () => {
  const spec = await read(EXAMPLES, "quotes/SPEC.md");
  const given = scaffold(spec, { name: "../Weird 🎉 Name`;", port: 4242 });
  assert.ok(given.ok);
  assert.deepEqual([given.plan.port, given.plan.name], [4242, "weird-name"]);
  assert.equal(built(spec).plan.port, 8911);
  assert.equal(built(await read(SPECS, "accepted/short-links.md")).plan.port, 9103);
  assert.match(built(spec).text(".env.example"), /^PORT=8911$/m);
  assert.match(built(spec).text("Dockerfile"), /HOST=0\.0\.0\.0 PORT=8911/);
});

test("text from a spec stays data: hostile choices and prose never become code or mark-up", async (t) => {
  const choices = [
    "`${process.exit(1)}`",
    "*/ process.exit(1) /*",
    "</script><script>",
    "__proto__",
    "\u2028x",
    "'; process.exit(1); '",
  ];
  const spec = `# Notes */ <script>alert(1)</script> \${process.exit(1)}

## Purpose

*/ } process.exit(1); <img src=x onerror=alert(1)> {{constructor}}

## Requirements

- Users can create and list notes.
- \`kind\` is required.

## API Specs

### Note

| Field | Type | Required | Rules |
| --- | --- | --- | --- |
| kind | string | yes | one of: ${choices.map((choice) => JSON.stringify(choice).replaceAll("\\\\", "").replaceAll("`", "").replaceAll("*", "\\*").replaceAll("_", "\\_").replaceAll("<", "\\<")).join(", ")} |
| default | string | no | default "</script>" |
| class | boolean | no | |

### POST /notes

Creates a note.

### GET /notes?class=&default=

Lists notes.

## Dependencies

None.

## Success Criteria

- All tests pass.
`;
  const { text, files } = built(spec, "notes");
  const folder = await temporary(t);
  await writeAll(folder, files);
  for (const file of files.filter((one) => one.path.endsWith(".js"))) {
    const checked = spawnSync(process.execPath, ["--check", path.join(folder, file.path)], { encoding: "utf8" });
    assert.equal(checked.status, 0, checked.stderr);
    assert.equal(file.content.includes("</script"), false, file.path);
  }
  const models = (await import(path.join(folder, "BUILD/src/models.js"))) as {
    NoteModel: { fields: { choices?: string[] }[] };
  };
  assert.ok(models.NoteModel.fields[0]?.choices?.includes("*/ process.exit(1) /*"));
  assert.ok(models.NoteModel.fields[0]?.choices?.includes("</script><script>"));
  assert.equal(/<(script|img)/.test(text("README.md")), false);
  const suite = await runSuite(path.join(folder, "BUILD"));
  assert.equal(suite.code, 0, suite.output);
});

test("a spec that is empty, binary, huge or deeply nested is refused in words and in time", () => {
  // Of the processor: on a machine that is busy the wall's clock says little.
  const started = process.cpuUsage();
  for (const spec of [
    "",
    "\u0000\u0001\uFFFD",
    "x".repeat(300_000),
    "> ".repeat(5_000),
    "# A\n".repeat(10_000),
    `## API\n${"| a ".repeat(5_000)}|`,
  ]) {
    const result = scaffold(spec, { name: "x" });
    assert.equal(result.ok, false);
    assert.ok(!result.ok && result.reasons.length > 0);
  }
  assert.ok(process.cpuUsage(started).user < 10_000_000);
});

test("the page on the grammar has an example that is accepted, and shows every phrase it lists at work", async () => {
  const page = await read(ROOT, "docs/builder-grammar.md");
  const example = /````markdown\n([\s\S]*?)\n````/.exec(page)?.[1] ?? "";
  built(example, "tasks");
  const frame = example.split("## Requirements")[0] ?? "";
  const rest = `## API Specs${example.split("## API Specs")[1] ?? ""}`;
  const sentences = [...page.matchAll(/^\| .* \| “(.+)” \|$/gm)].map((match) =>
    (match[1] ?? "").replaceAll("\\|", "|"),
  );
  assert.ok(sentences.length >= 25, `${sentences.length} sentences`);
  for (const sentence of sentences) {
    const result = scaffold(`${frame}## Requirements\n\n- ${sentence}\n\n${rest}`, { name: "tasks" });
    assert.ok(result.ok, result.ok ? "" : `${sentence}\n${result.reasons.join("\n")}`);
  }
});

test("what a sentence promises is held against the endpoints: changed words are refused", async () => {
  const spec = await read(EXAMPLES, "quotes/SPEC.md");
  const line = "- Quotes are stored on disk and survive a restart.";
  const wrong = {
    "- Users can archive quotes.": /the word "archive"/,
    "- Quotes are oldest first, unless they are short.": /"unless"/,
    "- Quotes are deleted after 30 days.": /by the clock/,
    "- Users can patch quotes.": /no endpoint of \/quotes does what "patch" says/,
    "- `POST /quotes` deletes all quotes.": /does what "deletes" says/,
    "- `GET /quotes/{id}` returns 418.": /answers 200|never answers 418/,
    "- `author` is unique and `text` is optional.": /text is stated otherwise/,
    "- Quotes are filtered by `colour`.": /"colour"/,
    "- The service listens on port 9999.": /the port/,
    "- A quote can have 7 authors.": /the number 7/,
    "- Coverage is 100 %.": /at most 90/,
    "- Only admins can delete quotes.": /logins and permissions/,
  };
  for (const [sentence, reason] of Object.entries(wrong)) {
    const result = scaffold(spec.replace(line, sentence), { name: "quotes" });
    assert.match(result.ok ? "accepted" : result.reasons.join("\n"), reason, sentence);
  }
});

test("the example workspace has two services for scaffold and one that it refuses, because of its pages", async () => {
  assert.equal(built(await read(EXAMPLES, "pulse/SPEC.md")).plan.port, 8912);
  const landing = scaffold(await read(EXAMPLES, "landing/SPEC.md"), { name: "landing" });
  assert.ok(!landing.ok && landing.reasons.some((reason) => reason.includes("HTML pages")));
  assert.match(about, /refuses/);
});

test("the example agent builds what scaffold refuses, and repairs what was broken", async (t) => {
  const folder = await temporary(t);
  await copyFile(path.join(EXAMPLES, "landing/SPEC.md"), path.join(folder, "SPEC.md"));
  const work = () =>
    spawnSync(process.execPath, [path.join(EXAMPLES, "../agents/pagesmith.mjs")], { cwd: folder, encoding: "utf8" });
  assert.equal(work().status, 0);
  await rm(path.join(folder, "BUILD/src/site.js"));
  assert.match(work().stdout, /wrote BUILD\/src\/site\.js\npagesmith: done/);
  const build = path.join(folder, "BUILD");
  const suite = await runSuite(build);
  assert.ok(suite.code === 0 && suite.tests > 0 && suite.passed === suite.tests, suite.output);
  const coverage = await coverageOf(build, suite.lcov);
  assert.ok(coverage.absent.length === 0 && coverage.lines > 80, `${coverage.lines} % of lines`);
  const site = await startBuilt(t, build, path.join(folder, "data"));
  assert.match(await (await fetch(site.url)).text(), /<h1>Landing<\/h1>/);
  assert.equal((await fetch(`${site.url}/health`)).status, 200);
  await site.end("SIGTERM");
});

type Stored = { record: unknown; route: Route; key: string };

async function write(plan: Plan, url: string): Promise<Stored> {
  const route =
    plan.routes.find((one) => one.kind === "create") ??
    plan.routes.find((one) => one.kind === "replace") ??
    assert.fail();
  const resource = route.resource ?? assert.fail();
  const body = Object.fromEntries(
    clientFields(resource.model).map((field) => [field.name, sample(field, 0, { isKey: field.name === resource.key })]),
  );
  const answer = await fetch(url + route.path.replace(/\{\w+\}/, "a-key"), {
    method: route.method,
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
  });
  const record = (await answer.json()) as Record<string, unknown>;
  assert.ok(answer.ok, JSON.stringify(record));
  return { record, route, key: resource.kind === "keyed" ? "a-key" : `${record[resource.key] as string | number}` };
}

async function readAgain(plan: Plan, url: string, { route, key }: Stored): Promise<unknown> {
  const of = plan.routes.filter((one) => one.resource === route.resource);
  const one = of.find((candidate) => candidate.kind === "read");
  if (one !== undefined) return (await fetch(url + one.path.replace(/\{\w+\}/, key))).json();
  const list = of.find((candidate) => candidate.kind === "list") ?? assert.fail();
  const answer = (await (await fetch(url + list.path)).json()) as unknown;
  return (Array.isArray(answer) ? answer : Object.values(answer as object).find(Array.isArray))?.[0];
}
