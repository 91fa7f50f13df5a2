// Rule R7: nobody takes the places of others: not by leaving without closing, nor by breaking off, nor by coming first.
import assert from "node:assert/strict";
import { setTimeout as passing } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import { type Frame, Member, } from "./support/member.ts";
import { Intruder, type Manner, ghost } from "./support/intruder.ts";
import { Runtime } from "./support/runtime.ts";
import { token } from "./support/tokens.ts";
import { Witness, attacked } from "./support/witness.ts";

/** How many connections a user has to a channel at most, by R5. */
const USER = 20;

let runtime: Runtime;
const started = (vars: Record<string, string>) => {
  before(async () => {
    runtime = await Runtime.start({ vars });
  });
  after(() => runtime.stop());
};

const headers = (address: string) => ({ "CF-Connecting-IP": address });
const inside = (sockets: (Intruder & { let_in: boolean })[]) => sockets.filter(({ let_in }) => let_in).length;
const reset = (sockets: Intruder[]) => sockets.forEach((socket) => socket.reset());

/** Joins by so many tokenless sockets of addresses, one after the other, none of which is closed. */
async function hold(channel: string, addresses: (string | undefined)[]): Promise<(Intruder & { let_in: boolean })[]> {
  const held = [];
  for (const address of addresses) {
    held.push(await Intruder.join(runtime, channel, { address }));
    await passing(20);
  }
  return held;
}

/** Who comes from so many addresses, each of another network, is let in, hears a welcome, and leaves. */
async function come(channel: string, visitors: number, token: string | null = null): Promise<void> {
  const members = Array.from({ length: visitors }, (_, at) => Member.join(runtime, channel, "", { token, headers: headers(`203.0.113.${at + 1}`) }));
  for (const member of await Promise.all(members)) await member.leave();
}

/** Who is here, as HTTP tells it. */
async function members(channel: string): Promise<{ members?: Frame[]; count?: number }> {
  const unmetered = await token("backend", { can: { "**": ["presence", "unmetered"] } });
  const answer = await fetch(runtime.at(`/v1/channels/${channel}/members`), { headers: { Authorization: `Bearer ${unmetered}` } });
  return await answer.json() as { members?: Frame[]; count?: number };
}

/** How often a user is listed. */
async function listed(channel: string, user: string): Promise<number> {
  const { members: list } = await members(channel);
  assert.ok(list !== undefined, "the list is a list");
  return list.filter((member) => member.user === user).length;
}

async function counted(channel: string): Promise<number> {
  return (await members(channel)).count ?? NaN;
}

describe("a channel of thirty places", () => {
  started({ MEMBERS: "30", UNSIGNED_MEMBERS: "10" });

  test("r7 connections: a user that replaces its own connection and closes none holds its share of the places", async (context) => {
    const eve = await token("eve");
    const { attacked: held, told, lines } = await attacked(runtime, "chat:replaced", async () => {
      const held = [];
      let connection = "";
      for (let at = 0; at < 30; at++) {
        const socket = await Intruder.join(runtime, "chat:replaced", { token: eve, query: `?connection=${connection}` });
        if (socket.let_in) ({ connection } = socket);
        held.push(socket);
        await passing(20);
      }
      for (let at = 0; at < 8; at++) await come("chat:replaced", 1, await token(`visitor-${at}`));
      return held;
    });
    context.diagnostic(`${told}; ${inside(held)} of 30 were let in`);
    assert.ok(inside(held) >= 10 && inside(held) <= USER, `${inside(held)} of 30 were let in`);
    const byes = held.slice(inside(held)).map(({ bye }) => bye);
    assert.deepEqual(byes, byes.map(() => 4100));
    assert.ok(lines.length <= 3 * 38, JSON.stringify(lines));
    reset(held);
  });

  test("r7 places: an address takes as many places without a user as it leaves free", async () => {
    const { attacked: held } = await attacked(runtime, "public:half", async () => {
      const held = await hold("public:half", Array.from({ length: 30 }, () => "198.51.100.1"));
      await come("public:half", 3);
      return held;
    });
    assert.ok(inside(held) >= 7 && inside(held) <= 8, `${inside(held)} of 15 places`);
    reset(held);
  });

  test("r7 places: an address is its network where it is of version 6", async () => {
    const { attacked: held } = await attacked(runtime, "public:network", async () => {
      const held = await hold("public:network", Array.from({ length: 30 }, (_, at) => `2001:db8:1:2:${at.toString(16)}::1`));
      await come("public:network", 3);
      return held;
    });
    assert.ok(inside(held) <= 8, `${inside(held)} of 15 places`);
    const elsewhere = await hold("public:network", ["2001:db8:1:3::1"]);
    assert.equal(inside(elsewhere), 1);
    reset([...held, ...elsewhere]);
  });

  test("r7 places: where no address is known, none has a share", async () => {
    const held = await hold("door:unknown", Array.from({ length: 10 }, () => undefined));
    assert.equal(inside(held), 10);
    reset(held);
  });
});

