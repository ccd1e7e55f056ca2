import type { Figure } from "./bench.ts";
import type { Machine } from "./machine.ts";

export type Results = { date: string; machine: Machine; figures: Figure[]; failed: string[] };

/** The results as the Markdown that the README shows. */
export function resultsTable({ date, machine, figures }: Results): string {
  const rows = figures.map((figure) => [
    figure.name,
    shown(figure.value, figure.unit),
    figure.p99 === undefined || figure.unit === "/s" ? rangeOf(figure) : shown(figure.p99, figure.unit),
    String(figure.n),
    figure.goal ? `${figure.goal.text} ${figure.goal.met ? "✔" : "✖"}` : "",
    figure.how,
  ]);
  return [
    `| what | median | p99 or range | n | goal | how |`,
    `| --- | ---: | ---: | ---: | --- | --- |`,
    ...rows.map((cells) => `| ${cells.join(" | ")} |`),
    "",
    `${date.slice(0, 10)} on ${machine.cores} × ${machine.cpu}, ${machine.memoryGib} GiB, ${machine.system}, ${machine.kernel}, Node ${machine.node}, load ${machine.load} before it began.`,
    "",
  ].join("\n");
}

function rangeOf({ min, max, unit }: Figure): string {
  return min === undefined || max === undefined ? "" : `${shown(min, unit)} … ${shown(max, unit)}`;
}

function shown(value: number, unit: Figure["unit"]): string {
  const digits = value >= 100 || unit === "/s" ? 0 : value >= 10 ? 1 : 2;
  const number = value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: 0 });
  return unit === "/s" ? `${number}/s` : `${number} ${unit}`;
}
