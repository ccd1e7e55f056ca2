/** The program's parts, wired in house/, as the command line starts them. */
export { openHouse, type House } from "#house/open-house.ts";
export { startHouse, type Running } from "#house/start-house.ts";
