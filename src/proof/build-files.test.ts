import assert from "node:assert/strict";
import { test } from "node:test";
import { checkBuildFiles } from "./build-files.ts";
import { testFiles, type Tree } from "./tree.ts";

/** A listing of these files, as reading a folder of them gives it. */
function treeOf(...files: string[]): Tree {
  const folders = new Set(
    files.flatMap((path) =>
      path
        .split("/")
        .slice(0, -1)
        .map((_, depth, parts) => parts.slice(0, depth + 1).join("/")),
    ),
  );
  return { files, folders: [...folders], names: files, problems: [] };
}

const missing = (tree: Tree, stated?: { stack?: string; start?: string }) =>
  checkBuildFiles(tree, stated).missing.map(({ file }) => file);

test("a folder with a spec, a README and empty folders has no code", () => {
  for (const files of [
    ["SPEC.md", "README.md"],
    ["SPEC.md", "BUILD/README.md", "BUILD/.gitkeep"],
    ["tests/test_main.py", "docs/conf.py"],
  ]) {
    assert.deepEqual(checkBuildFiles(treeOf(...files)), { root: null, stack: null, missing: [] });
  }
});

const complete: [string, string, string[]][] = [
  ["python", "BUILD/", ["BUILD/src/main.py", "BUILD/requirements.txt", "BUILD/Dockerfile", "BUILD/.env.example"]],
  ["python", "", ["app/main.py", "app/__init__.py", "requirements.txt", "Dockerfile", ".env.example"]],
  ["python", "", ["src/quotes/__main__.py", "pyproject.toml", "docker/Dockerfile", ".env.sample"]],
  ["node", "", ["src/server.ts", "package.json", "Dockerfile", ".env.example"]],
  ["node", "BUILD/", ["BUILD/index.js", "BUILD/package.json", "Dockerfile", "env.example"]],
  ["go", "", ["cmd/quotes/main.go", "go.mod", "Dockerfile", ".env.example"]],
  ["rust", "", ["src/main.rs", "Cargo.toml", "Dockerfile", ".env.template"]],
];
for (const [stack, root, files] of complete) {
  test(`${files.join(", ")} is a whole ${stack} build`, () => {
    assert.deepEqual(checkBuildFiles(treeOf(...files)), { root, stack, missing: [] });
  });
}

test("what a Python build lacks is listed, each with a reason that says where and what for", () => {
  const { stack, missing: gaps } = checkBuildFiles(treeOf("BUILD/src/quotes.py"));
  assert.equal(stack, "python");
  assert.deepEqual(
    gaps.map(({ file }) => file),
    ["src/main.py", "requirements.txt", "Dockerfile", ".env.example"],
  );
  assert.match(gaps[2]!.reason, /^BUILD\/ has no Dockerfile: /);
  assert.deepEqual(missing(treeOf("package.json")), ["src/index.js", "Dockerfile", ".env.example"]);
  assert.deepEqual(missing(treeOf("main.go")), ["go.mod", "Dockerfile", ".env.example"]);
  assert.deepEqual(missing(treeOf("Cargo.toml", "Dockerfile", ".env.example")), ["src/main.rs"]);
});

test("a test's main.py is no entry", () => {
  assert.deepEqual(missing(treeOf("tests/main.py", "quotes.py", "requirements.txt", "Dockerfile", ".env.example")), [
    "src/main.py",
  ]);
});

test("a stated start command takes the place of the entry", () => {
  const tree = treeOf("quotes.py", "requirements.txt", "Dockerfile", ".env.example");
  assert.deepEqual(missing(tree, { start: "python quotes.py" }), []);
});

test("the sources decide the stack where there are two manifests, and the owner over both", () => {
  const tree = treeOf("package.json", "requirements.txt", "src/index.js", "Dockerfile", ".env.example");
  assert.equal(checkBuildFiles(tree).stack, "node");
  assert.equal(checkBuildFiles(tree, { stack: "FastAPI" }).stack, "python");
});

test("a stack that cannot be told is a reason, and one that is stated and not ours is asked for nothing", () => {
  assert.deepEqual(missing(treeOf("src/Main.java", "pom.xml")), ["manifest"]);
  assert.deepEqual(checkBuildFiles(treeOf("src/Main.java", "pom.xml"), { stack: "Java" }), {
    root: "",
    stack: "java",
    missing: [],
  });
});

const tests: [string, boolean][] = [
  ["tests/test_main.py", true],
  ["BUILD/tests/unit/test_main.py", true],
  ["src/main_test.go", true],
  ["src/main.test.ts", true],
  ["src/__tests__/main.js", true],
  ["test/main.js", true],
  ["tests/api.rs", true],
  ["app/tests.py", true],
  ["tests/__init__.py", false],
  ["tests/conftest.py", false],
  ["tests/helpers.js", false],
  ["tests/fixtures/test_data.py", false],
  ["tests/README.md", false],
  ["src/latest.py", false],
  ["src/contest.js", false],
];
for (const [path, is] of tests) {
  test(`${path} ${is ? "holds tests" : "holds no tests"}`, () =>
    assert.equal(testFiles(treeOf(path)).length === 1, is));
}
