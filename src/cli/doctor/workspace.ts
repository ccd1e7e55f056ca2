import { access, constants } from "node:fs/promises";
import { readStewardYaml } from "#workspace/steward-yaml.ts";
import { readWorkspace } from "#workspace/read-workspace.ts";
import { fail, ok, warn, type Finding, type Patient } from "./finding.ts";
import { count } from "#system/count.ts";

/** What the owner wrote: steward.yaml and the services. */
export async function checkWorkspace({ settings: { workspace }, problems }: Patient): Promise<Finding[]> {
  const findings = problems.map((problem) =>
    fail("settings", problem, "correct it; `steward up` refuses to start with it"),
  );
  if (problems.length === 0) findings.push(ok("settings", "steward.yaml is as it should be, or not there"));
  const writable = await access(workspace, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!writable)
    findings.push(
      fail("workspace", `${workspace} is not writable`, "Steward keeps its records and builds there: make it writable"),
    );
  const { services, problems: unread } = readWorkspace(workspace, readStewardYaml(workspace));
  findings.push(
    services.length > 0
      ? ok("workspace", `${count(services.length, "service")} in ${workspace}`)
      : warn(
          "workspace",
          `no services in ${workspace}`,
          "`steward init` makes the folder; write a SPEC.md into SERVICES/<name>/",
        ),
  );
  findings.push(
    ...unread.map((problem) => warn("workspace", problem, "it is left as it is, and the rest is unharmed")),
  );
  return findings;
}
