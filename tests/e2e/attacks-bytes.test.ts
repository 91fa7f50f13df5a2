// Rule R7: what is replayed, what is sent and not read, and what one flush makes has a bound, and each has its share of it.
import assert from "node:assert/strict";
import { setTimeout as passing } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import { type Frame, Member } from "./support/member.ts";
import { Intruder, frame, paced } from "./support/intruder.ts";
import { Runtime } from "./support/runtime.ts";
import { token } from "./support/tokens.ts";
import { attacked, median } from "./support/witness.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
/** What may be replayed, at once and a second, and the most that one page carries: the knobs' defaults. */
const REPLAY = { burst: 8 * MIB, perSecond: MIB, page: 256 * KIB };

const mebibytes = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;

let runtime: Runtime;
const started = (vars: Record<string, string>) => {
  before(async () => {
    runtime = await Runtime.start({ vars, probed: true });
  });
  after(() => runtime.stop());
};

/** Fills a public channel's history: so many pages of it. */
async function fill(channel: string, pages: number): Promise<void> {
  const bearer = await token("backend", { can: { "**": ["publish", "unmetered"] } });
  const body = JSON.stringify(Array.from({ length: 4 }, () => ({ event: "message", data: "x".repeat(15_000) })));
  for (let posts = 0; posts * body.length < pages * REPLAY.page; posts++) {
    const answer = await fetch(runtime.at(`/v1/channels/${channel}/messages`), { method: "POST", headers: { Authorization: `Bearer ${bearer}` }, body });
    assert.equal(answer.status, 200, await answer.text());
  }
}

/** How much the process's memory grew by an attack, in bytes, as far as it was looked at. */
async function growth(attack: () => Promise<unknown>): Promise<number> {
  const before = await runtime.memory();
  let most = before;
  let over = false;
  const looking = (async () => {
    for (; !over; await passing(50)) most = Math.max(most, await runtime.memory());
  })();
  await attack().finally(() => over = true);
  await looking;
  return most - before;
}

/** A member that publishes as much as it likes, in signals of 32 kB that nobody keeps. */
async function speaker(channel: string) {
  const unmetered = await token("speaker", { can: { "**": ["join", "publish", "unmetered"] } });
  const socket = await Intruder.join(runtime, channel, { token: unmetered });
  const signal = (fields: object) => frame(JSON.stringify({ type: "publish", event: "signal", echo: false, ...fields }));
  const said = signal({ data: "x".repeat(32_000) });
  let rounds = 0;
  return {
    socket,
    /** Publishes so many megabytes, and waits until they are told. */
    megabytes: async (count: number) => {
      const id = `round-${rounds++}`;
      socket.socket.write(Buffer.concat([...Array.from({ length: count * 32 }, () => said), signal({ id, data: 1 })]));
      await socket.find((frame) => frame.id === id, "ack");
    },
  };
}

describe("replays", () => {
  started({});

  test("r7 replays: forty tokenless sockets of one address draw no more than its share, and another address has its pages", async (context) => {
    await fill("public:drawn", 32);
    const { attacked: { drawn, took }, told, seconds } = await attacked(runtime, "public:drawn", async () => {
      const ask = frame('{"type":"history","id":"page","after":0,"limit":100}');
      const sockets = await Promise.all(Array.from({ length: 40 }, () => Intruder.open(runtime, "public:drawn", { address: "198.51.100.1", deaf: true })));
      const drawing = sockets.map((socket) => paced(5, 4_000, () => socket.socket.write(ask)));
      await passing(1_000);
      const reader = await Member.join(runtime, "public:drawn", "", { token: null, headers: { "CF-Connecting-IP": "203.0.113.1" } });
      const took: number[] = [];
      for (let at = 0; at < 5; at++) {
        const begun = performance.now();
        const page = await reader.ask({ type: "history", id: `page-${at}`, after: 0, limit: 100 });
        took.push(performance.now() - begun);
        assert.equal(page.type, "history", JSON.stringify(page));
        await passing(500);
      }
      await Promise.all(drawing);
      const drawn = sockets.reduce((sum, socket) => sum + socket.bytes, 0);
      sockets.forEach((socket) => socket.reset());
      await reader.leave();
      return { drawn, took };
    });
    context.diagnostic(`${told}; one address drew ${mebibytes(drawn)} in ${seconds.toFixed(1)} s, the other's page took ${median(took).toFixed(0)} ms`);
    // Whoever is solvent is given a whole page, into debt; and each of the forty hears the witness.
    const heard = 40 * seconds * 50 * 250;
    assert.ok(drawn <= REPLAY.burst / 2 + (REPLAY.perSecond / 2) * seconds + 2 * REPLAY.page + heard, `${drawn} bytes`);
    assert.ok(median(took) < 500, `${took}`);
  });

  test("r7 replays: one address that pages over HTTP without a token starves no other", async (context) => {
    await fill("public:paged", 8);
    const page = async (address: string) => {
      const answer = await fetch(runtime.at("/v1/channels/public:paged/messages?after=0&limit=100"), { headers: { "CF-Connecting-IP": address } });
      await answer.arrayBuffer();
      return answer.status;
    };
    const { attacked: { greedy, modest }, told } = await attacked(runtime, "public:paged", async () => {
      const greedy: number[] = [];
      const modest: number[] = [];
      await Promise.all(Array.from({ length: 35 }, async () => greedy.push(await page("198.51.100.1"))));
      await Promise.all([
        paced(9, 5_000, async () => greedy.push(await page("198.51.100.1"))),
        paced(1, 5_000, async () => modest.push(await page("203.0.113.1"))),
      ]);
      return { greedy, modest };
    });
    const served = greedy.filter((status) => status === 200).length;
    context.diagnostic(`${told}; of ${greedy.length} pages ${served} came to the one, of ${modest.length} all to the other`);
    assert.deepEqual(modest, modest.map(() => 200));
    assert.deepEqual(greedy.filter((status) => status !== 200), Array.from({ length: greedy.length - served }, () => 429));
  });
});

