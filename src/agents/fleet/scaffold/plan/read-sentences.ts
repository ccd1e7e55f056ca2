export function readSentences(..._: unknown[]): void {}
