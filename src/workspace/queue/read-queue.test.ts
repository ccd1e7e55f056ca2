import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { labelOf } from "./label-of.ts";
import { readCertain } from "./read-certain.ts";
import { readMarkdown } from "./read-markdown.ts";
import { readQueue } from "./read-queue.ts";

const zone = "America/Chicago";

test("what is read without the parser is what the parser reads", () => {
  const folder = join(import.meta.dirname, "corpus");
  const pieces = [
    "**Label:** text",
    "a `code b` c",
    "plain, (text)",
    "[link](a/b.md) - x",
    "**bold** x",
    "x: y",
    "é 🎵 ü",
    "a)",
  ];
  let state = 7;
  const random = (below: number): number => (state = (state * 48271) % 2147483647) % below;
  const any = (): string => Array.from({ length: 1 + random(3) }, () => pieces[random(pieces.length)]!).join(" ");
  const documents = Array.from({ length: 300 }, () =>
    Array.from({ length: 1 + random(8) }, () => {
      const kind = random(7);
      if (kind === 0) return "";
      if (kind === 1) return `${"#".repeat(1 + random(6))} ${any()}`;
      if (kind === 2) return `\n| a | b |\n|---|:-:|\n| ${any()} | ${any()} |\n`;
      return `${"  ".repeat(random(3))}${"-*+"[random(3)]} ${["", "[ ] ", "[x] "][random(3)]}${any()}`;
    })
      .join("\n")
      .split("\n"),
  );
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".md"))) {
    const lines = readFileSync(join(folder, file), "utf8").replace("\uFEFF", "").split(/\r?\n/);
    for (let at = 0; at < lines.length; at++) documents.push([lines[at]!], lines.slice(at, at + 4));
  }
  let certain = 0;
  for (const lines of documents) {
    const read = readCertain(lines, 0, lines.length);
    if (read === null) continue;
    certain++;
    assert.deepEqual(read, readMarkdown(lines, 0, "").blocks, lines.join("\n"));
  }
  assert.ok(certain > 300, `only ${certain} were certain`);
});

test("five thousand tasks with their details are read in a moment", () => {
  const lines = Array.from({ length: 5000 }, (_, i) => `- [ ] Task ${i} - Added: 2026-02-06 15:00 - Priority: High\n`);
  const details = Array.from(
    { length: 5000 },
    (_, i) => `### Task ${i}\n- **Description:** thing ${i}\n- **Tech Stack:** Go\n\n`,
  );
  const started = process.cpuUsage();
  const { tasks, problems } = readQueue(
    `## Active Queue\n\n${lines.join("")}\n## Task Details\n\n${details.join("")}`,
    { zone },
  );
  const { user, system } = process.cpuUsage(started);
  assert.equal(tasks.length, 5000);
  assert.deepEqual(problems, []);
  assert.equal(tasks[4999]!.description, "thing 4999");
  assert.equal(new Set(tasks.map(({ key }) => key)).size, 5000);
  // 250 to 450 ms on an idle core, wherever it is measured; the parser alone takes ten seconds.
  assert.ok(user + system < 3_000_000, `${Math.round((user + system) / 1000)} ms of processor time`);
});

const hostile: Record<string, string> = {
  "a name of 1 MB": `- [ ] ${"a".repeat(1 << 20)}\n- [ ] after\n`,
  "emphasis without end": `- [ ] ${"*a ".repeat(350_000)}\n- [ ] after\n`,
  "a million brackets": `${"[".repeat(1_000_000)}\n\n- [ ] after\n`,
  "brackets in many lines": `${`${"[".repeat(150)}\n`.repeat(2000)}\n- [ ] after\n`,
  "quotes in quotes": `${">".repeat(100_000)}\n\n- [ ] after\n`,
  "lists in lists": `${Array.from({ length: 1000 }, (_, i) => `${"  ".repeat(i)}- x\n`).join("")}- [ ] after\n`,
  "ten thousand bullets below one": `- [ ] x\n${"  - y_z\n".repeat(10_000)}- [ ] after\n`,
  "fences, open and closed": `${"```\n".repeat(20_000)}- [ ] after\n`,
  "blanks within a line": `- [ ] a${" ".repeat(7000)}b\n- [ ] after\n`,
  "NUL bytes": "- [ ] a\0b\n\0\n- [ ] after\n",
  "lone surrogates": "- [ ] a\uD800b\uDC80\n- [ ] after\n",
  "only carriage returns": "- [ ] a\r- [ ] after\r",
};

for (const [what, text] of Object.entries(hostile)) {
  test(`hostile text neither throws, nor hides what stands below it, nor takes long: ${what}`, () => {
    const started = process.cpuUsage();
    const queue = readQueue(text, { zone });
    const { user, system } = process.cpuUsage(started);
    assert.equal(queue.tasks.at(-1)?.name, "after");
    assert.ok(queue.tasks.every(({ key }) => /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(key) && key.length <= 60));
    assert.ok(user + system < 4_000_000, `${Math.round((user + system) / 1000)} ms of processor time`);
  });
}

test("any bytes are read without throwing", () => {
  let state = 99;
  const random = (below: number): number => (state = (state * 48271) % 2147483647) % below;
  const bits = [
    "- [ ] ",
    "\n",
    "\r\n",
    "#",
    "## Queue\n",
    "|",
    "|-|-|\n",
    "```\n",
    "<!--",
    "-->",
    "**",
    "[",
    "](",
    ")",
    " - Priority: ",
    "\0",
    "\t",
    "  ",
    "é",
    ">",
    "~~",
    "`",
    "\\",
    "1. ",
    "---\n",
    "x",
  ];
  for (let round = 0; round < 400; round++) {
    const text = Array.from({ length: random(60) }, () => bits[random(bits.length)]).join("");
    assert.ok(readQueue(text, { zone }).tasks.length < 60);
  }
});

test("a label is short, never empty and never a path, and different names have different ones", () => {
  const names = [
    "Spotify Integration",
    "'; rm -rf ~ #",
    "$(reboot)",
    "../../etc/passwd",
    "",
    "...",
    "日本語",
    "中文",
    "a\0b",
    "Ünïcode Ça",
    "x".repeat(1 << 20),
    `${"x".repeat(1 << 20)}y`,
  ];
  const labels = names.map(labelOf);
  for (const label of labels) assert.match(label, /^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?$/);
  assert.equal(new Set(labels).size, labels.length);
  assert.equal(labels[0], "spotify-integration");
  assert.equal(labelOf("Unicode Ca"), labelOf("Ünïcode Ça"));
  for (const label of labels) assert.equal(labelOf(label), label, "a label is its own label");
});
