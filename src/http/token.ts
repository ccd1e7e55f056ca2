import { createHash, timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import { readSecret, secretIn } from "./secret-file.ts";

/** The owner's token for this machine: `Authorization: Bearer <token>`. Made at the first start. */
export const tokenPath = (home: string): string => join(home, "token");

export const ownerToken = (home: string): Promise<string> => secretIn(tokenPath(home));

export const readToken = (home: string): Promise<string | null> => readSecret(tokenPath(home));

/** Takes the same time wherever two texts differ, and whatever their lengths. */
export function sameSecret(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
