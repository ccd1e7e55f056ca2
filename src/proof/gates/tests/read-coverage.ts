import { readFile } from "node:fs/promises";
import { isAbsolute, join, relative, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { FileCoverage } from "#proof/verdict.ts";
import type { Project } from "./project.ts";

/** A coverage report larger than this is not read: it would take the memory of all the rest. */
const REPORT_LIMIT_CHARACTERS = 64 << 20;

/** Where tools write their reports, and how to read each. The clean copy had none, so what is found is of this run. */
const reports: { path: string; read(text: string): FileCoverage[] }[] = [
  { path: "coverage/lcov.info", read: readLcov },
  { path: "lcov.info", read: readLcov },
  { path: "coverage.lcov", read: readLcov },
  { path: "coverage/coverage-summary.json", read: readSummaryJson },
  { path: "coverage.xml", read: readCobertura },
  { path: "coverage/cobertura-coverage.xml", read: readCobertura },
  { path: "coverage.json", read: readCoveragePy },
  { path: "coverage.out", read: readGoProfile },
  { path: "cover.out", read: readGoProfile },
];

/** The coverage that a stated command measured: from a report, else from the TOTAL that it printed, else null. */
export async function readCoverage(
  project: Project,
  output: string,
): Promise<FileCoverage[] | { percent: number } | null> {
  for (const folder of new Set([project.root, project.top])) {
    for (const { path, read } of reports) {
      const text = await readFile(join(folder, path), "utf8").catch(() => null);
      if (text === null || text.length > REPORT_LIMIT_CHARACTERS) continue;
      const files = read(text).filter((file) => file.total > 0);
      if (files.length > 0) return placed(files, folder, project);
    }
  }
  const percent = printedTotal(output);
  return percent === null ? null : { percent };
}

/** Paths from the service's folder, without tests and what is installed. */
function placed(files: FileCoverage[], folder: string, project: Project): FileCoverage[] {
  const tests = new Set(project.testFiles);
  return files.flatMap((file) => {
    const path = isAbsolute(file.file)
      ? relative(project.top, file.file)
      : relative(project.top, resolve(folder, file.file));
    const known = tests.has(path) || /(?:^|\/)node_modules\//.test(path);
    return known ? [] : [{ ...file, file: path }];
  });
}

function readLcov(text: string): FileCoverage[] {
  return text.split("end_of_record").flatMap((record) => {
    const file = /^SF:(.+)$/m.exec(record)?.[1]?.trim();
    if (file === undefined) return [];
    const lines = [...record.matchAll(/^DA:(\d+),(\d+)/gm)];
    const found = Number(/^LF:(\d+)/m.exec(record)?.[1] ?? lines.length);
    const hit = Number(/^LH:(\d+)/m.exec(record)?.[1] ?? lines.filter((line) => line[2] !== "0").length);
    return [{ file, covered: hit, total: found }];
  });
}

function readSummaryJson(text: string): FileCoverage[] {
  return Object.entries(objectIn(text)).flatMap(([file, value]) => {
    const lines = asObject(asObject(value).lines);
    return file === "total" ? [] : [{ file, covered: Number(lines.covered ?? 0), total: Number(lines.total ?? 0) }];
  });
}

function readCoveragePy(text: string): FileCoverage[] {
  return Object.entries(asObject(objectIn(text).files)).map(([file, value]) => {
    const summary = asObject(asObject(value).summary);
    return { file, covered: Number(summary.covered_lines ?? 0), total: Number(summary.num_statements ?? 0) };
  });
}

/** Each <class> with its <line number hits>; a file may hold several classes. */
function readCobertura(text: string): FileCoverage[] {
  const source = /<source>([^<]*)<\/source>/.exec(text)?.[1]?.trim() ?? "";
  const files = new Map<string, Map<string, boolean>>();
  for (const [, attributes, body] of text.matchAll(/<class\b([^>]*)>([\s\S]*?)<\/class>/g)) {
    const name = /filename="([^"]*)"/.exec(attributes!)?.[1];
    if (name === undefined) continue;
    const file = source !== "" && !isAbsolute(name) ? join(source, name) : name;
    const lines = files.get(file) ?? new Map<string, boolean>();
    files.set(file, lines);
    for (const [line] of body!.matchAll(/<line\b[^>]*>/g)) {
      const number = /number="(\d+)"/.exec(line)?.[1];
      if (number !== undefined) lines.set(number, lines.get(number) === true || !/hits="0"/.test(line));
    }
  }
  return [...files].map(([file, lines]) => ({
    file,
    covered: [...lines.values()].filter(Boolean).length,
    total: lines.size,
  }));
}

/** `module/pkg/file.go:3.24,5.2 2 1`: statements and how often they ran. Go counts statements, and so do we here. */
function readGoProfile(text: string): FileCoverage[] {
  const blocks = new Map<string, { file: string; statements: number; ran: boolean }>();
  for (const [, file, place, statements, runs] of text.matchAll(/^(\S+\.go):(\S+) (\d+) (\d+)$/gm)) {
    // With -coverpkg a block is listed once for each package that was tested.
    const ran = blocks.get(`${file}:${place}`)?.ran === true || runs !== "0";
    blocks.set(`${file}:${place}`, { file: file!, statements: Number(statements), ran });
  }
  const files = new Map<string, FileCoverage>();
  for (const { file, statements, ran } of blocks.values()) {
    const sum = files.get(file) ?? { file, covered: 0, total: 0 };
    files.set(file, { file, covered: sum.covered + (ran ? statements : 0), total: sum.total + statements });
  }
  return [...files.values()];
}

/** pytest-cov's `TOTAL  120  12  90%`, istanbul's `All files | 90 | 85 | 88 | 91.5 |` (lines are its fourth), node's `all files | 90.1`, go's `total: … 84.1%`. */
function printedTotal(output: string): number | null {
  const text = stripVTControlCharacters(output);
  const patterns = [
    /^TOTAL\s.*?(\d+(?:\.\d+)?)%\s*$/gm,
    /^All files\s*\|\s*[\d.]+\s*\|\s*[\d.]+\s*\|\s*[\d.]+\s*\|\s*([\d.]+)/gm,
    /^(?:#|ℹ)?\s*all files\s*\|\s*([\d.]+)/gm,
    /^total:\s+\(statements\)\s+([\d.]+)%/gm,
    /^coverage: ([\d.]+)% of statements/gm,
    /^([\d.]+)% coverage, \d+\/\d+ lines covered/gm,
  ];
  for (const pattern of patterns) {
    const percents = [...text.matchAll(pattern)].map((match) => Number(match[1])).filter((percent) => percent <= 100);
    // Several packages print several: the least of them is what can be vouched for.
    if (percents.length > 0) return Math.min(...percents);
  }
  return null;
}

function objectIn(json: string): Record<string, unknown> {
  try {
    return asObject(JSON.parse(json));
  } catch {
    return {};
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
