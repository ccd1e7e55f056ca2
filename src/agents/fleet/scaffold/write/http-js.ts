/** BUILD/src/http.js: the same in every service. No text of a spec is in it. */
export const httpJs = String.raw`import { createServer } from "node:http";

/** An answer that is an error: its status and what is wrong, as the client sees it. */
export class HttpError extends Error {
  constructor(status, message, { details, headers } = {}) {
    super(message);
    this.status = status;
    this.details = details;
    this.headers = headers;
  }
}

/**
 * A server for routes of the form { method, path, body, handle }. "{name}" in a path is a parameter; where two paths
 * match, the one with more plain parts wins. "handle" gets { params, query, body } and returns { status, body, headers }.
 * "before" is waited for before each.
 */
export function createHttpServer(routes, { bodyLimit, before = () => {} }) {
  const table = routes.map((route) => ({ ...route, parts: route.path.split("/") }));
  return createServer((request, response) => {
    answer(table, request, bodyLimit, before).then(
      (result) => send(response, result),
      (error) => send(response, errorAnswer(error)),
    );
  });
}

async function answer(table, request, bodyLimit, before) {
  const [path, search = ""] = splitOnce(request.url, "?");
  const method = request.method === "HEAD" ? "GET" : request.method;
  const { route, params } = findRoute(table, method, path.split("/"));
  const query = new URLSearchParams(search);
  const body = route.body ? await readJson(request, bodyLimit) : undefined;
  await before();
  return route.handle({ params, query, body });
}

function findRoute(table, method, parts) {
  const matching = table
    .filter((route) => matches(route.parts, parts))
    .sort((one, other) => plainParts(other) - plainParts(one));
  if (matching.length === 0) throw new HttpError(404, "nothing is at this path");
  const best = matching.filter((route) => plainParts(route) === plainParts(matching[0]));
  const route = best.find((candidate) => candidate.method === method);
  if (route === undefined) {
    const methods = best.flatMap((one) => (one.method === "GET" ? ["GET", "HEAD"] : [one.method]));
    throw new HttpError(405, "this path does not know " + method, { headers: { allow: methods.join(", ") } });
  }
  const params = {};
  for (const [index, part] of route.parts.entries()) {
    if (isParameter(part)) params[part.slice(1, -1)] = decode(parts[index]);
  }
  return { route, params };
}

const isParameter = (part) => part.startsWith("{");
const plainParts = (route) => route.parts.filter((part) => !isParameter(part)).length;

function matches(pattern, parts) {
  return (
    pattern.length === parts.length &&
    pattern.every((part, index) => (isParameter(part) ? parts[index] !== "" : part === parts[index]))
  );
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new HttpError(400, "the path is not valid percent-encoding");
  }
}

function splitOnce(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

async function readJson(request, limit) {
  const type = (request.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  if (type !== "application/json") {
    request.resume();
    throw new HttpError(415, "send the body as application/json");
  }
  const bytes = await readBytes(request, limit);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new HttpError(400, "the body is not valid JSON");
  }
}

/** The rest of a body that is too large is read and thrown away, so that the client sees the answer. */
function readBytes(request, limit) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    let size = 0;
    request.on("data", (chunk) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else reject(new HttpError(413, "the body is larger than " + limit + " bytes"));
    });
    request.on("end", () => resolve(Buffer.concat(chunks)));
    request.on("error", () => reject(new HttpError(400, "the body ended early")));
  });
}

function errorAnswer(error) {
  if (error instanceof HttpError) {
    const { status, message, details, headers } = error;
    return { status, body: details ? { error: message, details } : { error: message }, headers };
  }
  console.error(error);
  return { status: 500, body: { error: "internal" } };
}

function send(response, { status = 200, body, headers = {} }) {
  const text = body === undefined ? "" : JSON.stringify(body);
  const type = body === undefined ? {} : { "content-type": "application/json; charset=utf-8" };
  response.writeHead(status, { ...type, "x-content-type-options": "nosniff", ...headers });
  response.end(text);
}
`;
