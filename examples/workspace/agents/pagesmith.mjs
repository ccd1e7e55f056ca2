#!/usr/bin/env node
/**
 * Pagesmith: an example of bringing your own agent. Any program can be one. Steward starts it in a copy of the service's
 * folder, with the ticket as text on stdin and as JSON in the file that STEWARD_TICKET_FILE names; it does its work, prints
 * what it does, and exits. Steward then checks the result itself: exit 0 proves nothing.
 *
 * This one builds small websites: it reads ./SPEC.md and writes ./BUILD, with the page's words taken from the spec and the
 * code from pagesmith-site/ beside this file. It asks no model, so that the example runs anywhere.
 */
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";

const SITE = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "pagesmith-site");

const ticket = await readTicket(process.env.STEWARD_TICKET_FILE);
const service = process.env.STEWARD_SERVICE ?? path.basename(process.cwd());
console.log(`pagesmith: ${ticket.kind ?? process.env.STEWARD_KIND ?? "build"} for ${service}`);

const page = readSpec(await readFile("SPEC.md", "utf8"));
if (page.points.length === 0) {
  // Saying no is better than building the wrong thing: the ticket goes to another agent.
  const reasons = ["SPEC.md has no section \"Page\" with points: I build websites, nothing else"];
  if (process.env.STEWARD_REPORT_FILE) await writeFile(process.env.STEWARD_REPORT_FILE, JSON.stringify({ outcome: "refused", reasons }));
  console.log(`pagesmith: refused: ${reasons[0]}`);
  process.exit(process.env.STEWARD_REPORT_FILE ? 0 : 1);
}
console.log(`pagesmith: read SPEC.md: "${page.title}", ${page.points.length} points, port ${page.port}`);

// A ticket to fix something or to add tests gets the same answer: what is missing or was changed is written anew.
const files = { ...(await siteFiles()), ...pageFiles(page) };
for (const [name, text] of Object.entries(files)) {
  const file = path.join("BUILD", name);
  const before = await readFile(file, "utf8").catch(() => null);
  if (before === text) continue;
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  console.log(`pagesmith: ${before === null ? "wrote" : "repaired"} ${file}`);
}
console.log("pagesmith: done");

/** The ticket is JSON; started by hand there is none, and then everything is built. */
async function readTicket(file) {
  return file ? JSON.parse(await readFile(file, "utf8")) : {};
}

/** What the page says: the title, the purpose, and the points of the spec's section "Page". */
function readSpec(text) {
  const sections = text.split(/^## /m);
  const section = (name) => sections.find((part) => part.split("\n")[0].includes(name))?.split("\n").slice(1) ?? [];
  return {
    title: /^# (.+)$/m.exec(text)?.[1].trim() ?? "Welcome",
    purpose: section("Purpose").join(" ").replace(/\s+/g, " ").trim(),
    points: section("Page").filter((line) => /^[-*] /.test(line)).map((line) => line.slice(2).trim()),
    port: Number(/\bport (\d{2,5})\b/i.exec(text)?.[1] ?? 8080),
  };
}

async function siteFiles() {
  const names = (await readdir(SITE, { recursive: true })).filter((name) => name.endsWith(".js"));
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(path.join(SITE, name), "utf8")])));
}

/** Text of the spec enters the files as JSON only; the server escapes it when it makes the page. */
function pageFiles(page) {
  const manifest = {
    name: "website",
    version: "1.0.0",
    private: true,
    type: "module",
    engines: { node: ">=20" },
    scripts: { start: "node src/main.js", test: "node --test" },
  };
  return {
    "src/content.json": `${JSON.stringify(page, null, 2)}\n`,
    "package.json": `${JSON.stringify(manifest, null, 2)}\n`,
    ".env.example": `PORT=${page.port}
HOST=127.0.0.1
# The folder in which sign-ups are kept.
DATA_DIR=./data
`,
    ".dockerignore": "data\ntests\n.env\n",
    Dockerfile: `FROM node:24-slim
WORKDIR /service
COPY package.json ./
COPY src ./src
RUN mkdir /data && chown node:node /data
USER node
ENV HOST=0.0.0.0 PORT=${page.port} DATA_DIR=/data
EXPOSE ${page.port}
CMD ["node", "src/main.js"]
`,
    "README.md": `# Website

One page and a sign-up form, written by pagesmith from SPEC.md.

\`npm start\` serves it on http://127.0.0.1:${page.port}, \`npm test\` tests it. Settings are in \`.env.example\`. Sign-ups are kept in
\`DATA_DIR/signups.txt\`, one address a line, each flushed to the disk before it is thanked for.
`,
  };
}
