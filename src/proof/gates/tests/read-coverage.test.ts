import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { makeService } from "#proof/fixtures/make-service.ts";
import { openProject } from "./project.ts";
import { readCoverage } from "./read-coverage.ts";

const reports: Record<string, string> = {
  "coverage/coverage-summary.json": `{"total":{"lines":{"total":9,"covered":9}},"src/a.py":{"lines":{"total":4,"covered":3}}}`,
  "coverage.xml": `<coverage><packages><package><classes><class filename="src/a.py"><lines>
<line number="1" hits="1"/><line number="2" hits="0"/><line number="3" hits="2"/><line number="4" hits="1"/></lines></class></classes></package></packages></coverage>`,
  "coverage.json": `{"files":{"src/a.py":{"summary":{"covered_lines":3,"num_statements":4}}}}`,
  "coverage.out": "mode: set\nsrc/a.go:1.1,2.2 3 1\nsrc/a.go:3.1,4.2 1 0\nsrc/a.go:1.1,2.2 3 0\n",
};

for (const [path, text] of Object.entries(reports)) {
  test(`${path} is read by file`, async (t) => {
    const { dir } = await makeService(t, { "src/a.py": "a = 1\n", [path]: text });
    const coverage = await readCoverage(await openProject(dir), "");
    deepEqual(coverage, [{ file: path.endsWith("out") ? "src/a.go" : "src/a.py", covered: 3, total: 4 }]);
  });
}

test("a printed total is taken where there is no report, the least of several", async (t) => {
  const { dir } = await makeService(t, { "src/a.py": "a = 1\n" });
  const project = await openProject(dir);
  const printed: [string, number][] = [
    ["TOTAL                 120     12    90%\n", 90],
    ["All files |   91.2 |    80 |   88 |   85.5 | \n", 85.5],
    ["ℹ all files | 77.78 |   100.00 |   50.00 |\n", 77.78],
    ["coverage: 81.0% of statements\n", 81],
    ["TOTAL 10 0 100%\nTOTAL 10 9 10%\n", 10],
  ];
  for (const [output, percent] of printed) deepEqual(await readCoverage(project, output), { percent });
  deepEqual(await readCoverage(project, "100 % sure\n"), null);
});
