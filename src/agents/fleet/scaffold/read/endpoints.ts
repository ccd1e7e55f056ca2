import type { Json, Model } from "#agents/fleet/scaffold/plan/plan.ts";
import type { Block } from "./document.ts";
import { isModelBullet, isModelTable, modelNameOf, readModelBullets, readModelTable } from "./models.ts";
import { isPath, pascal, singular } from "./names.ts";
import type { Reason } from "./sections.ts";

export type Sentence = { text: string; line: number };
export type Endpoint = {
  method: string;
  path: string;
  query: string[];
  line: number;
  says: Sentence[];
  request?: { value: Json; line: number };
  responses: { status: number | null; value: Json; line: number }[];
  statuses: number[];
};
export type Api = {
  endpoints: Endpoint[];
  models: Model[];
  general: Sentence[];
  examples: { value: Json; line: number; heading: string }[];
  problems: Reason[];
};

const ENDPOINT = /`?\b(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|WS|WEBSOCKET|SSE)\b`?\s*`?(\/[^\s`|,;]*|\s\/)`?/;
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const LABEL =
  /^\W*(?:example |sample |the )?(request|body|payload|response|returns|answer|success|error|errors|result)\b(?: (?:body|example|payload|json|response|when|is))*[\s(:`–—-]*(\d{3})?[\w\s`)]{0,24}:?\W*$/i;

/** Reads the API section: endpoints from headings, tables or bullets; models from tables or bullets; JSON examples. */
export function readApi(blocks: Block[]): Api {
  const api: Api = { endpoints: [], models: [], general: [], examples: [], problems: [] };
  let heading = "";
  let endpoint: Endpoint | null = null;
  let label: { role: "request" | "response"; status: number | null } | null = null;
  let bullets: Extract<Block, { kind: "text" }>[] = [];
  const closeBullets = () => {
    if (bullets.length > 0) addModel(api, readModelBullets(modelNameOf(heading, "Item"), bullets, api.problems));
    bullets = [];
  };
  for (const block of blocks) {
    if (!(endpoint === null && isModelBullet(block))) closeBullets();
    switch (block.kind) {
      case "heading": {
        label = labelOf(block.text);
        if (label !== null && endpoint !== null) break;
        heading = block.text;
        endpoint = addEndpoint(api, block.text, block.line);
        label = null;
        break;
      }
      case "text": {
        if (endpoint === null && isModelBullet(block)) {
          bullets.push(block);
          break;
        }
        const named: ReturnType<typeof labelOf> = labelOf(block.text);
        if (named !== null && endpoint !== null) {
          label = named;
          if (named.status !== null) endpoint.statuses.push(named.status);
          break;
        }
        label = null;
        const started = startsEndpoint(block.text) ? addEndpoint(api, block.text, block.line) : null;
        if (started !== null) endpoint = started;
        else if (endpoint !== null) endpoint.says.push({ text: block.text, line: block.line });
        else if (!/^(?:base url|all (?:paths|endpoints)|endpoints?|models?|data models?)\b[^.]*:\s*$/i.test(block.text))
          api.general.push({ text: block.text, line: block.line });
        break;
      }
      case "table":
        if (isModelTable(block)) {
          addModel(api, readModelTable(modelNameOf(heading, "Item"), block, api.problems));
          break;
        }
        if (!readEndpointTable(api, block)) {
          api.problems.push({
            line: block.line,
            message:
              "this table is neither a model (Field, Type, …) nor a list of endpoints (Method, Path, Description)",
          });
        }
        break;
      case "code":
        readExample(api, endpoint, heading, label, block);
        label = null;
        break;
      default:
        api.problems.push({
          line: block.line,
          message: `I do not read ${block.what} in an API section: write it as text, tables or JSON`,
        });
    }
  }
  closeBullets();
  return api;
}

const startsEndpoint = (text: string) =>
  /^\W*(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|WS|WEBSOCKET|SSE)\b/.test(text) && ENDPOINT.test(text);

function addModel(api: Api, model: Model): void {
  if (api.models.some((other) => other.name === model.name)) {
    api.problems.push({
      line: model.line,
      message: `the model ${model.name} is stated twice: give each its own heading`,
    });
  } else {
    api.models.push(model);
  }
}

function addEndpoint(api: Api, text: string, line: number): Endpoint | null {
  const match = ENDPOINT.exec(text);
  if (match === null) return null;
  const [path = "", query = ""] = (match[2] ?? "").trim().split("?");
  const clean = path
    .replace(/:([A-Za-z_]\w*)/g, "{$1}")
    .replace(/<([A-Za-z_]\w*)>/g, "{$1}")
    .replace(/(.)\/$/, "$1");
  const rest = text.slice(match.index + match[0].length).replace(/^[\s`*:–—→>-]+/, "");
  return putEndpoint(api, match[1] ?? "", clean, query, rest, line);
}

