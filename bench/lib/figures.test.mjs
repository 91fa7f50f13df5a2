import assert from "node:assert/strict";
import test from "node:test";
import { CASES, PEERS } from "./cases.mjs";
import { median, round, summary, verdicts } from "./figures.mjs";
import { plot } from "./plot.mjs";

test("the median of an even count lies between the two in the middle", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([1, 9, 5, 7]), 6);
});

test("a summary has the median of each figure and how far the rounds lie apart", () => {
  const found = summary([{ p99_ms: 3, end: "a" }, { p99_ms: 1 }, { p99_ms: 2, end: "b" }]);
  assert.deepEqual(found, { rounds: 3, spread: { p99_ms: [1, 3] }, p99_ms: 2, end: "b" });
});

test("a figure that a round lacks is left out of the median, not taken as nought", () => {
  assert.equal(summary([{ p99_ms: null }, { p99_ms: 4 }]).p99_ms, 4);
});

test("a goal against a peer is a ratio of the two, in the direction that the goal names", () => {
  const testCase = {
    reach: [
      { metric: "deliveries_per_s", against: "raw", least: 4, stretch: 6 },
      { metric: "p99_ms", against: "raw", most: 1 },
    ],
  };
  const peers = { dormouse: { deliveries_per_s: 500, p99_ms: 30 }, raw: { deliveries_per_s: 100, p99_ms: 20 } };
  assert.deepEqual(verdicts(testCase, peers), [
    { goal: "deliveries_per_s ≥ 4x raw", figure: 5, reached: true, stretch: 6, stretch_reached: false },
    { goal: "p99_ms ≤ 1x raw", figure: 1.5, reached: false },
  ]);
});

test("a goal that is a number is held against the figure itself", () => {
  const [verdict] = verdicts({ reach: [{ metric: "p99_ms", most: 150 }] }, { dormouse: { p99_ms: 150.5 } });
  assert.deepEqual(verdict, { goal: "p99_ms ≤ 150", figure: 150.5, reached: false });
});

test("a goal over a peer is what lies between the two", () => {
  const testCase = { reach: [{ metric: "welcome_ms", over: "raw", most: 15 }] };
  const held = (dormouse) => verdicts(testCase, { dormouse: { welcome_ms: dormouse }, raw: { welcome_ms: 5 } });
  assert.deepEqual(held(20), [{ goal: "welcome_ms ≤ raw + 15", figure: 15, reached: true }]);
  assert.deepEqual(held(21.5), [{ goal: "welcome_ms ≤ raw + 15", figure: 16.5, reached: false }]);
});

test("a goal may be another's than dormouse's, which is what it is then held against", () => {
  const testCase = { reach: [{ metric: "joins_per_s", of: "relay", against: "dormouse", least: 5 }] };
  const peers = { dormouse: { joins_per_s: 1000 }, relay: { joins_per_s: 6000 } };
  assert.deepEqual(verdicts(testCase, peers), [{ goal: "joins_per_s of relay ≥ 5x dormouse", figure: 6, reached: true }]);
});

test("a goal against a peer or over it that did not run has no verdict", () => {
  for (const beside of [{ against: "raw" }, { over: "raw" }]) {
    assert.deepEqual(verdicts({ reach: [{ metric: "p99_ms", ...beside, most: 1 }] }, { dormouse: { p99_ms: 1 } }), []);
  }
});

test("numbers keep four digits", () => {
  assert.deepEqual([123456.78, 12.3456, 0.0012346, 7].map(round), [123457, 12.35, 0.001235, 7]);
});

test("a plot has a line and a name for each series, and nothing where nothing can be drawn", () => {
  const svg = plot({ title: "t", x: "x", y: "y", series: { dormouse: [[10, 5], [1000, 500]], raw: [[10, 5]] } });
  assert.equal(svg.match(/<circle/g).length, 3);
  assert.ok(svg.includes(">dormouse</text>") && svg.includes(">raw</text>"));
  assert.equal(plot({ title: "t", x: "x", y: "y", series: { raw: [[10, 0]] } }), null);
});

test("every case names known peers, dormouse among them, and its goals a peer that runs with it, quick or not", () => {
  for (const { name, peers, quickPeers = peers, reach } of CASES) {
    assert.ok(peers.includes("dormouse") && quickPeers.includes("dormouse"), name);
    assert.ok([...peers, ...quickPeers].every((peer) => PEERS.includes(peer)), name);
    for (const { of, against, over } of reach ?? []) for (const other of [of, against, over]) assert.ok(!other || (peers.includes(other) && quickPeers.includes(other)), name);
  }
});
