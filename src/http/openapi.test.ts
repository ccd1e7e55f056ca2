import assert from "node:assert/strict";
import { test } from "node:test";
import { traverseContractProcedures } from "@orpc/server";
import { contract } from "./contract.ts";
import { openApiDocument } from "./openapi.ts";
import { openTestServer } from "./testing.ts";

type Operation = {
  operationId?: string;
  parameters?: { name: string; in: string; required?: boolean }[];
  responses: Record<string, object>;
};
type Document = {
  openapi: string;
  info: object;
  paths: Record<string, Record<string, Operation>>;
  servers: { url: string }[];
};

test("the document is OpenAPI 3.1 and covers every operation of the contract", async () => {
  const { openapi, paths } = (await openApiDocument({ version: "1" })) as Document;
  assert.match(openapi, /^3\.1\./);
  const described = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const promised: string[] = ["GET /events/stream"];
  traverseContractProcedures({ router: contract, path: [] }, ({ contract: one }) => {
    const { method, path } = one["~orpc"].route;
    promised.push(`${method} ${path}`);
  });
  assert.deepEqual(described.toSorted(), promised.toSorted());
  assert.ok(promised.length > 25);
});

test("each operation has an id of its own, names its path's parameters and says what comes back", async () => {
  const { paths } = (await openApiDocument({ version: "1" })) as Document;
  const ids = new Set<string>();
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { operationId, parameters = [], responses }] of Object.entries(operations)) {
      assert.ok(operationId && !ids.has(operationId), `${method} ${path}`);
      ids.add(operationId);
      const named = parameters.filter((one) => one.in === "path").map(({ name }) => name);
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
      assert.deepEqual(new Set(named), new Set(inPath), path);
      assert.ok(responses["200"], `${method} ${path}`);
    }
  }
});

test("every operation that it describes is there", async (t) => {
  const { ask } = await openTestServer(t);
  const { paths, servers } = (await (await ask("/api/openapi.json")).json()) as Document;
  for (const [path, operations] of Object.entries(paths)) {
    for (const method of Object.keys(operations).filter(() => !path.endsWith("/stream"))) {
      const address = servers[0]!.url + path.replaceAll(/\{\w+\}/g, "x");
      const response = await ask(address, { method: method.toUpperCase() });
      const body = (await response.json()) as { message?: string };
      assert.ok(
        !body.message?.startsWith("There is no GET") && !/^There is no [A-Z]+ \//.test(body.message ?? ""),
        `${method} ${address}: ${body.message}`,
      );
      assert.notEqual(response.status, 500, `${method} ${address}`);
    }
  }
});
