import { createORPCClient, ORPCError } from "@orpc/client";
import type { ContractRouterClient } from "@orpc/contract";
import { OpenAPILink } from "@orpc/openapi-client/fetch";
import type { JsonifiedClient } from "@orpc/openapi-client";
import { Failure, type FailureCode } from "#system/failure.ts";
import { contract } from "./contract.ts";
import { failureStatus } from "./failure-status.ts";

export type Client = JsonifiedClient<ContractRouterClient<typeof contract>>;

/** A typed client. What the server refuses comes as the same Failure that was thrown there. */
export function clientFor({ url, credential, version }: { url: string; credential: string; version: string }): Client {
  const link = new OpenAPILink(contract, {
    url: `${url}/api`,
    headers: { authorization: `Bearer ${credential}`, "user-agent": `steward-cli/${version}` },
    interceptors: [
      async ({ next }) => {
        try {
          return await next();
        } catch (error) {
          throw asFailure(error, url);
        }
      },
    ],
    customErrorResponseBodyDecoder: (body, { status }) => {
      const { code = "internal", message = `The server answered ${status}.` } = (body ?? {}) as {
        code?: string;
        message?: string;
      };
      return new ORPCError(code, { status, message });
    },
  });
  return createORPCClient(link);
}

function asFailure(error: unknown, url: string): unknown {
  if (error instanceof ORPCError) {
    const code = error.status === 401 ? "forbidden" : error.code;
    return code in failureStatus
      ? new Failure(code as FailureCode, error.message, { cause: error })
      : new Error(error.message, { cause: error });
  }
  if (error instanceof TypeError && error.message === "fetch failed") {
    return new Failure("unreachable", `Steward does not answer at ${url}. \`steward doctor\` says what is wrong.`, {
      cause: error,
    });
  }
  return error;
}
