import { styleText } from "node:util";

/** Data, for programs and people: stdout holds nothing else. */
export function print(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Talk, for people: stderr. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** For what goes on for long: talk on stderr, or with --json one line of data for each thing said. */
export function talker(json: boolean | undefined): (line: string) => void {
  return json ? (line) => print(JSON.stringify({ says: line })) : say;
}

/** What an answer is to a program, and to a person. */
export function answer(json: boolean | undefined, data: unknown, text: string): void {
  if (json) printJson(data);
  else print(text);
}

type Style = Parameters<typeof styleText>[0];

/** Styled where stdout is a terminal that wants it: NO_COLOR and pipes get plain text. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout, validateStream: true });
}
