/** What the owner is asked about before a task that has it may start. */
export const waivable = [
  "destructive",
  "external",
  "money",
  "production",
  "access",
  "sensitive",
  "architecture",
] as const;
export type RiskKind = (typeof waivable)[number];

/** What each kind is called in a question to the owner. */
export const riskWords: Record<RiskKind, string> = {
  destructive: "destroys something",
  external: "reaches people outside",
  money: "moves money",
  production: "touches production",
  access: "changes who may do what",
  sensitive: "touches sensitive data",
  architecture: "changes the architecture",
};

export type RiskFinding = {
  kind: RiskKind;
  /** As they stand in the text, spacing aside: what "always allow like this" would be about. */
  words: string;
  /** Within the task's own text, from one; 0 where its name says it and the text does not. */
  line: number;
  /** The sentence, shortened. */
  sentence: string;
};
