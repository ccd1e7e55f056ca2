import { Failure, hasErrorCode } from "#system/failure.ts";
import { NotAFolder, openBelow, type Folder } from "./open-folder.ts";

export type FoundEntry = {
  /** From the root, with "/" between. */
  path: string;
  name: string;
  kind: "file" | "link" | "special";
  /** Open while the visitor runs. */
  folder: Folder;
};

/** Deeper than any tree people keep; a tree that is deeper was made to hurt. */
const DEPTH = 48;

/**
 * Visits what is in a tree but folders, in the order of names, following no link. `enter` says whether to go into a
 * folder and `found` is given the rest; a folder that vanished meanwhile is passed over.
 */
export async function walkTree(
  root: Folder,
  {
    enter,
    found,
    unreadable,
  }: {
    enter: (path: string, name: string) => boolean;
    found: (entry: FoundEntry) => Promise<void>;
    /** A file or a folder that we may not read. */
    unreadable: (path: string) => void;
  },
): Promise<void> {
  await walk(root, []);

  async function walk(folder: Folder, above: readonly string[]): Promise<void> {
    if (above.length > DEPTH)
      throw new Failure("invalid", `${above.slice(0, 4).join("/")}/… is more than ${DEPTH} folders deep.`);
    const entries = (await folder.entries()).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const parts = [...above, entry.name];
      const path = parts.join("/");
      if (entry.isDirectory()) {
        if (enter(path, entry.name)) await goInto(folder, entry.name, parts);
      } else {
        const kind = entry.isFile() ? "file" : entry.isSymbolicLink() ? "link" : "special";
        await found({ path, name: entry.name, kind, folder }).catch((error: unknown) => passIfUnreadable(error, path));
      }
    }
  }

  async function goInto(folder: Folder, name: string, parts: readonly string[]): Promise<void> {
    let below: Folder | null;
    try {
      below = await openBelow(folder, [name]);
    } catch (error) {
      if (error instanceof NotAFolder || hasErrorCode(error, "ENOENT")) return;
      return passIfUnreadable(error, parts.join("/"));
    }
    try {
      if (below) await walk(below, parts);
    } finally {
      await below?.close();
    }
  }

  function passIfUnreadable(error: unknown, path: string): void {
    if (!hasErrorCode(error, "EACCES", "EPERM")) throw error;
    unreadable(path);
  }
}
