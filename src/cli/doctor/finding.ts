import type { Rules, Settings } from "#config.ts";

export type Finding = {
  check: string;
  level: "ok" | "warn" | "fail";
  /** What was found, in a sentence. */
  found: string;
  /** What to do about it; null where nothing is. */
  next: string | null;
};

/** What every check is given. */
export type Patient = {
  settings: Settings;
  rules: Rules;
  problems: string[];
  environment: Record<string, string | undefined>;
};

/** One thing that is looked at. It never throws for what it looks for: that is its finding. */
export type Check = (patient: Patient) => Promise<Finding[]>;

export const ok = (check: string, found: string): Finding => ({ check, level: "ok", found, next: null });
export const warn = (check: string, found: string, next: string): Finding => ({ check, level: "warn", found, next });
export const fail = (check: string, found: string, next: string): Finding => ({ check, level: "fail", found, next });
