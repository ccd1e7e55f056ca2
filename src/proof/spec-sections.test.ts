import assert, { deepEqual, equal, notEqual } from "node:assert/strict";
import { test } from "node:test";
import { substanceOf } from "./placeholder.ts";
import { sectionNames } from "./section-names.ts";
import { readSpec } from "./spec-sections.ts";

const bodies = {
  Purpose: "Why.",
  Requirements: "- must",
  "API Specs": "GET /x",
  Dependencies: "None",
  "Success Criteria": "- ok",
};

/** A spec with these headings (or none, where null) and bodies in place of the usual ones. */
function spec(headings: Record<string, string | null> = {}, texts: Record<string, string> = {}): string {
  const parts = sectionNames.map((name) => {
    const heading = headings[name] === undefined ? `## ${name}` : headings[name];
    return heading === null ? "" : `${heading}\n\n${texts[name] ?? bodies[name]}\n`;
  });
  return `# A service\n\n${parts.join("\n")}`;
}

test("a spec with the five sections, each saying something, is complete", () => {
  const read = readSpec(spec());
  assert.deepEqual(read.reasons, []);
  assert.equal(read.complete, true);
  assert.equal(read.title, "A service");
});

test("each missing section is a reason that names it, and all of them are listed", () => {
  const read = readSpec("# A service\n\nSome words.\n", { file: "docs/SPECS.md" });
  assert.deepEqual(read.missing, [...sectionNames]);
  assert.deepEqual(
    read.reasons,
    sectionNames.map((name) => `docs/SPECS.md has no ${name} section`),
  );
  assert.deepEqual(readSpec(" \n").reasons, ["SPEC.md is empty"]);
});

const decorated: [string, string][] = [
  ["API Specs", "## 3. API"],
  ["API Specs", "### 🔌 API Endpoints"],
  ["API Specs", "## **API Specification**:"],
  ["API Specs", "## 2.1) REST API Design ##"],
  ["API Specs", "# ENDPOINTS"],
  ["API Specs", "## API Specs (v2)"],
  ["API Specs", "## Section 4: Routes"],
  ["Purpose", "## 1️⃣ Problem Statement"],
  ["Purpose", "## ✨ Overview ✨"],
  ["Purpose", "Purpose\n-------"],
  ["Purpose", "## Purpose & Scope"],
  ["Purpose", "## I. Goals"],
  ["Requirements", "## Key Features"],
  ["Requirements", "## Functional Requirements:"],
  ["Requirements", "## :rocket: User Stories"],
  ["Requirements", "## _Requirements_"],
  ["Dependencies", "## Tech Stack"],
  ["Dependencies", "## External Dependencies"],
  ["Dependencies", "## Third-Party Services"],
  ["Dependencies", "## [Dependencies](#deps)"],
  ["Success Criteria", "## Acceptance Criteria"],
  ["Success Criteria", "## ✅ Definition of Done"],
  ["Success Criteria", "###### Success Metrics / KPIs"],
];
for (const [name, heading] of decorated) {
  test(`"${heading.replace("\n", " ")}" is the ${name} section`, () => {
    assert.deepEqual(readSpec(spec({ [name]: heading })).reasons, []);
  });
}

for (const heading of ["## Non-Goals", "## Out of Scope", "## Error Handling", "## API Keys", "## Rollout"]) {
  test(`"${heading}" is none of the required sections`, () => {
    const [section] = readSpec(`# T\n\n${heading}\n\ntext\n`).sections;
    assert.equal(section?.name, null);
  });
}

test("the title is no section, even if it is called like one", () => {
  assert.deepEqual(readSpec(spec({ "API Specs": null }).replace("# A service", "# Quotes: API")).missing, [
    "API Specs",
  ]);
  assert.deepEqual(
    readSpec(spec({ Purpose: "# Purpose", Requirements: "# Requirements" }).replace("# A service\n", "")).missing,
    [],
  );
});

test("a heading within a code fence or a comment does not count", () => {
  assert.deepEqual(readSpec(spec({ Purpose: "```md\n## Purpose\n```" })).missing, ["Purpose"]);
  assert.deepEqual(readSpec(spec({ Purpose: "~~~~\n~~~\n## Purpose\n~~~~" })).missing, ["Purpose"]);
  assert.deepEqual(readSpec(spec({ Purpose: "<!--\n## Purpose\n-->" })).missing, ["Purpose"]);
});

