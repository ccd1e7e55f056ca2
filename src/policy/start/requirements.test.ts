import assert from "node:assert/strict";
import { test } from "node:test";
import { checkableBy } from "./checkable.ts";
import { readRequirements, tellMissing } from "./requirements.ts";
import { findVague } from "./vague-words.ts";

const task = (description: string | null, criteria: string[], more: { tech?: string[]; text?: string } = {}) => ({
  name: "Quotes page",
  description,
  criteria: criteria.map((text, index) => ({ text, line: 10 + index })),
  tech: [],
  text: "",
  ...more,
});

test("a description in the words of a good example and criteria that can be seen are clear, with nothing to add", () => {
  const good = task(
    "Build OAuth integration with Spotify API. Create Python script that authenticates user, fetches liked songs, and auto-generates weekly playlists based on mood categories.",
    [
      "OAuth flow working",
      "Can fetch user's liked songs",
      "Playlist generation logic complete",
      "Runs via cron weekly",
    ],
    { tech: ["Python", "Spotipy library", "OAuth2"], text: "- **Estimated Time:** 4 hours" },
  );
  assert.deepEqual(readRequirements(good), {
    clear: true,
    missing: [],
    criteria: good.criteria.map((one) => ({ ...one, by: "behaviour" })),
  });
});

test("a vague example is not clear, and each vague word is named with what to add", () => {
  const bad = task("Do Spotify stuff", ["When it works"], {
    tech: ["Whatever"],
    text: "### Spotify Thing\n- **Description:** Do Spotify stuff\n- **Estimated Time:** IDK",
  });
  const { clear, missing } = readRequirements(bad);
  assert.equal(clear, false);
  assert.deepEqual(missing.map(({ about, words, blocks, line }) => [about, words, blocks, line]), [
    ["wording", "stuff", true, null],
    ["description", "Do Spotify stuff", true, null],
    ["wording", "When it works", true, 10],
    ["criteria", null, true, null],
    ["detail", "Whatever", false, null],
    ["detail", "IDK", false, null],
  ]); // prettier-ignore
  for (const one of missing) assert.ok(tellMissing(one).length > 20);
  assert.equal(tellMissing(missing[0]!), `"stuff": name the parts that are meant`);
});

test("without a description, or without criteria, nothing is clear", () => {
  const told = (one: ReturnType<typeof task>) => readRequirements(one).missing.filter(({ blocks }) => blocks).map(({ about }) => about); // prettier-ignore
  const [words, criteria] = ["Show each quote with its author and date.", ["GET /quotes returns JSON"]];
  assert.deepEqual(told(task(null, criteria)), ["description"]);
  assert.deepEqual(told(task("  ", criteria)), ["description"]);
  assert.deepEqual(told(task("TBD", criteria)), ["description"]);
  assert.deepEqual(told(task("[What to build]", criteria)), ["description"]);
  assert.deepEqual(told(task("<describe the task>", criteria)), ["description"]);
  assert.deepEqual(told(task("Quotes", criteria)), ["description"]);
  assert.deepEqual(told(task("collects addresses", criteria)), []);
  assert.deepEqual(told({ ...task("collects addresses", criteria), name: "Form" }), ["description"]);
  assert.deepEqual(told(task(words, [])), ["criteria"]);
  assert.deepEqual(told(task(words, ["TBD"])), ["wording", "criteria"]);
  assert.deepEqual(told(task(words, ["Looks good", "It works"])), ["criteria"]);
  assert.deepEqual(told(task(words, criteria)), []);
});

test("one criterion that cannot be checked is told and holds nothing up; one that nobody has written does", () => {
  const some = readRequirements(task("Show each quote with its author.", ["GET /quotes returns JSON", "Looks good"]));
  assert.equal(some.clear, true);
  assert.deepEqual(some.criteria.map(({ by }) => by), ["url", null]); // prettier-ignore
  const untold = some.missing.find(({ about }) => about === "criteria")!;
  assert.equal(untold.line, 11);
  assert.match(tellMissing(untold), /^line 11: "Looks good" cannot be checked: name a path/);
  assert.equal(readRequirements(task("Show each quote with its author.", ["Login works", "more: TBD"])).clear, false);
});

