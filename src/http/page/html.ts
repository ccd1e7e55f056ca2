/** Markup that is safe to send: made by `html` alone. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | number | Html | null | false | readonly Value[];

/**
 * Markup with values in it. A text is text, whatever is in it: names, reasons and questions come from folders, files and
 * agents. Only what `html` made itself goes in as it is. Null and false are nothing, a list is its parts.
 */
export function html(parts: TemplateStringsArray, ...values: Value[]): Html {
  return new Html(parts.map((part, index) => part + (index < values.length ? shown(values[index]!) : "")).join(""));
}

function shown(value: Value): string {
  if (value === null || value === false) return "";
  if (value instanceof Html) return value.text;
  return typeof value === "object" ? value.map(shown).join("") : escape(String(value));
}

/** Also safe within an attribute that stands in double quotes. Control codes are no text that HTML may have. */
function escape(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, "\ufffd")
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
