import { readFile } from "node:fs/promises";
import { startSite } from "./site.js";

const content = JSON.parse(await readFile(new URL("content.json", import.meta.url), "utf8"));
const { PORT = String(content.port), HOST = "127.0.0.1", DATA_DIR = "./data" } = process.env;
const site = await startSite(content, { port: Number(PORT), host: HOST, dataDir: DATA_DIR });
console.log("listening on " + site.url);
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => site.stop());
