// Child processes, each pinned to one core, none of which outlives the benchmark.
import { spawn } from "node:child_process";

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** Starts a program that runs on nothing but the core `cpu`. */
export function pinned(cpu, program, args, options) {
  const child = spawn("taskset", ["--cpu-list", cpu, program, ...args], options);
  running.add(child);
  child.once("error", () => running.delete(child));
  return child.once("exit", () => running.delete(child));
}
