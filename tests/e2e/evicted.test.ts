// What is left of channels that nobody is in any more: nothing. And the harness tells when something broke.
import assert from "node:assert/strict";
import { setTimeout as passing } from "node:timers/promises";
import { test } from "node:test";
import { check } from "./support/log.ts";
import { Runtime } from "./support/runtime.ts";
import { Service } from "./support/service.ts";
import { token } from "./support/tokens.ts";

interface Seen {
  constructed: number;
  collected: number;
  wasmBytes: number;
  stackPointers: number[];
}

const FLOCK = 1_700;

test("h2 five thousand channels come and go, and wasm's memory and stack pointer are where they were", async () => {
  const runtime = await Runtime.start({ probed: true });
  const ask = async (path: string) => await (await fetch(runtime.at(path))).json() as Seen;
  const bearer = await token("ann");
  const flock = async (from: number): Promise<Seen> => {
    const { constructed } = await ask(`/test/visit?from=${from}&count=${FLOCK}&token=${bearer}`);
    assert.equal(constructed, from + FLOCK, "each was awake");
    // The platform lets go of an object ten seconds after its last event, and tells nobody; what it let go of is
    // collected when it is looked for, and finalised a little later.
    await passing(10_500);
    for (let patience = 0; patience < 100; patience++) {
      const seen = await ask("/test/collect");
      if (seen.collected >= from + FLOCK) return seen;
      await passing(100);
    }
    throw new Error(`they were not collected: ${JSON.stringify(await ask("/test/probe"))}`);
  };
  try {
    // The second may yet meet the first, as it is let go of: only then is as much in use at once as ever will be.
    await flock(0);
    const before = await flock(FLOCK);
    const after = await flock(2 * FLOCK);
    assert.deepEqual([before.stackPointers.length, typeof before.stackPointers[0]], [1, "number"]);
    assert.deepEqual([after.wasmBytes, after.stackPointers], [before.wasmBytes, before.stackPointers]);
  } finally {
    await runtime.stop();
  }
});

const faults = ["timer", "promise", "handler", "critical", "again", "line"];

for (const [name, start] of [["the service", () => Service.start()], ["the runtime", () => Runtime.start({ probed: true })]] as const) {
  test(`a suite fails on a fault that no test expects, and on one that it expects and that does not come: ${name}`, async () => {
    const service = await start();
    for (const kind of faults) {
      await (await fetch(service.at(`/test/fault?kind=${kind}`))).arrayBuffer();
    }
    // Each by a word of its own; `again` is told of by the word of the glue.
    const lines = (but = "") => faults.filter((kind) => kind !== but).map((kind) => new RegExp(kind === "again" ? "Reinitializing" : `${kind} on purpose`));
    service.expect(...lines());
    await service.stop();
    for (const kind of faults) assert.throws(() => check(service.lines(), lines(kind)), /no test expects/, kind);

    const quiet = await start();
    quiet.expect(/what never came/);
    await assert.rejects(quiet.stop(), /did not log what a test expects/);
    const loud = await start();
    await (await fetch(loud.at("/test/fault?kind=line"))).arrayBuffer();
    await assert.rejects(loud.stop(), /no test expects/);
  });
}
