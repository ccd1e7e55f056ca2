import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export type PortOwner = { pid: number; command: string };

/**
 * Which process listens on a TCP port of this machine; null where that cannot be known: nobody does, it belongs to
 * another user, or this is not Linux.
 */
export function portOwner(port: number): PortOwner | null {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return null;
  for (const name of namesIn("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    for (const fd of namesIn(`/proc/${name}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${name}/fd/${fd}`))?.[1];
      if (inode !== undefined && inodes.has(inode)) return { pid: Number(name), command: commandOf(name) };
    }
  }
  return null;
}

/** proc_net_tcp(5): local address and port in hex, state 0A is listening, the tenth column is the socket's inode. */
function listeningInodes(port: number): Set<string> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const lines = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => textOf(path).split("\n").slice(1));
  return new Set(
    lines.flatMap((line) => {
      const columns = line.trim().split(/\s+/);
      return columns[1]?.endsWith(`:${hex}`) && columns[3] === "0A" ? [columns[9] ?? ""] : [];
    }),
  );
}

function commandOf(pid: string): string {
  const words = textOf(`/proc/${pid}/cmdline`).split("\0").filter(Boolean).join(" ");
  return words.length > 80 ? `${words.slice(0, 79)}…` : words || "unknown";
}

// A process may end, or be another user's, while it is looked at: then it says nothing.

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
