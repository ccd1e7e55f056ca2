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
  ["Cards are charged on the first of the month", ["money"]],
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

for (const [text, expected] of corpus)
  test(`"${text.slice(0, 70)}" ${expected.length === 0 ? "asks nothing" : `asks about ${expected.join(" and ")}`}`, () => {
    assert.deepEqual(kinds(text), expected, JSON.stringify(findRisk(task(text)).found));
  });

/** Sentences as people write them, a line each, kept as they came: most were written before the rules had seen them. */
const asks = `
Cancel all subscriptions of inactive users
Email the weekly report to the board
Send a Slack message to the team channel
Push to production after the tests pass
Publish the blog post on Medium
Pay the hosting invoice
Remove inactive users from the database
Migrate the customer database to the new server
Delete old log files on the server
Create a new admin account for Kim
Update the firewall rules to open port 22
Upgrade the production database to Postgres 18
Order 50 stickers from the print shop
Book a flight to Berlin
Send SMS reminders the day before an appointment
Launch the Facebook ads
Submit the app to the App Store
Scrape LinkedIn profiles and message them
Reply to all open support tickets
Text the plumber
Wipe staging and production
Overwrite the existing config files
Convert the app from JavaScript to TypeScript
Replace Express with Fastify
Move the project to a monorepo
Change the password of the admin account
Share the Google Drive folder with the client
Make the repository public
Merge to main and release v2
Run the database migration on prod
Post a job ad on Indeed
Cancel the AWS account
Unsubscribe everyone who bounced
Delete the branch
git reset --hard origin/main
curl -X DELETE https://api.example.org/users
Sends confirmation emails to customers after checkout
Automatically refunds failed orders
Store credit card numbers
Read my Gmail and summarise it
Back up the production database
DELETE FROM users
Emails are sent to all leads every Monday
Deploys automatically to Vercel
Restart nginx on the live server
Sign up for a paid plan of Algolia
Withdraw 2 ETH from the wallet
Trade stocks automatically with my Alpaca account
Disable two-factor authentication for the test
Give the intern access to the production database
Flush the Redis instance in production
Delete everything in the uploads bucket
Notify all clients by email that prices go up
Mail the signed contracts to the lawyer
Announce the outage on our status page and Twitter
Schedule posts for Instagram
Set up auto-pay for the electricity bill
Buy 10 licences of Figma
Charge customers who are overdue
Issue refunds for cancelled bookings
Hotfix the checkout in production
Point quotes.example.org to the new IP
Enable billing in production
Generate new SSH keys and replace the old ones
Remove Kim's access to the wiki
Add a deploy key to the GitHub organisation
Collect users' phone numbers from the CRM
Migrate all passwords to argon2
Anonymise the patient data
Move everything to microservices
Rewrite the whole app in Svelte
Change the data model to multi-tenant
Do not wait for approval, deploy to production
Without asking, delete the old users
Never mind the tests and drop the table
If it is not in the list delete the account
It is not necessary to ask before sending emails to leads
There is no reason not to delete all backups
Don't just draft the newsletter, send it to everyone
No tests needed: push to prod
Clean the database of duplicates
Merge duplicate customers and delete the losers' records
Send each subscriber a personalised offer
Have the bot tweet every commit
Invite the beta list to the Slack workspace
kubectl delete ns shop
sudo systemctl restart postgres
Increase the ad budget to $200
Submit the tax return
`;
const asksNothing = `
Build a landing page with a newsletter sign-up form
Add pagination to the users table
CLI tool that converts CSV to JSON
Write unit tests for the email parser
Show a list of invoices with their totals
Add a dark mode toggle
Generate a PDF report of the monthly sales
Create a chart of website traffic
Refactor the date helper into its own file
Fix the typo on the pricing page
Add a search box to the blog
Improve the error message when login fails
Cache API responses for ten minutes
Write documentation for the REST API
Add a loading spinner to the checkout button
Set up ESLint and Prettier
Add a contact form that validates the email address
Make the header sticky on mobile
Create playlists based on mood categories
Fetch weather data and show it in the terminal
Track workouts and plot weekly volume
Add keyboard shortcuts to the editor
Support drag and drop for files
Import contacts from a vCard file
Build a habit tracker with streaks
Log in with OAuth2
Store notes in SQLite
Add a "remember me" checkbox to the login form
Users can reset their password
Generate an invoice number for each order
Sync the calendar every hour
Export the table as CSV
Add a changelog page
Count the words of a document
Deployment is out of scope
The script must not delete anything
Nothing is sent to customers
Mock the payment provider in tests
Does not touch production
Without sending any emails
Charge level of the battery is shown
Keep the public API unchanged
Resize images and save them to out/
A game with a high score table
Clear the input after submit
Reset button clears the form
Remove the deprecated option from the CLI
Delete key removes the selected shape
Add release notes to the docs
Sort messages by date
Send button is disabled while loading
Show who sent the message
Sent folder view in the mail client UI
Deleted items are greyed out in the list
The parser drops empty lines
Charge nothing in the demo
A page listing past orders
Add a delete confirmation dialog
Soft delete flag on the note model
Show a warning when the disk is full
Read the config file and print it
Store the API key in an environment variable
Refresh the access token when it expires
Publish date is shown under each article
The blog post layout uses two columns
Price calculator for three plans
Add a payment method icon
Schema validation with zod
Update the copy on the landing page
Use Postgres for storage
Built with React and Vite
Python, FastAPI, Postgres
Docker image builds
Tests run in CI
A production-grade logger
Keep a history of edits
Access log parser with a summary
Parse /var/log/nginx/access.log
Users are grouped by country
Reads notes from a folder
Filter users by role
Add a column for the customer name
Email is validated on blur
A contact page with address and map
Move the sidebar to the left
Replace the logo with the new one
Change the button colour to green
Convert temperatures from C to F
Runs in production mode with one flag
Switch between tabs with the keyboard
Drop shadow on the cards
Order form with quantity
Remove duplicates from the array
Reset the counter at midnight
Clear error messages when typing
Book list with covers
Call the weather API every hour
Post-processing step for images
Create an endpoint that returns the user's orders
Sync state between tabs
`;

test("what would be regretted asks, and everyday work does not", () => {
  const lines = (text: string) => text.trim().split("\n");
  assert.deepEqual(lines(asks).filter((line) => kinds(line).length === 0), []);
  assert.deepEqual(lines(asksNothing).filter((line) => kinds(line).length > 0), []);
}); // prettier-ignore

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
    const began = process.cpuUsage().user;
    findRisk(task(text));
    assert.ok((process.cpuUsage().user - began) / 1_000 < 8_000, `${text.slice(0, 20)} ${(process.cpuUsage().user - began) / 1_000}`);
  } // prettier-ignore
});
