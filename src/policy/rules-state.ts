import type { YamlProblem } from "#system/yaml-problems.ts";

/** The owner's rules as they hold now, and as their file stands. */
export type RulesState = {
  /** Absolute. */
  file: string;
  /** Of the rules in force. */
  version: string;
  /** When these were taken over. */
  since: Date;
  /** What is wrong with the file as it stands; the rules before stay in force meanwhile. Null while all is well. */
  broken: { since: Date; problems: YamlProblem[] } | null;
  /** The open question whether a change of the file counts, if there is one. */
  approval: string | null;
};

/** What the owner can do about a broken file. */
export const howToMend = "Mend it and save: it is read again at once. Until then the rules before stay in force.";
