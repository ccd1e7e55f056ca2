import { join } from "node:path";
import { Failure, messageOf } from "#system/failure.ts";
import { editFile, type EditOptions } from "./edit-file.ts";
import { applyPatches, setKeys } from "./json-edit.ts";
import { locateJson, type JsonPlace } from "./json-places.ts";

/** What Steward writes of a deployment. Keys of the owner's beside these are kept. */
export type DeployedConfig = {
  service: string;
  version: string;
  status: string;
  port?: number | null;
  url?: string | null;
  /** The hash of the content that was judged and released. */
  contentHash: string;
  target: string;
  deployedAt: Date;
};

/**
 * Writes PRODUCTION/deployed_config.json: Steward's own keys, the rest byte for byte as it was. True if it was written.
 * Fails with "invalid", and leaves the file alone, if it is no JSON object.
 */
export async function writeDeployedConfig(
  serviceFolder: string,
  { contentHash, deployedAt, ...config }: DeployedConfig,
  options: EditOptions,
): Promise<boolean> {
  const path = join(serviceFolder, "PRODUCTION", "deployed_config.json");
  const values = { ...config, content_hash: contentHash, deployed_at: deployedAt.toISOString() };
  return editFile(path, options, (bytes) => {
    if (bytes === null) return Buffer.from(`${JSON.stringify(values, null, 2)}\n`);
    const text = bytes.toString("utf8");
    if (!Buffer.from(text).equals(bytes)) throw new Failure("invalid", `${path} is not UTF-8. It is left as it is.`);
    return Buffer.from(applyPatches(text, setKeys(text, objectIn(text, path), values)));
  });
}

/**
 * Adds to PRODUCTION/deployment_log.md a line for each entry that has none yet, and makes the file if need be. What
 * stands there is never changed.
 */
export async function logDeployments(
  serviceFolder: string,
  entries: readonly { at: Date; text: string }[],
  options: EditOptions,
): Promise<void> {
  const path = join(serviceFolder, "PRODUCTION", "deployment_log.md");
  await editFile(path, options, (bytes) => {
    const before = bytes?.toString("utf8") ?? "# Deployment log\n\n";
    const known = new Set(before.split(/\r?\n/));
    const lines = entries.map(lineOf).filter((line) => !known.has(line));
    if (lines.length === 0) return null;
    const newline = before.includes("\r\n") ? "\r\n" : "\n";
    const added = lines.map((line) => `${line}${newline}`).join("");
    if (bytes === null) return Buffer.from(`${before}${added}`);
    const ended = bytes.length === 0 || bytes.at(-1) === 0x0a;
    return Buffer.concat([bytes, Buffer.from(`${ended ? "" : newline}${added}`)]);
  });
}

function lineOf({ at, text }: { at: Date; text: string }): string {
  return `- ${at.toISOString()} ${text.replace(/[\p{Cc}\s]+/gu, " ").trim()}`;
}

function objectIn(text: string, path: string): JsonPlace {
  let place: JsonPlace;
  try {
    place = locateJson(text);
  } catch (error) {
    throw new Failure("invalid", `${path} is not JSON: ${messageOf(error)}. It is left as it is; mend it by hand.`);
  }
  if (place.members === undefined) throw new Failure("invalid", `${path} is JSON, but no object. It is left as it is.`);
  return place;
}