const placeholders = [
  "[What problem does this solve?]",
  "TODO",
  "- TODO: describe it",
  "**TBD**",
  "...",
  "…",
  "Coming soon!",
  "<!-- say why -->",
  "<!--\nmany\nlines\n-->\n[Why?]",
  "- [ ] TODO\n- [ ] TBD\n- ",
  "1. [First]\n2. [Second]",
  "> _[Describe the purpose here]_",
  "<your text>",
  "{{purpose}}",
  "Describe the purpose here.",
  "To be defined",
  "Problem: TODO",
  "| Method | Path |\n|---|---|\n| TBD | ... |",
  "### Sub-heading\nTODO",
  "N/A",
];
for (const text of placeholders) {
  test(`"${text.replaceAll("\n", "⏎")}" is only placeholder text`, () => {
    const read = readSpec(spec({}, { Purpose: text }));
    assert.deepEqual(read.empty, ["Purpose"]);
    assert.match(read.reasons[0]!, /^SPEC\.md: Purpose is only placeholder text \(line \d+\)$/);
  });
}

for (const text of ["", "- \n- \n", "### Goals of it", "---"]) {
  test(`"${text.replaceAll("\n", "⏎")}" is nothing, and the section is empty`, () => {
    assert.deepEqual(readSpec(spec({}, { Purpose: text })).reasons, ["SPEC.md: Purpose is empty (line 3)"]);
  });
}

const answers = [
  "It keeps a todo list for people.",
  "- [ ] Answers within 1 s",
  "- [x] Answers",
  "[The design](https://example.com/design)",
  "https://example.com/design",
  '```json\n{"a": 1}\n```',
  "| Method | Path |\n|---|---|\n| GET | /quotes |",
  "### GET /quotes",
  "Port: 8080",
  "Coming soon pages are served to visitors.",
];
for (const text of answers) {
  test(`"${text.replaceAll("\n", "⏎")}" says something`, () => {
    assert.deepEqual(readSpec(spec({}, { Purpose: text })).reasons, []);
  });
}

for (const text of ["None", "- None.", "N/A", "No dependencies", "No external dependencies.", "**None**"]) {
  test(`"${text}" is an answer for Dependencies, and for no other section`, () => {
    assert.deepEqual(readSpec(spec({}, { Dependencies: text })).empty, []);
  });
}

test("a reason gives the line of the placeholder, counted in the whole file", () => {
  const read = readSpec(`---\nport: 1\n---\n# T\n\n## Purpose\n\n[Why?]\n`);
  assert.equal(read.reasons[0], "SPEC.md: Purpose is only placeholder text (line 8)");
});

test("a section left as a placeholder is not made good by a synonym elsewhere", () => {
  assert.deepEqual(readSpec(`${spec({}, { Purpose: "TODO" })}\n## Overview\n\nReal words.\n`).empty, ["Purpose"]);
});

test("a required section nested in another is its own, and does not fill the outer one", () => {
  const read = readSpec(spec({ Requirements: "## Requirements\n\n### Dependencies", Dependencies: null }));
  assert.deepEqual(read.missing, []);
  assert.deepEqual(read.empty, ["Requirements"]);
});

test("Windows line ends and a byte-order mark change nothing", () => {
  assert.deepEqual(readSpec(`\uFEFF${spec().replaceAll("\n", "\r\n")}`).reasons, []);
});

test("front matter is read, and its port wins over the text's", () => {
  const read = readSpec(`---\nport: 8101\ntest: "npm test"\nflags: { a: [1, 2] }\n---\n${spec()}\nPort: 9000\n`);
  assert.deepEqual(read.frontMatter.values, { port: 8101, test: "npm test", flags: { a: [1, 2] } });
  assert.equal(read.port, 8101);
  assert.equal(read.complete, true);
});

test("front matter that is not YAML is a reason with its line, and the sections are read all the same", () => {
  const read = readSpec(`---\nport: 8101\ntest: [npm\n---\n${spec()}`);
  assert.deepEqual(read.missing, []);
  assert.equal(read.complete, false);
  assert.match(read.reasons[0]!, /^SPEC\.md: the front matter cannot be read: .*line \d/);
});

