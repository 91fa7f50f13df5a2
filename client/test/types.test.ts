import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { connect, connectWith } from "../src/index.ts";
import type { AnyContract, Channel, ChannelFor, ChannelOf, ConnectOptions, Contract, DataOf, KnownName, ReasonOf, Refused } from "../src/index.ts";
import type { DemoSnapshot } from "../../tests/support/dormouse.ts";
import { sorted } from "../command.mjs";
import { typesOf } from "../typescript.mjs";

/** The default application's, by which this repository's own page and tests are typed. */
const [contractFile, typesFile] = ["contract.json", "dormouse.ts"].map((name) => fileURLToPath(new URL(`../../tests/support/${name}`, import.meta.url))) as [string, string];
const compiler = fileURLToPath(new URL("../../node_modules/.bin/tsc", import.meta.url));

/** Compiles only where both are the same type. */
type Same<One, Other> = (<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;
const same = <Yes extends true>(yes: Yes): Yes => yes;

/** Never called: what it holds is for the compiler alone. */
export async function compiled(url: string, room: string, anything: string): Promise<void> {
  const chat = connect(url, "chat:lobby");
  await chat.publish("say", { text: "hi" });
  await chat.publish("say", { text: "hi" }, { to: { users: ["bob"] }, echo: false, ifSeq: 3 });
  await chat.publish("typing", { on: true }, { volatile: true });
  chat.on("say", ({ data, seq, from }) => {
    same<Same<typeof data.text, string>>(true);
    same<Same<typeof seq, number | undefined>>(true);
    same<Same<typeof from.user, string | null>>(true);
  });
  chat.on("*", (message) => {
    if (message.event === "typing") same<Same<typeof message.data.on, boolean>>(true);
  });
  for await (const { data } of chat.messages("typing")) same<Same<typeof data.on, boolean>>(true);
  for await (const message of chat) same<Same<typeof message.event, "say" | "typing">>(true);
  const { messages } = await chat.history({ before: 9, limit: 20 });
  same<Same<(typeof messages)[number]["event"], "say" | "typing">>(true);

  same<Same<(typeof messages)[number]["seq"], number>>(true);
  for (const entry of chat.timeline.getSnapshot().messages) {
    if (entry.status === "kept") same<Same<typeof entry.seq, number>>(true);
    if (entry.status === "failed") entry.error.code satisfies string;
    if (entry.event === "say") same<Same<typeof entry.data.text, string>>(true);
  }
  connect(url, "public:a").on("message", ({ seq }) => same<Same<typeof seq, number>>(true));
  connectWith<Overlapping>()(url, "k:x").on("e", ({ seq }) => same<Same<typeof seq, number>>(true));
  connectWith<Overlapping>()(url, "k:x").on("whisper", ({ seq }) => same<Same<typeof seq, number | undefined>>(true));

  // Whatever takes a channel takes any.
  const anyOf = (...channels: readonly Channel[]): unknown => channels.map((channel) => channel.on("*", ({ data }) => data));
  anyOf(chat, connect(url, "public:a"), connect(url, "cursor:a"), connectWith<Overlapping>()(url, "a:b"), connectWith<Overlapping>()(url, "m:x"));
  same<Same<ChannelFor<"chat:*">, typeof chat>>(true);
  same<Same<ChannelFor<"app:**">, Channel<Contract["app:**"]>>>(true);
  same<Same<ChannelFor<"chat:lobby">, typeof chat>>(true);
  // @ts-expect-error: no such event in the timeline
  connect(url, "chat:lobby", { history: { events: ["shout"] } });
  // @ts-expect-error: no such event in the timeline
  await chat.timeline.send("shout", { text: "hi" });
  // Options that are handed on fit every channel.
  const options: ConnectOptions = { history: 50 };
  connect(url, "chat:lobby", options);

  // @ts-expect-error: no such event
  await chat.publish("shout", { text: "hi" });
  // @ts-expect-error: no such field
  await chat.publish("say", { txt: "hi" });
  // @ts-expect-error: a field more
  await chat.publish("say", { text: "hi", more: 1 });
  // @ts-expect-error: another type
  await chat.publish("typing", { on: "yes" });
  // @ts-expect-error: typing may not be directed
  await chat.publish("typing", { on: true }, { to: { users: ["bob"] } });
  // @ts-expect-error: no such event to hear
  chat.on("shout", () => {});
  // @ts-expect-error: before and after exclude each other
  await chat.history({ before: 1, after: 2 });
  // @ts-expect-error: no pattern fits a room within a room
  connect(url, "chat:lobby:corner");
  // @ts-expect-error: no pattern fits
  connect(url, "char:lobby");

  // A name with a part that is known only later still has its pattern.
  await connect(url, `cursor:${room}`).publish("move", { x: 0.5, y: 0.5 });
  // @ts-expect-error: no such field on a cursor channel
  await connect(url, `cursor:${room}`).publish("move", { x: 0.5, z: 0.5 });
  await connect(url, "app:a:b:c").publish("message", { any: ["json"] }, { to: { roles: ["admin"] } });
  // What it is to be is asked of whoever knows the name only later.
  await connectWith<AnyContract>()(url, anything).publish("whatever", 1);
  const either = connect(url, room === "oak" ? "chat:oak" : "chat:elm");
  same<Same<typeof either, typeof chat>>(true);

  const demo = connect(url, "demo:lobby");
  const rolled = await demo.call("roll", { sides: 6 });
  same<Same<typeof rolled.n, number>>(true);
  same<Same<typeof rolled.by, string>>(true);
  same<Same<Awaited<ReturnType<typeof demo.call<"count">>>["count"], number>>(true);
  await demo.call("count", {}, { timeout: 5_000, id: "mine", signal: AbortSignal.timeout(1) });
  // @ts-expect-error: no such call
  await demo.call("fly", {});
  // @ts-expect-error: no such field
  await demo.call("roll", { side: 6 });
  // @ts-expect-error: another type
  await demo.call("roll", { sides: "six" });
  // @ts-expect-error: a field more
  await demo.call("roll", { sides: 6, loaded: true });
  // @ts-expect-error: nothing is to be told
  await demo.call("count", { by: 2 });
  // @ts-expect-error: no code answers there
  await chat.call("roll", { sides: 6 });
  // @ts-expect-error: the service says that
  await demo.publish("rolled", { by: "ann", n: 6 });
  // @ts-expect-error: the service says that
  await demo.timeline.send("rolled", { by: "ann", n: 6 });
  demo.on("rolled", ({ data, seq, from }) => {
    same<Same<typeof data.n, number>>(true);
    same<Same<typeof seq, number>>(true);
    same<Same<typeof from.service, true | undefined>>(true);
  });
  try {
    await demo.publish("say", { text: "hi" });
  } catch (error) {
    if (demo.isRefused(error, "say")) same<Same<typeof error.reason, "muted">>(true);
    if (demo.isRefused(error, "roll")) same<Same<typeof error.reason, never>>(true);
    // @ts-expect-error: no such event or call
    demo.isRefused(error, "shout");
  }
  same<Same<typeof demo.snapshot, Readonly<DemoSnapshot> | undefined>>(true);
  demo.onSnapshot(({ count, muted }) => [count satisfies number, muted satisfies string[]]);
  // @ts-expect-error: nobody changes it
  if (demo.snapshot) demo.snapshot.count = 1;
  same<Same<typeof chat.snapshot, undefined>>(true);
  anyOf(demo);
  const loose = connectWith<AnyContract>()(url, anything);
  same<Same<Awaited<ReturnType<typeof loose.call>>, unknown>>(true);
  await loose.call("whatever", 1);
  await loose.call("whatever", 1);
  if (loose.isRefused(anything, "whatever")) same<Same<typeof anything, string & Refused>>(true);
  const judged = connectWith<Judged>()(url, "a");
  try {
    await judged.call("move", { to: 3 }, {});
  } catch (error) {
    if (judged.isRefused(error, "move")) same<Same<typeof error.reason, "not_yours" | "too_far">>(true);
  }
  // A refusal that is kept says which it was.
  const why = (refused: Refused<ReasonOf<Judged["a"], "move">>): string => ({ not_yours: "no", too_far: "less" })[refused.reason];
  void why;

  const own = connectWith<Overlapping>();
  same<Same<DataOf<ChannelOf<Overlapping, "a:b">, "e">, "literal">>(true);
  same<Same<DataOf<ChannelOf<Overlapping, "a:x">, "e">, "one">>(true);
  same<Same<DataOf<ChannelOf<Overlapping, "a:b:c">, "e">, "two of them">>(true);
  same<Same<DataOf<ChannelOf<Overlapping, "a:x:y">, "e">, "rest">>(true);
  same<Same<DataOf<ChannelOf<Overlapping, "z:b">, "e">, "first">>(true);
  same<Same<KnownName<Overlapping, "z">, "No channel pattern fits 'z'.">>(true);
  const silent: Channel<ChannelOf<Overlapping, "a:b">> = own(url, "a:b");
  // @ts-expect-error: no presence there
  await silent.presence.set({ mood: "calm" });
  same<Same<ChannelOf<Contract, "door:x">, Contract["door:*"]>>(true);
}

interface Judged {
  a: {
    events: Record<never, never>;
    calls: { move: { input: { to: number }; output: number; remembered: false; refusals: "not_yours" | "too_far" } };
    presence: never;
  };
}

interface Overlapping {
  "a:b": { events: { e: { data: "literal"; directed: false } }; presence: never };
  "a:*": { events: { e: { data: "one"; directed: false } }; presence: unknown };
  "a:**": { events: { e: { data: "rest"; directed: false } }; presence: unknown };
  "a:b:*": { events: { e: { data: "two of them"; directed: false } }; presence: unknown };
  "m:*": { events: { e: { data: string; directed: false } }; presence: { mood: string } };
  "k:*": {
    events: { e: { data: "kept"; directed: false; kept: true }; whisper: { data: "kept or not"; directed: true; kept: true } };
    presence: never;
  };
  "*:b": { events: { e: { data: "first"; directed: false } }; presence: unknown };
}

test("a_wrong_event_or_payload_does_not_compile", () => {
  const { status, stdout } = spawnSync(compiler, ["--noEmit", "-p", fileURLToPath(new URL("..", import.meta.url))], { encoding: "utf8" });
  assert.equal(status, 0, stdout);
});

test("the_types_are_those_of_the_contract_that_is_checked_in", async () => {
  const contract = JSON.parse(await readFile(contractFile, "utf8"));
  assert.equal(await readFile(typesFile, "utf8"), await typesOf(contract), "run `npm run types -- --out tests/support/dormouse.ts --json tests/support/contract.json` with the service running");
});

const complaints: [name: string, said: string][] = [
  ['"bord:one"', "No channel pattern fits 'bord:one'."],
  ["`bord:${room}`", "No channel pattern fits 'bord:${string}'."],
  ["two", "No channel pattern fits 'bord:one'."],
  ["room", "No channel pattern fits every string: write the name as `chat:${room}` in the call itself, or use connectWith<AnyContract>()."],
  ["apart", "These names fit several channel patterns: connect to each by itself."],
];
for (const [name, said] of complaints) {
  test(`the_compiler_says_what_is_wrong_with_the_name ${name}`, async () => {
    const told = await compile(`connect("", ${name});`);
    assert.deepEqual(told.filter((line) => line.includes("error TS")).length, 1, told.join("\n"));
    assert.ok(told[0]?.replace(/[`"]'\.$/, "").endsWith(said), told.join("\n"));
  });
}

test("where_no_contract_is_known_the_compiler_says_how_to_write_it", async () => {
  const told = await compile('connectWith<{}>()("", "chat:one");');
  assert.match(told.join(), /The contract is empty: let `npx dormouse-types URL` write it/);
});

/** A payload as JSON Schema, with all that a list, an enum, a definition and a property's own name can bring with them. */
const payload = {
  type: "object",
  description: "Ends */ early.",
  properties: {
    level: { enum: ["low", "high"] },
    tags: { type: "array", items: { type: "string" }, minItems: 1, maxItems: 20 },
    title: { type: "string" },
    description: { type: ["string", "null"], title: "Another" },
    mood: { $ref: "#/$defs/Mood" },
    parts: { type: "array", items: { $ref: "#/$defs/Part" }, maxItems: 3 },
    at: { type: "array", prefixItems: [{ type: "number" }, { type: "string" }], minItems: 2, maxItems: 2 },
    kind: { oneOf: [shape("circle"), shape("square")] },
  },
  required: ["level", "tags"],
  additionalProperties: false,
  $defs: { Mood: { enum: ["calm", "cross"] }, Part: { type: "object", properties: { parts: { type: "array", items: { $ref: "#/$defs/Part" } } } } },
};

function shape(kind: string): object {
  return { type: "object", properties: { kind: { const: kind }, size: { type: "integer" } }, required: ["kind"], additionalProperties: false };
}

test("schemas_become_types_and_free_json_becomes_unknown", async () => {
  const text = await typesOf(contractOf({ "a:**": { free: true, "up-down": payload } }));
  assert.match(text, /"free": \{ data: unknown; directed: true; kept: true \}/);
  assert.match(text, /export interface ARestUpDown \{\s+level: "low" \| "high";/);
  assert.match(text, /"up-down": \{ data: ARestUpDown; directed: true; kept: true \}/);
  assert.match(text, /presence: never/);
});

test("a_list_with_bounds_takes_a_list_and_no_two_payloads_share_a_name", async () => {
  const text = await typesOf(contractOf({ "a:*": { say: payload, edit: payload }, a: { say: { type: "object", properties: {} } } }), true);
  const use = `
    declare const tags: string[];
    const said: Said = { level: "low", tags, mood: "calm", parts: [{ parts: [{}] }], at: [1, "m"], kind: { kind: "circle", size: 1 } };
    const other: ServiceContract["a:*"]["events"]["edit"]["data"] = said;
    type Said = ServiceContract["a:*"]["events"]["say"]["data"];
    // @ts-expect-error: not one of the two
    const wrong: Said = { level: "middle", tags };
    // @ts-expect-error: the wrong way round
    const turned: Said = { level: "low", tags, at: ["m", 1] };
    // @ts-expect-error: the other pattern's event of that name is another
    const another: Said = {} as ServiceContract["a"]["events"]["say"]["data"];
    console.log(other, wrong, turned, another);`;
  assert.deepEqual(await compile(`${text}${use}`), []);
  assert.doesNotMatch(text, /declare module/);
});

test("the_command_says_whom_it_asked_and_writes_where_it_is_told", async () => {
  const contract = contractOf({ "board:*": { draw: payload } });
  const server = createServer((_, answer) => void answer.end(JSON.stringify(contract))).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = await mkdtemp(join(tmpdir(), "types-"));
  const command = (...args: string[]) => promisify(execFile)(process.execPath, [fileURLToPath(new URL("../types.mjs", import.meta.url)), ...args], { cwd: folder });
  try {
    const first = await command(url, "--out", "mine.ts");
    assert.equal(first.stdout, `Asked ${url}/v1/contract: 1 channel pattern. Wrote mine.ts.\n`);
    assert.equal(await readFile(join(folder, "mine.ts"), "utf8"), await typesOf(sorted(contract) as typeof contract));
    assert.equal((await command(url, "--out=mine.ts", "--json=mine.json")).stdout, `Asked ${url}/v1/contract: 1 channel pattern. Wrote mine.json.\n`);
    assert.deepEqual(JSON.parse(await readFile(join(folder, "mine.json"), "utf8")), contract);
    const second = await command("--out=mine.ts", url);
    assert.equal(second.stdout, `Asked ${url}/v1/contract: 1 channel pattern. mine.ts is as it was.\n`);
    await assert.rejects(command(url, "--put", "mine.ts"), { code: 1, stderr: /'--put'.*\nusage: dormouse-types/s });
    assert.match((await command(url, "--out", "src/types/mine.ts")).stdout, /Wrote src\/types\/mine\.ts\.\n$/);
    assert.equal(await readFile(join(folder, "src", "types", "mine.ts"), "utf8"), await readFile(join(folder, "mine.ts"), "utf8"));
    await assert.rejects(command(url, "--out", "mine.ts/where.ts"), { code: 1, stderr: /^mine\.ts\/where\.ts cannot be written \((ENOTDIR|EEXIST)\)\.\n$/ });
    server.close();
    await once(server, "close");
    await assert.rejects(command(url), { code: 1, stderr: /does not answer/ });
  } finally {
    server.close();
    await rm(folder, { recursive: true });
  }
});

test("calls_reasons_and_the_snapshot_become_types", async () => {
  const rate = { per_second: 1, burst: 2 };
  const nothing = { type: "object", properties: {}, additionalProperties: false };
  const call = (refusals: string[], remembered: boolean) => ({ input: nothing, output: payload, ability: "call", rate, remembered, refusals });
  const event = { ability: "publish", directed: false, kept: true, rate, schema: payload };
  const channel = {
    ...{ pattern: "a:*", join: "token", presence: null, snapshot: payload, refusals: ["late", "muted", "not_staff"] },
    events: { say: { ...event, refusals: ["muted"] }, told: { ...event, ability: "publish:told", from_service: true } },
    calls: { move: call(["late"], false), score: call([], true) },
  };
  const text = await typesOf({ channels: [channel] }, true);
  // What is no event's and no call's own is a guard's, and a guard looks at all of them.
  assert.match(text, /"say": \{ data: ASay; directed: false; kept: true; refusals: "muted" \| "not_staff" \};/);
  assert.match(text, /said by the service, or with the ability `publish:told`; .*\n\s+"told": \{ [^}]*; fromService: true; refusals: "not_staff" \};/);
  assert.match(text, /"move": \{ input: AMove; output: AMoveReply; remembered: false; refusals: "late" \| "not_staff" \};/);
  assert.match(text, /"score": \{ input: AScore; output: AScoreReply; remembered: true; refusals: "not_staff" \};/);
  assert.match(text, /snapshot: ASnapshot;/);
  assert.match(text, /export type AMove = Record<string, never>;/);
  assert.deepEqual(await compile(text), []);
});

/** A contract with these payloads by pattern and event. */
function contractOf(channels: Record<string, Record<string, unknown>>) {
  const event = { ability: "publish", directed: true, kept: true, rate: { per_second: 1, burst: 2 } };
  const events = (payloads: Record<string, unknown>) => Object.fromEntries(Object.entries(payloads).map(([name, schema]) => [name, { ...event, schema }]));
  return { channels: Object.entries(channels).map(([pattern, payloads]) => ({ pattern, join: "token", events: events(payloads), presence: null })) };
}

/** What the compiler says of some lines that use the client. */
async function compile(lines: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "compile-"));
  const file = join(folder, "lines.ts");
  const about = { extends: fileURLToPath(new URL("../tsconfig.json", import.meta.url)), compilerOptions: { types: [] }, include: [], files: [typesFile, file] };
  try {
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(about));
    await writeFile(
      file,
      `import { connect, connectWith } from "dormouse-client";
      declare const room: string, two: "chat:one" | "bord:one", apart: "chat:one" | "cursor:one";
      export { connect, connectWith, room, two, apart };
      ${lines}`,
    );
    const { stdout } = await promisify(execFile)(compiler, ["-p", folder, "--pretty", "false"], { cwd: folder }).catch((failed: { stdout: string }) => failed);
    return stdout.split("\n").filter(Boolean);
  } finally {
    await rm(folder, { recursive: true });
  }
}