describe("a channel of a hundred places for who has not signed in", () => {
  started({ SIGN_IN_MS: "1000" });

  test("r7 places: an address that keeps coming unsigned keeps no visitor out", async (context) => {
    const tokens = await Promise.all(Array.from({ length: 40 }, (_, at) => token(`visitor-${at}`)));
    const { attacked: most, told } = await attacked(runtime, "door:kept", async () => {
      let [over, holds, most] = [false, 0, 0];
      // Who is let in stays until it is told to go; who is not comes again soon.
      const keep = async () => {
        while (!over) {
          const socket = await Intruder.join(runtime, "door:kept", { address: "198.51.100.1" });
          if (socket.let_in) {
            most = Math.max(most, holds += 1);
            await socket.until(() => socket.bye !== undefined, "bye");
            holds -= 1;
          }
          socket.reset();
          await passing(socket.let_in ? 0 : 500);
        }
      };
      const kept = Promise.allSettled(Array.from({ length: 110 }, keep));
      try {
        await passing(500);
        for (const [at, bearer] of tokens.entries()) {
          const visitor = await Member.join(runtime, "door:kept", "", { token: null, headers: headers(`203.0.113.${at}`) });
          assert.equal((await visitor.ask({ type: "auth", id: "in", token: bearer })).type, "ack");
          await visitor.leave();
          await passing(50);
        }
      } finally {
        over = true;
        await kept;
      }
      return most;
    });
    context.diagnostic(`${told}; the address held ${most} of 100`);
    assert.ok(most <= 50, `${most} of 100`);
  });
});

describe("who breaks off", () => {
  started({});

  test("r7 list: one token that breaks off again and again is listed so often as it may be here, and the list stays one", async (context) => {
    const eve = await token("eve");
    const data = "x".repeat(1_008);
    const { attacked: witness, told, lines } = await attacked(runtime, "chat:broken", async (witness) => {
      for (let at = 0; at < 70; at++) {
        const socket = await Intruder.join(runtime, "chat:broken", { token: eve });
        socket.say({ type: "presence", id: "1", data });
        assert.equal((await socket.find(({ id }) => id === "1", "answer")).type, "ack");
        socket.reset();
        // No faster than its rate allows.
        await passing(30);
      }
      return witness;
    });
    context.diagnostic(told);
    const most = await listed("chat:broken", "eve");
    assert.ok(most <= USER, `${most} of eve are listed`);
    assert.deepEqual(witness.member.taken("presence").filter(({ count }) => count !== undefined), []);
    const again = await Intruder.join(runtime, "chat:broken", { token: eve });
    assert.ok(again.let_in, "and who broke off comes in again");
    assert.ok(lines.length <= 2 * 70, JSON.stringify(lines));
    again.reset();
  });
});

describe("ghosts", () => {
  started({});
  /** Within this a ghost is gone, in milliseconds: they are looked for every ten seconds. */
  const GONE = 14_000;
  const GHOSTS = 25;

  /** Sends ghosts, and waits until `here` counts none of them any more. */
  const haunt = async (channel: string, way: Manner, here: () => Promise<number>) => {
    // The reset meets the service before it has seen the upgrade, while it answers, and after.
    for (let at = 0; at < GHOSTS; at++) await ghost(runtime, channel, at % 8, way);
    const begun = performance.now();
    // What they left behind is there as soon as the service has seen it; then it goes.
    for (let count = Infinity; count > 0 || performance.now() - begun < 1_000; count = await here()) {
      assert.ok(performance.now() - begun < GONE, `${count} of ${GHOSTS} ghosts are still here`);
      await passing(250);
    }
    const came = runtime.log().filter((line) => line.event === "join" && line.channel === channel).length - 1;
    assert.ok(came >= GHOSTS / 3, `only ${came} came`);
    return came;
  };

  test("r7 ghosts: who resets its upgrade at once haunts neither the list nor its user's places", async (context) => {
    const eve = await token("eve");
    const { attacked: came, told, lines } = await attacked(runtime, "chat:ghosts", () =>
      haunt("chat:ghosts", { token: eve }, () => listed("chat:ghosts", "eve")));
    context.diagnostic(`${told}; ${came} came`);
    const socket = await Intruder.join(runtime, "chat:ghosts", { token: eve });
    assert.ok(socket.let_in, "its user is not locked out");
    assert.ok(lines.length <= 3 * GHOSTS, JSON.stringify(lines));
    socket.reset();
  });

  test("r7 ghosts: who resets its upgrade at once haunts no count, and keeps no place without a user", async (context) => {
    const { attacked: came, told } = await attacked(runtime, "public:ghosts", () =>
      haunt("public:ghosts", { address: "198.51.100.1" }, async () => await counted("public:ghosts") - 1));
    context.diagnostic(`${told}; ${came} came`);
  });

  test("r7 ghosts: an upgrade to anything but a WebSocket alone is refused and leaves nobody", async () => {
    const witness = await Witness.join(runtime, "chat:upgrades");
    for (const upgrade of ["websocket, h2c", "h2c, websocket", "websocket,websocket", "h2c", "websocket/13"]) {
      const headers = { Upgrade: upgrade, Authorization: `Bearer ${await token("eve")}` };
      const socket = await Intruder.open(runtime, "chat:upgrades", { headers });
      assert.equal(socket.status, 426, upgrade);
      socket.reset();
    }
    await witness.answer();
    assert.deepEqual(witness.member.taken("presence"), []);
  });
});
