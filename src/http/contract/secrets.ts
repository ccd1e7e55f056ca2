import { z } from "zod";
import { done, operation, serviceName } from "./shapes.ts";

const secretName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, "must be a name for an environment variable");
const one = z.object({ name: serviceName, secret: secretName });

/** Values go in and never come out. */
export const secrets = {
  list: operation
    .route({ method: "GET", path: "/services/{name}/secrets", summary: "The names of a service's secrets" })
    .input(z.object({ name: serviceName }))
    .output(z.object({ names: z.array(z.string()) })),
  set: operation
    .route({
      method: "PUT",
      path: "/services/{name}/secrets/{secret}",
      summary: "Keep a secret, encrypted; its next release gets it in its environment",
    })
    .input(
      one.extend({
        value: z
          .string()
          .min(1)
          .max(64 * 1024),
      }),
    )
    .output(done),
  remove: operation
    .route({ method: "DELETE", path: "/services/{name}/secrets/{secret}", summary: "Forget a secret" })
    .input(one)
    .output(done),
};