test("plain front matter means what YAML says it means", () => {
  const { values } = readSpec("---\na: 012\nb: true\nc: 1.5\nd: yes please\ne: null\nf: 2025-11-15\n---\n").frontMatter;
  assert.deepEqual(values, { a: 12, b: true, c: 1.5, d: "yes please", e: null, f: "2025-11-15" });
});

test("a rule of dashes above the title is no front matter", () => {
  assert.equal(readSpec(`---\n\n${spec()}`).complete, true);
});

const ports: [string, number | undefined][] = [
  ["**Port:** 8123", 8123],
  ["- Port: `8123`", 8123],
  ["| Port | 8123 |", 8123],
  ["The service runs on port 8123.", 8123],
  ["PORT=8123", 8123],
  ["DB_PORT=5432", undefined],
  ["Postgres port: 5432", undefined],
  ["Port: 99999", undefined],
];
for (const [line, port] of ports) {
  test(`"${line}" ${port === undefined ? "states no port" : `states port ${port}`}`, () => {
    assert.equal(readSpec(`${spec()}\n${line}\n`).port, port);
  });
}

test("a hostile megabyte is read in well under a second", () => {
  const mega = 1 << 20;
  const started = performance.now();
  for (const text of [
    "# a\n".repeat(mega / 4),
    `## ${"1.".repeat(mega / 2)}`,
    `## ${" ".repeat(mega)}x`,
    `## Purpose\n${"-".repeat(mega)}x`,
    `## Purpose\n${". ".repeat(mega / 2)}x`,
    `## Purpose\n${"<!--".repeat(mega / 4)}`,
    `## Purpose\n${"[".repeat(mega)}`,
    "## Purpose\n".repeat(20_000),
  ]) {
    readSpec(text);
  }
  assert.ok(performance.now() - started < 8000, `took ${Math.round(performance.now() - started)} ms`);
});

const sectioned = (heading: (name: string) => string, body = "Words.") =>
  `# T\n\n${sectionNames.map((name) => `${heading(name)}\n\n${name === "API Specs" ? "### GET /\n\n" : ""}${body}\n`).join("\n")}`;

for (const heading of [
  (name: string) => `**${name}**`,
  (name: string) => `**${name}:**`,
  (name: string) => `__${name}__:`,
  (name: string) => `1. ${name}`,
  (name: string) => `##${name}`,
  (name: string) => `##\u00A0${name}`,
  (name: string) => `<h2 id="x">${name}</h2>`,
]) {
  test(`${JSON.stringify(heading("Purpose"))} is taken for a heading where there is no other`, () => {
    deepEqual(readSpec(sectioned(heading)).reasons, []);
    deepEqual(
      readSpec(sectioned(heading, "TBD")).empty,
      sectionNames.filter((name) => name !== "API Specs"),
    );
  });
}

test("what looks like a heading cuts nothing off where the section has a real one, and is none in a list or in code", () => {
  const spec = sectioned((name) => `## ${name}`, "**Dependencies**\n\n1. Purpose\n\nWords.");
  deepEqual([readSpec(spec).reasons, readSpec(spec).sections.length], [[], 6]);
  const listed = "# T\n\nContents\n1. Purpose\n2. Requirements\n\n```\n**Dependencies**\n\nNone.\n```\n";
  deepEqual(readSpec(listed).missing, [...sectionNames]);
});

test("a block that is never closed is told where it swallows sections", () => {
  const cut = sectioned((name) => `## ${name}`).replace("## Dependencies", "```json\n{}\n\n## Dependencies");
  equal(readSpec(cut).reasons.at(-1), "SPEC.md: the code block that begins in line 17 is never closed");
});

for (const text of [
  "(fill in)",
  "Purpose goes here.",
  "1.",
  "N.A.",
  "To do",
  "$PURPOSE",
  "\\[What problem does it solve?\\]",
  "[What problem\ndoes it solve?]",
  "\u200B&nbsp;",
]) {
  test(`${JSON.stringify(text)} says nothing yet`, () => notEqual(substanceOf(text), "text"));
}
