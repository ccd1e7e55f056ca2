const MASK = "[secret]";

/** Shorter values are left alone: masking every "1" or "dev" hides nothing and makes the text unreadable. */
const SHORTEST = 4;

/**
 * Takes known secret values out of a text: as they are, and as they look in a URL, a JSON string or in base64.
 * The longest first, so that a secret that contains another goes whole.
 */
export function redact(text: string, secrets: Iterable<string>): string {
  const forms = new Set([...secrets].filter((secret) => secret.length >= SHORTEST).flatMap(formsOf));
  const longestFirst = [...forms].toSorted((a, b) => b.length - a.length);
  return longestFirst.reduce((clean, form) => clean.replaceAll(form, MASK), text);
}

function formsOf(secret: string): string[] {
  return [
    secret,
    // A secret of several lines is found in a log of single lines too.
    ...secret.split(/\r?\n/).filter((line) => line.trim().length >= 8),
    encodeURIComponent(secret),
    encodeURIComponent(secret).replaceAll("%20", "+"),
    JSON.stringify(secret).slice(1, -1),
    ...base64Forms(Buffer.from(secret)),
  ];
}

/**
 * Base64 has three looks, by where in its groups of three bytes a secret begins, such as after "user:" in a header.
 * The characters at both ends depend on the neighbours and are left out.
 */
function base64Forms(secret: Buffer): string[] {
  const forms = [0, 1, 2].map((lead) => {
    const encoded = Buffer.concat([Buffer.alloc(lead), secret])
      .toString("base64")
      .replace(/=+$/, "");
    const start = lead === 0 ? 0 : lead + 1;
    const end = (lead + secret.length) % 3 === 0 ? encoded.length : encoded.length - 1;
    return encoded.slice(start, end);
  });
  const plain = [secret.toString("base64"), ...forms].filter((form) => form.length >= 6);
  return plain.flatMap((form) => [form, form.replaceAll("+", "-").replaceAll("/", "_")]);
}
