import { createRequire } from "node:module";
import { ok, fail, warn, type Finding } from "./finding.ts";

/** The Node that runs this, and the pinned one that a fresh machine gets with the packages. */
export async function checkNode(): Promise<Finding[]> {
  const major = Number(process.versions.node.split(".")[0]);
  const running =
    major >= 24
      ? ok("node", `Node ${process.versions.node} (${process.execPath})`)
      : fail(
          "node",
          `Node ${process.versions.node} is too old`,
          "start Steward through bin/steward, which brings its own Node 24",
        );
  return [running, pinned()];
}

function pinned(): Finding {
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  if (process.platform === "darwin") return ok("pinned", "macOS has no pinned Node: this machine's own is used");
  try {
    createRequire(import.meta.url).resolve(`${name}/package.json`);
    return ok("pinned", `${name} is installed`);
  } catch {
    return warn(
      "pinned",
      `${name} is not installed: Steward runs on whatever Node is here`,
      "install with optional packages: npm ci --ignore-scripts",
    );
  }
}
