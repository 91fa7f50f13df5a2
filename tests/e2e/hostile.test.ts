// What hostile clients send: each gets an error, the socket lives or is closed by the rule, and nothing inside is told.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Member } from "./support/member.ts";
import { Service } from "./support/service.ts";
import { token } from "./support/tokens.ts";

const MIB = 1024 * 1024;
let service: Service;
before(async () => {
  service = await Service.start({ vars: { ALLOW_QUERY_TOKEN: "1" } });
});
after(() => service.stop());

const say = (text: string, id = "1") => ({ type: "publish", id, event: "say", data: { text } });
const said = (data: string) => `{"type":"publish","id":"x","event":"message","data":${data}}`;
const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

/** A member that is still in good standing: refusals in a row begin anew. */
async function well(member: Member, id: string): Promise<void> {
  const answer = await member.ask({ type: "presence", id, data: { id } });
  assert.equal(answer.type, "ack", JSON.stringify(answer));
}

/** Nothing broke inside: no panic, no new wasm, no error of ours. */
function unharmed(): void {
  const printed = service.printed();
  for (const word of ["Critical", "panick", "RuntimeError", "Reinitializing", "Uncaught", '"level":"error"']) assert.ok(!printed.includes(word), printed);
}

test("r4 frames that are no I-JSON are refused, and the socket stays", async () => {
  // Refusals cost so much of the hard rate that this many would not be read.
  const can = { "**": ["join", "publish", "presence", "unmetered"] };
  const member = await Member.join(service, "app:json", "ann", { token: await token("ann", { can }) });
  const texts = [
    "", " ", "{", "}", "nonsense", "null", "7", '"text"', "[[]]", "{}{}", "\ufeff{}", '{"type":"publish",}', "{'type':1}",
    said("{\"a\":1,\"a\":2}"), said('{"a":{"\\u0062":1,"b":2}}'), '{"type":"publish","type":"auth"}',
    said('"\\ud800"'), said('"\\udc00\\ud800"'), said('{"\\ud83d":1}'), said('"\u0001"'), said('"\\x41"'),
    said("1e999"), said("-1e400"), said("NaN"), said("Infinity"), said("01"), said("1."), said("0x10"), said("9".repeat(400)),
    said(nested(65)), nested(30_000), `${"{\"a\":".repeat(8000)}1${"}".repeat(8000)}`, said("tru"), said(""), "\u0000",
  ];
  for (const [at, text] of texts.entries()) {
    member.say(text);
    const error = await member.next("error");
    assert.equal(error.code, "bad_frame", text.slice(0, 80));
    if (at % 10 === 9) await well(member, `well-${at}`);
  }
  await well(member, "after");
  unharmed();
});

test("f3 what is allowed though it looks odd comes through byte for byte", async () => {
  const ann = await Member.join(service, "app:odd", "ann");
  const bob = await Member.join(service, "app:odd", "bob");
  const datas = ['{"__proto__":{"polluted":true},"constructor":1}', nested(60), '"\\ud83d\\ude00 \\u2028 \\u0000"', "1.0E+2", '{ "a" : [ 1 , 2 ] }', '"</script>"', "null"];
  for (const data of datas) {
    ann.say(said(data).replace('"x"', `"${datas.indexOf(data)}"`));
    await bob.next("message");
    assert.ok(bob.texts.at(-1)?.includes(`"data":${data}`), data);
  }
  unharmed();
});

test("f binary frames are refused, and the socket stays", async () => {
  const member = await Member.join(service, "app:binary", "ann");
  for (const bytes of [Buffer.of(), Buffer.of(0, 1, 2), Buffer.from('{"type":"publish"}')]) {
    member.say(bytes);
    assert.equal((await member.next("error")).code, "bad_frame");
  }
  await well(member, "after");
  unharmed();
});

