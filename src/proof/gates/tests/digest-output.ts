import { stripVTControlCharacters } from "node:util";

/** What goes into a ticket: enough for a fixer to see what broke, little enough to be read. */
const OUTPUT_CHARACTERS = 16_000;
const FAILING_CHARACTERS = 6_000;

const telling =
  /\b(?:FAIL(?:ED|URE)?|Error|Exception|panicked|AssertionError|not ok|Traceback|assert(?:ion)?)\b|^E\s|✖|✗|✕|×|^\s*(?:npm (?:ERR!|error)|ERROR:)/;

/** The failing lines first, each once, then the end of what was printed; no colours, no control characters. */
export function digestOutput(output: string): string {
  const plain = stripVTControlCharacters(output)
    .replaceAll("\r\n", "\n")
    // eslint-disable-next-line no-control-regex
    .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "");
  if (plain.length <= OUTPUT_CHARACTERS - FAILING_CHARACTERS) return plain;
  const lines = new Set(
    plain
      .split("\n")
      .filter((line) => telling.test(line))
      .map((line) => line.slice(0, 300)),
  );
  const failing = [...lines].join("\n").slice(0, FAILING_CHARACTERS);
  const tail = plain.slice(-(OUTPUT_CHARACTERS - FAILING_CHARACTERS));
  return failing === "" ? tail : `${failing}\n…\n${tail}`;
}