describe("what is sent and not read", () => {
  /** What all of a channel may have unread together, and what a process's memory may grow by: garbage is in it too. */
  const TOTAL = 8 * MIB;
  const GROWTH = 64 * MIB;
  started({ UNSENT_TOTAL_BYTES: `${TOTAL}` });

  test("r7 unread: three hundred tokenless sockets that ask for history and never read hold what all may hold", async (context) => {
    await fill("public:unread", 32);
    const ask = Buffer.concat(Array.from({ length: 40 }, () => frame('{"type":"history","id":"page","after":0,"limit":100}')));
    const sockets: Intruder[] = [];
    const { attacked: grown, told } = await attacked(runtime, "public:unread", () => growth(async () => {
      for (let at = 0; at < 300; at++) {
        const socket = await Intruder.open(runtime, "public:unread", { address: "198.51.100.1" });
        sockets.push(socket);
        socket.stop_reading();
        socket.socket.write(ask);
      }
      await passing(1_000);
    }));
    sockets.forEach((socket) => socket.reset());
    context.diagnostic(`${told}; the process grew by ${mebibytes(grown)}`);
    assert.ok(grown <= GROWTH, `the process grew by ${mebibytes(grown)}`);
  });

  test("r7 unread: who reads nothing of what is said is told to go, the greediest first", async (context) => {
    const { megabytes, socket } = await speaker("app:deaf");
    const join = async (user: string) => Intruder.join(runtime, "app:deaf", { token: await token(user) });
    // The greedy one is not the first that is looked at.
    const crowd = async () => ({
      others: await Promise.all(Array.from({ length: 5 }, (_, at) => join(`other-${at}`))),
      eves: await Promise.all(Array.from({ length: 12 }, () => join("eve"))),
    });
    // The systems in between hold four megabytes for each that does not read, before anything counts as unread.
    const speak = () => paced(3, 2_600, () => megabytes(1));
    const ordinary = async () => {
      const { eves, others } = await crowd();
      await speak();
      for (const one of [...eves, ...others]) one.reset();
    };
    const reader = await join("reader");
    const { attacked: { grown, eves, others }, told, lines } = await attacked(runtime, "app:deaf", async () => {
      const { eves, others } = await crowd();
      for (const deaf of [...eves, ...others]) deaf.stop_reading();
      return { grown: await growth(speak), eves, others };
    }, ordinary);
    const slow = lines.filter(({ event, code }) => event === "bye" && code === "too_slow").map(({ user }) => user);
    context.diagnostic(`${told}; ${slow.length} were told to go, the process grew by ${mebibytes(grown)}`);
    assert.ok(grown <= GROWTH, `the process grew by ${mebibytes(grown)}`);
    assert.deepEqual(slow.slice(0, eves.length), eves.map(() => "eve"));
    assert.equal(reader.bye, undefined, "who reads stays");
    for (const one of [reader, ...others, ...eves, socket]) one.reset();
  });

  test("r7 unread: one user's connections that were replaced and never read count, until they are closed", async (context) => {
    const { megabytes, socket } = await speaker("app:replaced");
    const [ann, eve] = await Promise.all(["ann", "eve"].map((user) => token(user)));
    // Four megabytes are held by the systems in between before anything counts as unread.
    const ordinary = async () => {
      const reader = await Intruder.open(runtime, "app:replaced", { token: ann, deaf: true });
      for (let at = 0; at < 10; at++) await megabytes(5);
      reader.reset();
    };
    const sockets: (Intruder & { let_in: boolean })[] = [];
    const { attacked: grown, told } = await attacked(runtime, "app:replaced", () => growth(async () => {
      let connection = "";
      for (let at = 0; at < 50; at++) {
        const deaf = await Intruder.join(runtime, "app:replaced", { token: eve, query: `?connection=${connection}` });
        sockets.push(deaf);
        await passing(25);
        if (!deaf.let_in) continue;
        ({ connection } = deaf);
        deaf.stop_reading();
        await megabytes(5);
      }
    }), ordinary);
    const inside = sockets.filter(({ let_in }) => let_in).length;
    context.diagnostic(`${told}; ${inside} of 50 came in, the process grew by ${mebibytes(grown)}`);
    assert.ok(grown <= GROWTH, `the process grew by ${mebibytes(grown)}`);
    for (const one of [...sockets, socket]) one.reset();
  });
});

