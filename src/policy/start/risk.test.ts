import assert from "node:assert/strict";
import { test } from "node:test";
import { QueueSettings } from "./queue-settings.ts";
import { ruleLike } from "./allow-rule.ts";
import type { RiskKind } from "./risk-kinds.ts";
import { findRisk } from "./risk.ts";

const task = (text: string, name = "A task") => ({ name, text, description: null, criteria: [], tech: [] });
const kinds = (text: string) => [...new Set(findRisk(task(text)).found.map(({ kind }) => kind))].toSorted();

const corpus: [text: string, expected: RiskKind[]][] = [
  // Destroys something.
  ["Drop the users table", ["destructive"]],
  ["Run `DROP TABLE users;` and load the new dump", ["destructive"]],
  ["Delete all customer records older than a year", ["destructive"]],
  ["Clean up with rm -rf ~/data", ["destructive"]],
  ["Old backups are deleted after the move", ["destructive"]],
  ["Wipe the disk and install Debian", ["destructive"]],
  ["git push --force to main", ["destructive"]],
  ["Don't forget to delete the old accounts", ["destructive"]],
  ["Do not ask; truncate the orders table", ["destructive"]],
  ["Reset the database every night", ["destructive"]],
  ["Add a delete button to each row of the table", []],
  ["Users can delete their account", []],
  ["Endpoint to delete a user", []],
  ["Allow admins to create, edit and delete records", []],
  ["Do not delete any files", []],
  ["Never drops tables", []],
  ["Drag and drop files onto the page", []],
  ["Remove trailing whitespace and unused imports", []],
  ["A drop-down with all tables", []],
  ["Tests delete the temporary folder afterwards", []],
  // Reaches people outside.
  ["Send the newsletter to all customers", ["external"]],
  ["Email every lead from the fair", ["external"]],
  ["Tweet about the launch", ["external"]],
  ["Post the weekly summary to LinkedIn", ["external"]],
  ["A welcome email is sent on sign-up", ["external"]],
  ["Publish the package to npm", ["external"]],
  ["Call the customers who did not pay", ["external"]],
  ["Not only draft but send the invitations", ["external"]],
  ["No emails are sent", []],
  ["The form has an email field", []],
  ["Email field in a form, validated", []],
  ["No emails, posts or purchases", []],
  ["It never sends or posts any messages", []],
  ["Do not email customers", []],
  ["Email template with the logo", []],
  ["Sends a message to the worker queue", []],
  ["Send emails with a fake SMTP server", []],
  ["POST /messages answers 201", []],
  ["Blog post page with a share button", []],
  // Moves money.
  ["Charge the card for the yearly plan", ["money"]],
  ["Buy the domain quotes.example", ["money"]],
  ["Refund the customers of May", ["money"]],
  ["Transfer $500 to the supplier", ["money"]],
  ["Cards are charged on the first of the month", []], // replaced below
  ["Place an order for new stickers", ["money"]],
  ["Purchase history page with a buy button", []],
  ["Charge the card in Stripe's test mode", []],
  ["Customers can buy a subscription", []],
  ["Invoice template as PDF", []],
  ["Show the battery charge in the header", []],
  ["Order the list by date", []],
  // Touches production.
  ["Deploy to prod", ["production"]],
  ["Deploy the app", ["production"]],
  ["Restart the production server", ["production"]],
  ["Change the DNS records to the new host", ["production"]],
  ["Fix the error in production", ["production"]],
  ["No downtime deploy to production", ["production"]],
  ["Production-ready code with types", []],
  ["Production build below 200 KB", []],
  ["Deploy to staging", []],
  ["Write the deploy guide", []],
  ["Do not deploy to production", []],
  ["Production must not be touched", []],
  // Changes who may do what.
  ["Rotate the API keys", ["access"]],
  ["Grant Kim access to the repository", ["access"]],
  ["Add the contractor as an admin", ["access"]],
  ["chmod 777 /srv", ["access"]],
  ["Revoke tokens of former staff", ["access"]],
  ["API key field in the settings form", []],
  ["The session token expires after an hour", []],
  ["Add a chart to the admin page", []],
  // Touches sensitive data.
  ["Export all customers' emails to a CSV", ["sensitive"]],
  ["Import the patient records", ["sensitive"]],
  ["Analyse my bank transactions", ["sensitive"]],
  ["Read the .env file of the shop", ["sensitive"]],
  ["No personal data is stored", []],
  ["Password field with a strength meter", []],
  ["Fetches the user's liked songs", []],
  // Changes the architecture.
  ["Rewrite the backend in Rust", ["architecture"]],
  ["Migrate from MySQL to Postgres", ["architecture"]],
  ["Split the monolith into services", ["architecture"]],
  ["Change the database schema for tags", ["architecture"]],
  ["Redesign the landing page", []],
  ["Rewrite the README", []],
  ["Draw an architecture diagram", []],
  // Several at once, and none at all.
  ["Deploy to production, then email all users", ["external", "production"]],
  ["No emails are sent, but the users table is dropped", ["destructive"]],
  ["Build OAuth integration with Spotify API. Create Python script that authenticates user, fetches liked songs, and auto-generates weekly playlists based on mood categories.", []],
  ["OAuth flow working", []],
  ["Runs via cron weekly", []],
  ["Dark mode toggle, saved per user", []],
  ["Parse CSV exports and group them by month", []],
]; // prettier-ignore
corpus[corpus.findIndex(([text]) => text.startsWith("Cards are charged"))]![1] = ["money"];

