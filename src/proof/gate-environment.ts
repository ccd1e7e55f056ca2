import { delimiter, dirname } from "node:path";

/** The mark by which every process of one run is found again. Its value is different for each run. */
export const MARKER_NAME = "STEWARD_PROOF_RUN";

/**
 * All that a test run sees of the world. Not the server's environment: that has secrets, and NODE_TEST_CONTEXT, which
 * makes a red `node --test` silent and exit 0, or NODE_OPTIONS and PYTHONPATH, which change what is run.
 */
export function testEnvironment(home: string): Record<string, string> {
  return { PATH: searchPath(), HOME: home, TMPDIR: home, LANG: "C.UTF-8", CI: "1" };
}

/** Installing also needs the way to the registry. */
const INSTALL_NAMES =
  /^(https?_proxy|no_proxy|all_proxy|npm_config_(registry|cafile|proxy|https_proxy|noproxy|userconfig)|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|CERT|PROXY|CONFIG_FILE))$/i;

export function installEnvironment(home: string): Record<string, string> {
  const passed = Object.entries(process.env).filter(([name, value]) => value !== undefined && INSTALL_NAMES.test(name));
  return { ...testEnvironment(home), ...(Object.fromEntries(passed) as Record<string, string>) };
}

/** This program's own Node comes first, so that `node` and `npm` are the pinned version whatever the machine has. */
function searchPath(): string {
  const own = dirname(process.execPath);
  const rest = (process.env.PATH ?? "/usr/local/bin:/usr/bin:/bin").split(delimiter);
  return [own, ...rest.filter((folder) => folder !== "" && folder !== own)].join(delimiter);
}
