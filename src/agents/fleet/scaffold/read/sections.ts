import type { Block, Document } from "./document.ts";

type SectionName = "purpose" | "requirements" | "api" | "dependencies" | "success" | "ignored";
export type Reason = { line: number; message: string };
export type Sections = { blocks: Record<Exclude<SectionName, "ignored">, Block[]>; problems: Reason[] };

/** The headings that are understood, without decoration (emoji, numbers, punctuation), in lower case. */
const SYNONYMS: Record<SectionName, string[]> = {
  purpose: ["purpose", "overview", "summary", "problem", "problem statement", "goal", "goals", "about"],
  requirements: [
    "requirements",
    "features",
    "functional requirements",
    "non-functional requirements",
    "constraints",
    "configuration",
    "validation",
    "storage",
    "behaviour",
    "behavior",
  ],
  api: [
    "api specs",
    "api spec",
    "api",
    "api specification",
    "api endpoints",
    "endpoints",
    "api design",
    "api reference",
    "data model",
    "data models",
    "models",
    "model",
    "schema",
  ],
  dependencies: ["dependencies", "dependency", "tech stack", "stack", "technology"],
  success: ["success criteria", "acceptance criteria", "acceptance", "success", "definition of done"],
  ignored: ["out of scope", "non-goals", "non goals", "not in scope", "changelog", "history"],
};

const SHOWN = {
  purpose: "Purpose",
  requirements: "Requirements",
  api: "API Specs",
  dependencies: "Dependencies",
  success: "Success Criteria",
};

/** Sorts the blocks under the five sections of a spec. A section that is not known is a problem, never skipped. */
export function readSections(document: Document): Sections {
  const blocks: Sections["blocks"] = { purpose: [], requirements: [], api: [], dependencies: [], success: [] };
  const problems: Reason[] = [];
  const level = sectionLevel(document.blocks);
  let current: SectionName = "purpose";
  for (const block of document.blocks) {
    if (block.kind === "heading" && block.depth === 1 && level > 1) {
      current = "purpose";
    } else if (block.kind === "heading" && block.depth === level) {
      const name = sectionNamed(block.text);
      if (name === null) {
        problems.push({
          line: block.line,
          message: `the section "${block.text}" is not one that I read: move its points to Requirements, or to "Out of scope"`,
        });
      }
      current = name ?? "ignored";
    } else if (current !== "ignored") {
      blocks[current].push(block);
    }
  }
  for (const name of Object.keys(SHOWN) as (keyof typeof SHOWN)[]) {
    const full = blocks[name].some((block) => block.kind !== "heading" && !isPlaceholder(block));
    if (!full) problems.push({ line: 1, message: `the section ${SHOWN[name]} is missing or empty: write it` });
  }
  return { blocks, problems };
}

/** Sections are level 2 under a title; a spec without any level 2 may use level 1. */
function sectionLevel(blocks: Block[]): number {
  return blocks.some((block) => block.kind === "heading" && block.depth === 2) ? 2 : 1;
}

function sectionNamed(heading: string): SectionName | null {
  const bare = heading
    .replace(/^[^\p{L}]+/u, "")
    .replace(/[^\p{L}]+$/u, "")
    .toLowerCase();
  for (const [name, words] of Object.entries(SYNONYMS)) if (words.includes(bare)) return name as SectionName;
  return null;
}

function isPlaceholder(block: Block): boolean {
  return block.kind === "text" && /^\W*(\[[^\]]*\]|todo|tbd|tba|fixme|\.\.\.)\W*$/i.test(block.text);
}
