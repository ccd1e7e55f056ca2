import type { Plan } from "#agents/fleet/scaffold/plan/plan.ts";
import { camel } from "#agents/fleet/scaffold/read/names.ts";
import { routesFunction } from "./routes-js.ts";
import { quoted } from "./text.ts";

export const mainJs = String.raw`import { readConfig } from "./config.js";
import { startService } from "./service.js";

const service = await startService(readConfig(process.env));
console.log("listening on " + service.url);

for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => service.stop());
`;

export const configJs = (
  plan: Plan,
): string => `/** The settings of the service, from the environment. Throws with all that is wrong, so that it shows at the start. */
export function readConfig(environment) {
  const { PORT = "${plan.port}", HOST = "127.0.0.1", DATA_DIR = "./data" } = environment;
  const port = Number(PORT);
  if (!/^\\d{1,5}$/.test(PORT) || port > 65535) {
    throw new Error("PORT must be a number from 0 to 65535, not " + JSON.stringify(PORT));
  }
  if (HOST === "" || DATA_DIR === "") throw new Error("HOST and DATA_DIR must not be empty");
  return { port, host: HOST, dataDir: DATA_DIR };
}
`;

export function serviceJs(plan: Plan): string {
  const names = plan.resources.map((resource) => resource.name).sort();
  const resources = names.flatMap((name) => plan.resources.filter((resource) => resource.name === name));
  const variable = (name: string) => `${camel(name)}Store`;
  return `import { once } from "node:events";
import { createHttpServer } from "./http.js";
${resources.map((resource) => `import { ${routesFunction(resource)} } from "./routes/${resource.name}.js";\n`).join("")}import { openStore } from "./store.js";

const SERVICE = ${quoted(plan.name)};
const BODY_LIMIT = ${plan.bodyLimit};
/** How long requests under way may take when the service is asked to stop, in milliseconds. */
const GRACE = 5000;

/** Opens the stores, then listens: a request is only taken when everything is there. Returns { url, stop }. */
export async function startService({ port, host, dataDir }) {
${resources.map((resource) => `  const ${variable(resource.name)} = await openStore(dataDir, ${quoted(resource.name)});\n`).join("")}  const stores = [${resources.map((resource) => variable(resource.name)).join(", ")}];
  const routes = [
    { method: "GET", path: "/health", handle: () => ({ body: { status: "ok", service: SERVICE } }) },
${resources.map((resource) => `    ...${routesFunction(resource)}(${variable(resource.name)}),\n`).join("")}  ];
  const before = () => Promise.all(stores.map((store) => store.refresh()));
  const server = createHttpServer(routes, { bodyLimit: BODY_LIMIT, before });
  server.listen(port, host);
  await once(server, "listening");
  const url = "http://" + (host.includes(":") ? "[" + host + "]" : host) + ":" + server.address().port;

  async function stop() {
    const closed = once(server, "close");
    server.close();
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), GRACE).unref();
    await closed;
    await Promise.all(stores.map((store) => store.close()));
  }
  return { url, stop };
}
`;
}

export const dockerfile = (plan: Plan): string => `FROM node:24-slim
WORKDIR /service
COPY package.json ./
COPY src ./src
RUN mkdir /data && chown node:node /data
USER node
ENV NODE_ENV=production HOST=0.0.0.0 PORT=${plan.port} DATA_DIR=/data
VOLUME /data
EXPOSE ${plan.port}
HEALTHCHECK --interval=30s --timeout=5s CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/health').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.js"]
`;

export const dockerignore = `data
tests
.env
*.md
`;

export const environmentExample = (plan: Plan): string => `# Where the service listens. In a container HOST is 0.0.0.0.
PORT=${plan.port}
HOST=127.0.0.1
# The folder of the journals; it is made if it is not there. One service per folder.
DATA_DIR=./data
`;

export const packageJson = (plan: Plan): string =>
  `${JSON.stringify(
    {
      name: plan.name,
      version: "1.0.0",
      private: true,
      type: "module",
      engines: { node: ">=20" },
      scripts: { start: "node src/main.js", test: "node --test" },
    },
    null,
    2,
  )}\n`;
