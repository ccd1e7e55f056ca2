import { once } from "node:events";
import { createServer } from "node:http";
import { openSignups } from "./signups.js";

const ADDRESS = /^[^\s@]{1,64}@[^\s@]{1,190}\.[^\s@.]{2,63}$/;
const LONGEST_BODY = 4096;

/** Starts the site that shows { title, purpose, points }; returns { url, stop }. */
export async function startSite(content, { port, host, dataDir }) {
  const signups = await openSignups(dataDir);
  const routes = {
    "GET /": () => [200, homePage(content)],
    "POST /signups": async (request) => {
      const address = new URLSearchParams(await bodyOf(request)).get("email")?.trim().toLowerCase() ?? "";
      if (!ADDRESS.test(address)) return [400, messagePage(content, "That is not an e-mail address. Please go back and try again.")];
      await signups.add(address);
      return [201, messagePage(content, "Thank you. We will write when we open.")];
    },
    "GET /signups/count": () => [200, { count: signups.count() }],
    "GET /health": () => [200, { status: "ok" }],
  };
  const server = createServer(async (request, response) => {
    try {
      const [status, answer] = await answerTo(routes, request);
      send(response, status, answer);
    } catch (error) {
      console.error(error);
      send(response, 500, { error: "internal" });
    }
  });
  await once(server.listen(port, host), "listening");
  const stop = async () => {
    const closed = once(server, "close");
    server.close();
    server.closeIdleConnections();
    await closed;
    await signups.close();
  };
  return { url: "http://" + host + ":" + server.address().port, stop };
}

async function answerTo(routes, request) {
  const [path] = request.url.split("?");
  const method = request.method === "HEAD" ? "GET" : request.method;
  const handle = Object.hasOwn(routes, method + " " + path) ? routes[method + " " + path] : undefined;
  if (handle) return handle(request);
  const known = Object.keys(routes).some((route) => route.endsWith(" " + path));
  return known ? [405, { error: "this path does not know " + method }] : [404, { error: "nothing is here" }];
}

function bodyOf(request) {
  return new Promise((resolve, reject) => {
    let text = "";
    request.setEncoding("utf8");
    request.on("data", (chunk) => (text = (text + chunk).slice(0, LONGEST_BODY)));
    request.on("end", () => resolve(text));
    request.on("error", reject);
  });
}

function send(response, status, answer) {
  const isPage = typeof answer === "string";
  response.writeHead(status, {
    "content-type": isPage ? "text/html; charset=utf-8" : "application/json; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "x-content-type-options": "nosniff",
  });
  response.end(isPage ? answer : JSON.stringify(answer));
}

const escape = (text) => text.replace(/[&<>"']/g, (mark) => "&#" + mark.charCodeAt(0) + ";");
const STYLE = "body{font:18px/1.6 system-ui;max-width:34em;margin:12vh auto;padding:0 1em}input,button{font:inherit;padding:.4em .8em}";

const shell = (title, main) =>
  '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>' +
  escape(title) + "</title><style>" + STYLE + "</style><main><h1>" + escape(title) + "</h1>" + main + "</main></html>";

const homePage = ({ title, purpose, points }) =>
  shell(
    title,
    "<p>" + escape(purpose) + "</p><ul>" + points.map((point) => "<li>" + escape(point) + "</li>").join("") + "</ul>" +
      '<form method="post" action="/signups"><label>E-mail <input name="email" type="email" required></label> <button>Tell me</button></form>',
  );

const messagePage = ({ title }, message) => shell(title, "<p>" + escape(message) + '</p><p><a href="/">Back</a></p>');
