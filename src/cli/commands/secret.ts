import type { Command } from "commander";
import { begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  const secret = program
    .command("secret")
    .description("a service's secrets: kept encrypted, given to its release, never in the tree");
  begin(secret, "set", {
    summary: "keep a secret; its value is read from stdin, so that no process list shows it",
    example: "steward secret set quotes API_KEY < key.txt",
  })
    .argument("<service>", "the name of its folder")
    .argument("<name>", "the environment variable that its release gets")
    .action(async (service: string, name: string, options: Common) => {
      const { setSecret } = await import("#cli/secrets.ts");
      await setSecret(service, name, options);
    });
  begin(secret, "list", { summary: "the names of a service's secrets", example: "steward secret list quotes" })
    .argument("<service>", "the name of its folder")
    .action(async (service: string, options: Common) => {
      const { listSecrets } = await import("#cli/secrets.ts");
      await listSecrets(service, options);
    });
  begin(secret, "remove", { summary: "forget a secret", example: "steward secret remove quotes API_KEY" })
    .argument("<service>", "the name of its folder")
    .argument("<name>", "as `steward secret list SERVICE` shows it")
    .action(async (service: string, name: string, options: Common) => {
      const { removeSecret } = await import("#cli/secrets.ts");
      await removeSecret(service, name, options);
    });
}
