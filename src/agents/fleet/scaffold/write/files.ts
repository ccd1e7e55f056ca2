import type { Plan } from "#agents/fleet/scaffold/plan/plan.ts";
import { httpJs } from "./http-js.ts";
import { modelsJs } from "./models-js.ts";
import { queryJs } from "./query-js.ts";
import { readme } from "./readme.ts";
import { recordJs } from "./record-js.ts";
import { routesJs } from "./routes-js.ts";
import {
  configJs,
  dockerfile,
  dockerignore,
  environmentExample,
  mainJs,
  packageJson,
  serviceJs,
} from "./service-js.ts";
import { storeJs } from "./store-js.ts";
import { helpersJs, serviceTestJs, storeTestJs } from "./tests/common-tests.ts";
import { resourceTestJs } from "./tests/resource-tests.ts";
import { validateJs } from "./validate-js.ts";

export type ScaffoldFile = { path: string; content: string; mode?: number };

/** Every file of the service, sorted by path. */
export function writeFiles(plan: Plan): ScaffoldFile[] {
  const query = queryJs(plan);
  const files: Record<string, string> = {
    "package.json": packageJson(plan),
    "README.md": readme(plan),
    Dockerfile: dockerfile(plan),
    ".dockerignore": dockerignore,
    ".env.example": environmentExample(plan),
    "src/main.js": mainJs,
    "src/config.js": configJs(plan),
    "src/service.js": serviceJs(plan),
    "src/http.js": httpJs,
    "src/store.js": storeJs,
    "src/validate.js": validateJs(plan),
    "src/record.js": recordJs(plan),
    "src/models.js": modelsJs(plan),
    ...(query === null ? {} : { "src/query.js": query }),
    "tests/helpers.js": helpersJs,
    "tests/service.test.js": serviceTestJs(plan),

    "tests/store.test.js": storeTestJs,
  };
  for (const resource of plan.resources) {
    files[`src/routes/${resource.name}.js`] = routesJs(plan, resource);
    files[`tests/${resource.name}-routes.test.js`] = resourceTestJs(plan, resource);
  }
  return Object.entries(files)
    .map(([path, content]) => ({ path: `BUILD/${path}`, content }))
    .sort((one, other) => (one.path < other.path ? -1 : 1));
}
