import assert from "node:assert/strict";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import type { TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import type { Weather } from "./weather.ts";
import { World } from "./world.ts";

/** Which seeds are tried: each is another story; a failing one is told, and can be told alone: `SEED=17 SEEDS=1`. */
export function seeds(usual: number): { readonly first: number; readonly count: number } {
  return { first: Number(process.env["SEED"] ?? 1), count: Number(process.env["SEEDS"] ?? usual) };
}

/** Has so many stories of a file told, none of which may fail; each of `kinds` has to have happened, often, for that to prove anything. */
export async function prove(
  context: TestContext,
  file: string,
  { first, count }: ReturnType<typeof seeds>,
  kinds: readonly string[],
  way: Wanted["way"] = "direct",
): Promise<void> {
  const { total, failed } = await told(file, first, count, way);
  assert.deepEqual(failed, []);
  const rare = count < 100 ? [] : kinds.filter((name) => (total[name] ?? 0) < count / 20);
  assert.deepEqual(rare, [], "the weather is worth its name");
  context.diagnostic(
    Object.entries(total)
      .map(([name, times]) => `${times} ${name}`)
      .join(", "),
  );
}

/** Which stories to tell: so many seeds from the first on, each so much after the one before. */
export interface Wanted {
  readonly first: number;
  readonly end: number;
  readonly by: number;
  /** How the clients connect. */
  readonly way: typeof World.way;
}

/** What the weather was like in all of them, and what went wrong in some. */
export interface Outcome {
  readonly total: Record<string, number>;
  readonly failed: readonly string[];
}

/** Stories that fail are told up to this many. */
const ENOUGH = 5;

/** Numbers between 0 and 1 that the seed alone decides (mulberry32). */
export function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Weather that the dice choose: each story has some of its kinds, so that each kind is also met alone. */
export function weather(random: () => number): Weather {
  const maybe = (share: number): number => (random() < 0.5 ? random() * share : 0);
  return {
    random,
    delay: random() * 200,
    cut: maybe(0.08),
    stall: maybe(0.01),
    mute: maybe(0.01),
    halfClose: maybe(0.02),
    lateJoin: maybe(0.3),
    forget: maybe(0.1),
    refuse: maybe(0.1),
    refuseForGood: random() < 0.2 ? random() * 0.05 : 0,
    replay: 2 + Math.floor(random() * 30),
    held: random() < 0.3 ? 5 + Math.floor(random() * 40) : 1_000,
    rate: { perSecond: 2 + random() * 20, burst: 1 + Math.floor(random() * 20) },
  };
}

/** Tells stories in a thread of their own, which costs a test runner's bookkeeping of every promise nothing. */
export async function tell({ first, end, by, way }: Wanted, story: (seed: number) => Promise<Record<string, number>>): Promise<Outcome> {
  const total: Record<string, number> = {};
  const failed: string[] = [];
  World.way = way;
  for (let seed = first; seed < end && failed.length < ENOUGH; seed += by) {
    try {
      for (const [name, count] of Object.entries(await story(seed))) total[name] = (total[name] ?? 0) + count;
    } catch (error) {
      failed.push(`SEED=${seed}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { total, failed };
}

/** Has threads tell so many stories of a file from the first seed on, each its share. */
async function told(file: string, first: number, count: number, way: Wanted["way"]): Promise<Outcome> {
  const by = Math.min(4, availableParallelism());
  const outcomes = await Promise.all(
    Array.from({ length: by }, async (_, at) => {
      const wanted: Wanted = { first: first + at, end: first + count, by, way };
      const [outcome] = (await once(new Worker(new URL(file, import.meta.url), { workerData: wanted }), "message")) as [Outcome];
      return outcome;
    }),
  );
  const total: Record<string, number> = {};
  for (const outcome of outcomes) for (const [name, times] of Object.entries(outcome.total)) total[name] = (total[name] ?? 0) + times;
  return { total, failed: outcomes.flatMap(({ failed }) => failed) };
}
