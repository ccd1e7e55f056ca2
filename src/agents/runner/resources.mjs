// What a run used, as Linux counts it; null elsewhere.

import { readFileSync } from "node:fs";

/** USER_HZ: the kernel's unit towards programs is 1/100 s on every architecture Node runs on. */
const TICKS_PER_SECOND = 100;

/** The largest resident size a living process has had. */
export function readPeakRss(pid) {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readOrEmpty(`/proc/${pid}/status`))?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

/** Processor time of the children that this process has waited for, and of those they waited for. proc(5): 16 and 17. */
export function readCpuSeconds() {
  const stat = readOrEmpty("/proc/self/stat");
  if (stat === "") return null;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

function readOrEmpty(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