test("criteria are told apart by what one can check them with", () => {
  for (const [criterion, by] of [
    ["check: npm test", "command"],
    ["Check: pytest -q tests/", "command"],
    ["`node cli.mjs --help` prints the usage", "command"],
    ["npm run build succeeds", "command"],
    ["Reachable at https://quotes.example.org/health", "url"],
    ["localhost:3000 shows the list", "url"],
    ["POST /quotes answers 201", "url"],
    ["All tests pass", "test"],
    ["Unit tests for the parser", "test"],
    ["Test coverage above the floor", "test"],
    ["test_login_expires", "test"],
    ["CI is green", "test"],
    ["src/quotes/list.ts exists", "path"],
    ["Docs in docs/", "path"],
    ["README explains the setup", "path"],
    ["Writes report.csv", "path"],
    ["~/clawd/automation/spotify_config.json", "path"],
    ["Answers within 200 ms", "number"],
    ["Creates five playlists", "number"],
    ["Retries 3 times", "number"],
    ["User can log in", "behaviour"],
    ["Login works", "behaviour"],
    ["OAuth flow working", "behaviour"],
    ["Playlist generation logic complete", "behaviour"],
    ["Runs via cron weekly", "behaviour"],
    ["Empty names are rejected", "behaviour"],
    ["Songs grouped by mood", "behaviour"],
    ["The cart survives a reload", "behaviour"],
    ["Dark mode toggle in the settings page", "behaviour"],
    ["Webhook signature verified", "behaviour"],
    ["Errors are logged", "behaviour"],
    ["Works in Node.js and Deno", "behaviour"],
    ["Der Export enthält alle Angebote", "behaviour"],
    ["It works", null],
    ["Works", null],
    ["Everything works", null],
    ["The app works", null],
    ["Feature is complete", null],
    ["Done", null],
    ["Looks good", null],
    ["Code is clean", null],
    ["Good performance", null],
    ["User-friendly", null],
    ["I am happy", null],
    ["Better than before", null],
    ["Implementation finished", null],
    ["", null],
  ] as const) {
    assert.equal(checkableBy(criterion), by, criterion);
  }
});

test("vague words are found one by one, and words that only look like them are not", () => {
  for (const [text, expected] of [
    ["Make it better", ["Make it better"]],
    ["make it a lot better", []],
    ["Just make this work", ["make this work"]],
    ["Improve things.", ["Improve things"]],
    ["Fix it", ["Fix it"]],
    ["Fix it so that a save keeps the tags", []],
    ["Import names, dates etc. from the CSV and whatever", ["etc.", "whatever"]],
    ["Parses dates, names, and so on", ["and so on"]],
    ["Build something with AI", ["Build something"]],
    ["Somehow connect it, idk", ["Somehow", "idk"]],
    ["Format: TBD. Owner: ???", ["TBD", "???"]],
    ["To be decided", ["To be decided"]],
    ["Use {{product_name}} here", ["{{product_name}}"]],
    ["Page about <insert topic>", ["<insert topic>"]],
    ["Lorem ipsum dolor", ["Lorem ipsum"]],
    ["TODO: write this", ["TODO"]],
    ["Done when everything works", ["when everything works"]],
    ["Other things", ["Other things"]],
    // Not vague:
    ["A TODO list app with due dates", []],
    ["Remove TODO comments from the parser", []],
    ['Show "TBD" where there is no date', []],
    ["Print `whatever` to stdout", []],
    ["Keep whatever the user typed", []],
    ["Stuffed animals shop with a cart", []],
    ["Read /etc/hosts and list its names", []],
    ["Read https://example.org/stuff/tbd daily", []],
    ["An Internet of Things dashboard", []],
    ["Show what went wrong when the import stops", []],
    ["Render `<div>` and List<String> as text", []],
    ["Link to [the docs](https://example.org)", []],
  ] as const) {
    const open = findVague(text).filter((one) => one.open);
    assert.deepEqual(open.map(({ words }) => words), expected, text); // prettier-ignore
  }
  assert.deepEqual(findVague("A nicer, fast page").map(({ words, open }) => [words, open]), [["nicer", false], ["fast", false]]); // prettier-ignore
});

test("a megabyte on one line is read without delay", () => {
  for (const line of ["a ".repeat(500_000), "<".repeat(1_000_000), "make it ".repeat(125_000), "/a".repeat(500_000), "\0".repeat(1_000_000)]) {
    const began = process.cpuUsage().user;
    readRequirements(task(line, [line], { text: line }));
    assert.ok((process.cpuUsage().user - began) / 1_000 < 4_000);
  } // prettier-ignore
});