test("r4 bytes that are no UTF-8 are U+FFFD before anyone sees them: the runtime decodes text frames so", async () => {
  const member = await Member.join(service, "app:utf8", "ann");
  const before = Buffer.from('{"type":"publish","event":"message","data":"');
  const text = (...bytes: number[]) => Buffer.concat([before, Buffer.from(bytes), Buffer.from('"}')]);
  for (const [bytes, decoded] of [[[0xff], "\ufffd"], [[0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd"], [[0xc0, 0xaf], "\ufffd\ufffd"]] as const) {
    member.socket.send(text(...bytes), { binary: false });
    assert.equal((await member.next("message")).data, decoded);
  }
  member.socket.send(Buffer.of(0xff, 0xfe), { binary: false });
  assert.equal((await member.next("error")).code, "bad_frame");
  await well(member, "after");
  unharmed();
});

test("f an array of more than a hundred is refused once, nothing of it is taken, and [] is nothing", async () => {
  const member = await Member.join(service, "app:array", "ann");
  member.say(Array.from({ length: 101 }, (_, at) => ({ type: "publish", id: `${at}`, event: "message", data: at })));
  assert.deepEqual((await member.next("error")).code, "too_large");
  member.say("[]");
  await well(member, "after");
  assert.deepEqual([member.taken("error"), member.taken("message")], [[], []]);
});

test("r4 a frame over 64 KiB is refused, one over 1 MiB closes 1009, and no huge frame grows wasm's memory", async () => {
  const member = await Member.join(service, "app:huge", "ann");
  await member.ask({ type: "publish", id: "warm", event: "message", data: "x".repeat(32_000) });
  const { wasmBytes } = await service.probe();
  for (const text of ["x".repeat(64 * 1024 + 1), "x".repeat(MIB), "ü".repeat(40_000)]) {
    member.say(text);
    assert.equal((await member.next("error")).code, "too_large");
  }
  await well(member, "after");
  for (const text of ["x".repeat(MIB + 1), "€".repeat(400_000), ..."123".split("").map((digit) => digit.repeat(30 * MIB))]) {
    const hostile = await Member.join(service, "app:huge", "eve");
    hostile.say(text);
    assert.equal((await hostile.next("error")).code, "too_large");
    assert.equal((await hostile.end()).code, 1009);
  }
  const headers = { Authorization: `Bearer ${await token("eve")}` };
  for (const bytes of [64 * 1024 + 1, 30 * MIB]) {
    const answer = await service.fetch("/v1/channels/app:huge/messages", { method: "POST", headers, body: "x".repeat(bytes) });
    assert.equal(answer.status, 413);
  }
  assert.equal((await service.probe()).wasmBytes, wasmBytes);
  await well(member, "still");
  unharmed();
});

test("r4 bodies that are no UTF-8 or no publish are refused by status", async () => {
  const headers = { Authorization: `Bearer ${await token("eve")}` };
  const status = async (body: string | Uint8Array<ArrayBuffer>) => (await service.fetch("/v1/channels/app:body/messages", { method: "POST", headers, body })).status;
  for (const body of ["", "[", "null", nested(30_000), Uint8Array.of(0x22, 0xff, 0x22), '{"event":7}', '{"type":"auth"}', "\ufeff{}"]) {
    assert.equal(await status(body), 400, String(body).slice(0, 40));
  }
  unharmed();
});

test("a1 hostile tokens are refused, whatever their form", async () => {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = part({ sub: "ann", exp: 9_999_999_999, can: { "**": ["join"] } });
  const good = await token("ann");
  const [header, payload, signature] = good.split(".");
  const tokens = [
    "", ".", "..", "...", "a.b.c", "💥", "x".repeat(7_000), `${part({ alg: "none" })}.${claims}.`, `${part({ alg: "none" })}.${claims}.${signature}`,
    `${part({ alg: "HS512" })}.${payload}.${signature}`, `${header}.${claims}.${signature}`, `${header}.${payload}.`, `${header}.${payload}.${signature}.x`,
    `${part({ alg: "HS256", crit: ["exp"] })}.${payload}.${signature}`, `${part({ alg: "HS256", jwk: { kty: "oct", k: "AA" } })}.${payload}.${signature}`, good.toUpperCase(),
    await token("", {}), await token("x".repeat(129)), await token("ann", { can: [] as never }), await token("ann", { nbf: 9_999_999_999 }),
  ];
  for (const hostile of tokens) {
    const answer = await service.fetch(`/v1/channels/app:token/members?token=${encodeURIComponent(hostile)}`);
    const body = await answer.text();
    assert.equal(answer.status, 401, `${hostile.slice(0, 60)} ${body}`);
    assert.match(body, /"unauthenticated"/);
    const member = await Member.connect(service, "app:token", { query: `?token=${encodeURIComponent(hostile)}` });
    assert.equal((await member.next("bye")).code, 4009, hostile.slice(0, 60));
  }
  unharmed();
});

test("d4 hostile positions are lost or fresh, never an error", async () => {
  const ann = await Member.join(service, "chat:query", "ann");
  await ann.ask(say("kept"));
  const epoch = ann.welcome.epoch as string;
  for (const [query, expected] of [
    [`epoch=${epoch}&after=-1`, "lost"], [`epoch=${epoch}&after=1e0`, "lost"], [`epoch=${epoch}&after=99999999999999999999`, "lost"],
    [`epoch=${epoch}&after=`, "lost"], [`epoch=${epoch}&after=%00`, "lost"], ["after=0", "lost"], ["epoch=x&after=0", "lost"],
    [`epoch=${"x".repeat(5000)}&after=0`, "lost"], [`epoch=${epoch}`, "fresh"], ["%ff=%ff&&&=&connection=%00", "fresh"],
    [`epoch=${epoch}&after=1`, "recovered"], [`connection=${"y".repeat(5000)}`, "fresh"],
  ]) {
    const { welcome } = await Member.join(service, "chat:query", `bob-${Math.random()}`, { query: `?${query}` });
    assert.equal(welcome.resume, expected, query.slice(0, 80));
  }
  const headers = { Authorization: `Bearer ${await token("ann")}` };
  for (const query of ["after=-1", "before=x", "limit=0", "limit=1.5", "after=1&before=2", "after=%ff"]) {
    const answer = await service.fetch(`/v1/channels/chat:query/messages?${query}`, { headers });
    assert.equal(answer.status, 400, query);
  }
  unharmed();
});

test("e hostile headers are refused or passed over", async () => {
  const good = `Bearer ${await token("ann")}`;
  for (const [headers, statuses] of [
    [{ Authorization: "Basic YW5uOmFubg==" }, [401]],
    [{ Authorization: `Bearer ${"x".repeat(100_000)}` }, [400, 401, 431]],
    [{ Authorization: good, Origin: `https://${"x".repeat(10_000)}` }, [200]],
    [{ Authorization: good, Upgrade: "websocket" }, [200, 400]],
    [{ Authorization: good, "Content-Length": "0" }, [200]],
    [{ Authorization: good, Host: "" }, [200, 400]],
  ] as const) {
    const answer = await service.ask("/v1/channels/chat:headers/members", { headers });
    assert.ok((statuses as readonly number[]).includes(answer.status), `${JSON.stringify(headers).slice(0, 80)}: ${answer.status}`);
  }
  unharmed();
});
