import { checkBuildFiles } from "#proof/build-files.ts";
import { gate } from "#proof/gate.ts";
import { readTree } from "#proof/read-tree.ts";
import { green, red } from "#proof/verdict.ts";

/** Is there code, with the files that its stack needs? */
export const buildFilesGate = gate("build-files", ({ serviceDir, settings }) => {
  const started = performance.now();
  const { stack: stated, start } = settings;
  const build = checkBuildFiles(readTree(serviceDir), {
    ...(stated === undefined ? {} : { stack: stated }),
    ...(start === undefined ? {} : { start }),
  });
  const facts = {
    durationMs: Math.round(performance.now() - started),
    ...(build.stack === null ? {} : { stack: build.stack }),
    missing: build.missing.map(({ file }) => file),
  };
  if (build.root === null) return Promise.resolve(red("files_missing", ["there is no code yet"], facts));
  if (build.missing.length === 0) {
    return Promise.resolve(green([`every file that ${build.stack ?? "the stack"} needs is there`], facts));
  }
  const reasons = build.missing.map(({ reason }) => reason);
  return Promise.resolve(red("files_missing", reasons, facts));
});
