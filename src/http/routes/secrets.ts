import { os } from "./base.ts";

export const secrets = {
  list: os.secrets.list.handler(async ({ context, input: { name } }) => ({
    names: await context.house.commands.secretNames(name),
  })),
  set: os.secrets.set.handler(async ({ context, input: { name, secret, value } }) => {
    await context.house.commands.setSecret(name, secret, value);
    return { ok: true };
  }),
  remove: os.secrets.remove.handler(async ({ context, input: { name, secret } }) => {
    await context.house.commands.removeSecret(name, secret);
    return { ok: true };
  }),
};