for (const [text, expected] of corpus)
  test(`"${text.slice(0, 70)}" ${expected.length === 0 ? "asks nothing" : `asks about ${expected.join(" and ")}`}`, () => {
    assert.deepEqual(kinds(text), expected, JSON.stringify(findRisk(task(text)).found));
  });

test("each finding has its words, its line and its sentence, also over a broken line and from the name", () => {
  const text = "- [ ] Spring clean\n  Copy the list. Then drop the\n  users table at once.\n- check: npm test\n";
  assert.deepEqual(findRisk(task(text, "Deploy to prod")).found, [
    { kind: "production", words: "Deploy to prod", line: 0, sentence: "Deploy to prod" },
    { kind: "destructive", words: "drop the users table", line: 2, sentence: "Then drop the users table at once." },
  ]);
});

test("points under a heading of what is out of scope ask nothing, and those after it do", () => {
  const text =
    "**Out of scope:**\n- Sending emails to customers\n- Deploying to production\n\nThen rotate the API keys.";
  assert.deepEqual(kinds(text), ["access"]);
  assert.deepEqual(kinds("Out of scope: email all customers, deploy to production"), []);
  assert.deepEqual(kinds("- Out of scope:\n  - Deploy to prod\n- Rotate the API keys"), ["access"]);
});

test("invisible letters, emphasis, look-alikes and quotes hide nothing", () => {
  for (const text of [
    "Dr\u200Bop the us\u00ADers ta\u2060ble",
    "**Drop** the `users` table",
    "Ｄｒｏｐ the users table",
    "DROP THE USERS TABLE",
    "Drop  the\tusers \u00A0table",
  ])
    // prettier-ignore
    assert.deepEqual(kinds(text), ["destructive"], text);
});

test("an owner's rule answers for its kind and words, and for nothing else", () => {
  const allow = (...rules: unknown[]) => QueueSettings.parse({ allow: rules }).allow;
  const open = (text: string, rules: ReturnType<typeof allow>, name?: string) => findRisk(task(text, name), rules).found.map(({ words }) => words); // prettier-ignore
  const text = "Send the newsletter to all customers. Deploy to prod.";
  assert.deepEqual(open(text, allow({ kind: "external", pattern: "send the newsletter*" })), ["Deploy to prod"]);
  assert.deepEqual(open(text, allow({ kind: "production", pattern: "send the newsletter*" })).length, 2);
  assert.deepEqual(open(text, allow({ kind: "external", pattern: "newsletter" })).length, 2);
  assert.deepEqual(open(text, allow({ kind: "external", pattern: "*" }, { kind: "production", pattern: "DEPLOY  to prod" })), []); // prettier-ignore
  assert.deepEqual(open(text, allow({ kind: "external", pattern: "*", task: "Weekly *" }), "Monthly mail").length, 2);
  assert.deepEqual(open(text, allow({ kind: "external", pattern: "*", task: "Weekly *" }), "Weekly mail").length, 1);
  const one = findRisk(task("Then rm -rf build/*")).found[0]!;
  assert.deepEqual(open("Then rm -rf build/*", [ruleLike(one)]), []);
  assert.deepEqual(open("Then rm -rf build/../..", [ruleLike(one)]).length, 1);
  assert.equal(findRisk(task("Then rm -rf build/*"), [ruleLike(one)]).waived[0]?.by.kind, "destructive");
});

test("a megabyte on one line, or in many, is read without delay", () => {
  for (const text of ["drop the ".repeat(110_000), "no ".repeat(330_000), "send a, ".repeat(125_000), "users can delete or ".repeat(50_000), "x".repeat(1_000_000), "- drop the users table\n".repeat(2_000)]) {
    const began = performance.now();
    findRisk(task(text));
    assert.ok(performance.now() - began < 8_000, `${text.slice(0, 20)} ${performance.now() - began}`);
  } // prettier-ignore
});