function putEndpoint(
  api: Api,
  method: string,
  path: string,
  query: string,
  says: string,
  line: number,
): Endpoint | null {
  const name = `${method} ${path}`;
  if (!METHODS.includes(method)) {
    api.problems.push({ line, message: `${name}: I build GET, POST, PUT, PATCH and DELETE endpoints only` });
    return null;
  }
  if (!isPath(path)) {
    api.problems.push({
      line,
      message: `the path ${JSON.stringify(path)} cannot be used: up to 6 parts of letters, digits, - and _, parameters as {name}`,
    });
    return null;
  }
  const shape = (text: string) => text.replace(/\{[^}]*\}/g, "{}");
  const same = api.endpoints.find((other) => other.method === method && shape(other.path) === shape(path));
  const query_ = query
    .split("&")
    .map((part) => part.split("=")[0]?.trim() ?? "")
    .filter((part) => part !== "");
  if (same !== undefined) {
    // A table of endpoints above and a heading with the details below is one endpoint; two headings are a mistake.
    if (same.path !== path || (same.request ?? same.responses[0]) !== undefined) {
      api.problems.push({ line, message: `${name} is stated twice (first on line ${same.line}): keep one` });
      return null;
    }
    if (says !== "") same.says.push({ text: says, line });
    same.query.push(...query_);
    return same;
  }
  const endpoint: Endpoint = {
    method,
    path,
    query: query_,
    line,
    says: says === "" ? [] : [{ text: says, line }],
    responses: [],
    statuses: [],
  };
  api.endpoints.push(endpoint);
  return endpoint;
}

function readEndpointTable(api: Api, table: Extract<Block, { kind: "table" }>): boolean {
  const at = (pattern: RegExp) => table.header.findIndex((cell) => pattern.test(cell.trim()));
  const method = at(/^(method|verb|http)$/i);
  const path = at(/^(path|endpoint|route|url)$/i);
  if (path < 0) return false;
  for (const { cells, line } of table.rows) {
    const full =
      method < 0
        ? (cells[path] ?? "")
        : `${(cells[method] ?? "").replaceAll("`", "").trim()} ${(cells[path] ?? "").replaceAll("`", "").trim()}`;
    const endpoint = addEndpoint(api, full, line);
    if (endpoint === null) {
      if (!ENDPOINT.test(full))
        api.problems.push({ line, message: `"${full.trim()}" is not an endpoint such as GET /quotes` });
      continue;
    }
    for (const [index, cell] of cells.entries()) {
      if (index === method || index === path || /^[\s–—-]*$/.test(cell)) continue;
      endpoint.says.push({ text: cell, line });
    }
  }
  return true;
}

function labelOf(text: string): { role: "request" | "response"; status: number | null } | null {
  const match = LABEL.exec(text.replaceAll("*", ""));
  if (match === null) {
    const status = /^\W*(\d{3})\b[A-Za-z ]{0,24}:?\W*$/.exec(text);
    return status === null ? null : { role: "response", status: Number(status[1]) };
  }
  const role = /^(request|body|payload)$/i.test(match[1] ?? "") && !/response/i.test(text) ? "request" : "response";
  return { role, status: match[2] === undefined ? null : Number(match[2]) };
}

function readExample(
  api: Api,
  endpoint: Endpoint | null,
  heading: string,
  label: ReturnType<typeof labelOf>,
  block: Extract<Block, { kind: "code" }>,
): void {
  if (["bash", "sh", "shell", "console", "curl"].includes(block.language)) return;
  if (!["json", "jsonc", ""].includes(block.language)) {
    api.problems.push({
      line: block.line,
      message: `I read JSON examples, not "${block.language}": give the same example as JSON`,
    });
    return;
  }
  // A bare block may list endpoints, one a line.
  const lines = block.text.split("\n").filter((text) => text.trim() !== "");
  if (block.language === "" && lines.length > 0 && lines.every(startsEndpoint)) {
    for (const [index, text] of lines.entries()) addEndpoint(api, text, block.line + 1 + index);
    return;
  }
  let value: Json;
  try {
    value = JSON.parse(block.text) as Json;
  } catch {
    api.problems.push({
      line: block.line,
      message: "this example is not valid JSON: correct it (no comments, no trailing commas, no …)",
    });
    return;
  }
  if (endpoint === null) {
    api.examples.push({ value, line: block.line, heading: modelNameOf(heading, pascal(singular(heading))) });
    return;
  }
  const sends = ["POST", "PUT", "PATCH"].includes(endpoint.method);
  const role = label?.role ?? (sends && endpoint.request === undefined ? "request" : "response");
  if (role === "request") {
    if (!sends) api.problems.push({ line: block.line, message: `${endpoint.method} ${endpoint.path} takes no body` });
    else endpoint.request = { value, line: block.line };
  } else {
    endpoint.responses.push({ status: label?.status ?? null, value, line: block.line });
  }
}