describe("one flush", () => {
  const MEMBERS = 400;
  // The window stays open as long as a crowd of thousands keeps it: all of the attack falls into one.
  started({ FLUSH_COST_US_PER_MEMBER: "1000" });

  test("r7 text: signals to a hundred each and messages to all make no more text than a flush may, and all hear all", async (context) => {
    const can = { "**": ["join", "publish"] };
    const tokens = await Promise.all(Array.from({ length: MEMBERS }, (_, at) => token(`member-${at}`, { can })));
    const members: Intruder[] = [];
    while (members.length < MEMBERS) {
      members.push(...await Promise.all(tokens.slice(members.length, members.length + 20).map((bearer) => Intruder.join(runtime, "app:flush", { token: bearer }))));
    }
    const users = (at: number) => Array.from({ length: 100 }, (_, each) => `member-${(each * (at + 3) + at * 13) % MEMBERS}`);
    const signal = (id: string, fields: object = {}) => ({ type: "publish", id, event: "signal", data: id, ...fields });
    const directed: Frame[] = Array.from({ length: 33 }, (_, at) => signal(`to-${at}`, { to: { users: users(at) } }));
    const messages: Frame[] = Array.from({ length: 7 }, (_, at) => ({ type: "publish", id: `all-${at}`, event: "message", data: "x".repeat(31_000) }));
    const say = async (member: Intruder, ...frames: (Frame | Frame[])[]) => {
      // The first leaves at once, the two after it together: what comes then waits.
      member.say(signal("first"));
      member.say([signal("second"), signal("third")]);
      await member.find(({ id, from }) => id === "third" && from.connection === member.connection, "echo");
      member.socket.cork();
      for (const frame of [...frames, ...messages]) member.say(frame);
      member.socket.uncork();
      await member.find(({ id, from }) => id === "all-6" && from.connection === member.connection, "echo");
      await passing(1_000);
    };
    const [eve, friend] = members;
    const { attacked: grown, told } = await attacked(runtime, "app:flush", async () => {
      const { wasmBytes } = await runtime.probe();
      await say(eve, directed);
      return (await runtime.probe()).wasmBytes - wasmBytes;
    }, () => say(friend));
    context.diagnostic(`${told}; wasm's memory grew by ${mebibytes(grown)}`);
    assert.ok(grown <= 24 * MIB, `wasm's memory grew by ${mebibytes(grown)}`);
    assert.deepEqual(eve.of("error"), []);
    assert.equal(eve.of("ack").length, directed.length, "who published is answered");
    for (const [at, member] of members.entries()) {
      await member.find(({ id, from }) => id === "all-6" && from?.user === "member-0", "the last message");
      const heard = member.of("message").filter(({ id, from }) => from.user === "member-0" && /^(to|all)-/.test(id)).map(({ id }) => id as string);
      const meant = [...directed, ...messages].filter(({ to }) => to === undefined || (at > 0 && to.users.includes(`member-${at}`)));
      assert.deepEqual(heard, meant.map(({ id }) => id), `member-${at} hears all that is its, in order`);
      member.reset();
    }
  });
});
