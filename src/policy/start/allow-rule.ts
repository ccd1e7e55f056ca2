import type { AllowRule } from "./queue-settings.ts";
import type { RiskFinding } from "./risk-kinds.ts";

export type { AllowRule };

/** Whether an owner's rule answers for what was found: its kind, all of its words, and the task where the rule names one. */
export function allows(rule: AllowRule, finding: Pick<RiskFinding, "kind" | "words">, taskName: string): boolean {
  return (
    rule.kind === finding.kind &&
    fits(rule.pattern, finding.words) &&
    (rule.task === undefined || fits(rule.task, taskName))
  );
}

/** What "always allow like this" writes into steward.yaml: these very words, for any task. */
export function ruleLike(finding: Pick<RiskFinding, "kind" | "words">): AllowRule {
  return { kind: finding.kind, pattern: calm(finding.words).replaceAll("*", "\\*") };
}

/** The whole text, case and spacing aside; `*` is any text, also none, and `\*` a star. In one pass, without going back over the text. */
function fits(pattern: string, text: string): boolean {
  const parts = calm(pattern)
    .split(/(?<!\\)\*/)
    .map((part) => part.replaceAll("\\*", "*"));
  const rest = calm(text);
  if (parts.length === 1) return rest === parts[0];
  const [first, last] = [parts[0]!, parts.at(-1)!];
  if (!rest.startsWith(first) || !rest.endsWith(last) || rest.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = rest.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= rest.length - last.length;
}

function calm(text: string): string {
  return text.toLowerCase().replace(/\s+/g, " ").trim();
}
