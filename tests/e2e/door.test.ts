// Rules E1 to E7 and A4 on the real runtime: what is refused before an object wakes, and how.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { Member, Refused, type Way } from "./support/member.ts";
import { Service } from "./support/service.ts";
import { token } from "./support/tokens.ts";

const listed = "https://app.example";
let service: Service;
before(async () => {
  service = await Service.start({ vars: { ALLOWED_ORIGINS: listed } });
});
after(() => service.stop());

const ask: Service["ask"] = (path, asked) => service.ask(path, asked);
const code = (body: string) => (JSON.parse(body) as { error: { code: string } }).error.code;

/** The status with which an upgrade is refused. */
async function refusal(channel: string, way: Way): Promise<number> {
  const error = await Member.connect(service, channel, way).then(() => undefined, (thrown: unknown) => thrown);
  assert.ok(error instanceof Refused, `it was let in: ${String(error)}`);
  return error.status;
}

test("e1 a join without the upgrade is told to upgrade", async () => {
  const { status, body } = await ask("/v1/channels/chat:a");
  assert.deepEqual([status, code(body)], [426, "upgrade_required"]);
});

test("e3 health and contract are told to anyone", async () => {
  assert.equal((await (await service.fetch("/v1/health")).json() as { status: string }).status, "ok");
  const contract = await (await service.fetch("/v1/contract")).text();
  for (const pattern of ["chat:*", "cursor:*", "public:**", "door:*", "app:**"]) assert.ok(contract.includes(`"${pattern}"`), pattern);
});

test("e4 unknown paths and methods are refused by status, as json", async () => {
  for (const [method, path, status, expected] of [
    ["GET", "/v1/nothing", 404, "not_found"],
    ["GET", "/v1/channels/chat:a/nothing", 404, "not_found"],
    ["POST", "/v1/health", 405, "method_not_allowed"],
    ["DELETE", "/v1/channels/chat:a/messages", 405, "method_not_allowed"],
    ["GET", "/nothing", 404, "not_found"],
  ] as const) {
    const answer = await ask(path, { method });
    assert.deepEqual([answer.status, code(answer.body)], [status, expected], `${method} ${path}`);
  }
});

test("e5 a bad name and one that no pattern fits close with 4001", async () => {
  for (const name of ["nothing", "chat", "chat:a:b", "a%20b", "a%2Fb", "%ff", "chat%253Aa", "x".repeat(129)]) {
    const member = await Member.connect(service, name, { token: await token("ann") });
    assert.deepEqual(await member.next("bye"), { type: "bye", code: 4001, reason: "no_such_channel" }, name);
    assert.deepEqual(await member.end(), { code: 4001, reason: "no_such_channel" }, name);
  }
});

test("e5 a name is percent-decoded once", async () => {
  const { welcome } = await Member.join(service, "chat%3Aa%40b", "ann");
  assert.equal(welcome.channel, "chat:a@b");
});

test("e6 the answer names the sub-protocol and never the credential", async () => {
  const { socket } = await Member.join(service, "chat:a", "ann");
  assert.equal(socket.protocol, "dormouse.v1");
});

test("e6 nothing offered is taken to be ours, offers without ours are refused", async () => {
  const plain = await Member.join(service, "chat:a", "ann", { token: null, headers: { Authorization: `Bearer ${await token("ann")}` } });
  assert.equal(plain.socket.protocol, "");
  assert.equal(await refusal("chat:a", { protocols: ["chat.v9"] }), 400);
  assert.equal(await refusal("chat:a", { protocols: [`bearer.${await token("ann")}`] }), 400);
});

test("e7 only listed origins, the service's own and none at all may join", async () => {
  const from = (origin: string) => ({ headers: { Origin: origin } });
  for (const origin of [listed, service.url.origin]) await Member.join(service, "chat:a", "ann", from(origin));
  await Member.join(service, "chat:a", "ann");
  for (const origin of ["null", "https://evil.example", `${listed}.evil.example`, "http://localhost:3000"]) {
    assert.equal(await refusal("chat:a", { token: await token("ann"), ...from(origin) }), 403, origin);
  }
});

test("e7 http answers are shown to listed origins alone, preflight included", async () => {
  const preflight = { "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type" };
  const path = "/v1/channels/chat:a/messages";
  const asked = await ask(path, { method: "OPTIONS", headers: { Origin: listed, ...preflight } });
  assert.deepEqual([asked.status, asked.headers["access-control-allow-origin"], asked.headers["access-control-allow-methods"]], [204, listed, "GET, POST"]);
  const headers = { Origin: listed, Authorization: `Bearer ${await token("ann")}` };
  for (const answer of [await ask(path, { headers }), await ask(path, { headers: { Origin: listed } })]) {
    assert.deepEqual([answer.headers["access-control-allow-origin"], answer.headers.vary], [listed, "Origin"], answer.body);
  }
  for (const origin of ["null", "https://evil.example"]) {
    assert.equal((await ask(path, { method: "OPTIONS", headers: { Origin: origin, ...preflight } })).status, 403);
    assert.equal((await ask(path, { headers: { ...headers, Origin: origin } })).headers["access-control-allow-origin"], undefined);
    assert.equal((await ask(path, { method: "POST", headers: { ...headers, Origin: origin }, body: "{}" })).status, 403);
  }
});

test("a4 a token comes by header or sub-protocol, the header first; not by query unless allowed", async () => {
  const [ann, bob] = [await token("ann"), await token("bob")];
  const both = await Member.join(service, "chat:a", "", { token: bob, headers: { Authorization: `Bearer ${ann}` } });
  assert.equal(both.welcome.user, "ann");
  const query = await Member.connect(service, "chat:a", { query: `?token=${ann}` });
  assert.equal((await query.next("bye")).code, 4300);
  assert.equal((await query.end()).code, 4300);
});

test("a4 a bad or missing credential is told by bye and by code; over http by 401", async () => {
  for (const [given, expected] of [["abc", 4009], [null, 4300], [await token("ann", { expires: 1 }), 4300]] as const) {
    const headers = given === null ? undefined : { Authorization: `Bearer ${given}` };
    const member = await Member.connect(service, "chat:a", { headers });
    assert.equal((await member.next("bye")).code, expected);
    assert.equal((await member.end()).code, expected);
    const answer = await service.fetch("/v1/channels/chat:a/members", { headers });
    assert.deepEqual([answer.status, answer.headers.get("WWW-Authenticate"), code(await answer.text())], [401, "Bearer", "unauthenticated"]);
  }
});

test("a4 who is refused wakes no object", async () => {
  const { constructed } = await service.probe();
  const way = { headers: { Authorization: "Bearer abc" } };
  for (const channel of ["chat:never", "public:never", "door:never", "nothing"]) {
    await (await Member.connect(service, channel, way)).end();
    await ask(`/v1/channels/${channel}/members`, way);
  }
  assert.equal(await refusal("chat:never", { headers: { Origin: "null" } }), 403);
  assert.equal((await service.probe()).constructed, constructed);
});

test("a4 a query token is taken where the deployment allows it", async () => {
  const allowing = await Service.start({ vars: { ALLOW_QUERY_TOKEN: "1" } });
  try {
    const { welcome } = await Member.join(allowing, "chat:a", "", { token: null, query: `?token=${await token("ann")}` });
    assert.equal(welcome.user, "ann");
  } finally {
    await allowing.stop();
  }
});

test("no environment hands out development tokens", async () => {
  for (const environment of ["", "staging", "production"]) {
    const deployed = await Service.start({ environment });
    try {
      for (const [method, body] of [["POST", '{"user":"ann"}'], ["GET", ""], ["OPTIONS", ""]] as const) {
        const answer = await deployed.ask("/dev/token", { method, headers: { Origin: deployed.url.origin }, body });
        assert.deepEqual([answer.status, code(answer.body)], [404, "not_found"], `${method} ${environment}`);
      }
    } finally {
      await deployed.stop();
    }
  }
});

test("in development a page of this machine gets a token that works, and nobody else does", async () => {
  const developing = await Service.start({ vars: { DEV_TOKENS: "1" } });
  const asked = (headers: Record<string, string>, body = '{"user":"ann"}') => developing.ask("/dev/token", { method: "POST", headers, body });
  try {
    const minted = await asked({ Origin: "http://localhost:5173" });
    assert.equal(minted.status, 200);
    const { token: made, expires } = JSON.parse(minted.body) as { token: string; expires: number };
    assert.ok(Math.abs(expires - Date.now() - 3_600_000) < 60_000);
    const { welcome } = await Member.join(developing, "chat:a", "", { token: made, headers: { Origin: "http://localhost:5173" } });
    assert.deepEqual([welcome.user, welcome.can], ["ann", ["call", "history", "join", "presence", "publish"]]);

    assert.equal((await asked({ Origin: "https://evil.example" })).status, 403);
    assert.equal((await asked({ Origin: "null" })).status, 403);
    assert.equal((await asked({ Host: "chat.example" })).status, 404);
    assert.equal((await asked({ "CF-Connecting-IP": "192.0.2.7" })).status, 404);
    assert.equal((await asked({}, "{}")).status, 400);
    assert.equal((await asked({}, `{"user":"${"x".repeat(20_000)}"}`)).status, 413);
  } finally {
    await developing.stop();
  }
});

/** Tries until one is refused. The limiter begins anew every ten seconds, so twice the limit and one more is always enough. */
async function triesUntilRefused<T>(limit: number, attempt: (at: number) => Promise<T | undefined>): Promise<{ passed: number; refusal?: T }> {
  for (let passed = 0; passed <= 2 * limit; passed++) {
    const refusal = await attempt(passed);
    if (refusal !== undefined) return { passed, refusal };
  }
  return { passed: 2 * limit + 1 };
}

test("r5 joins are limited by address and by user before an object wakes", async () => {
  const limited = await Service.start({ joins: { perAddress: 8, perUser: 2 } });
  const join = async (user: string, channel = "chat:a") => {
    const member = await Member.connect(limited, channel, { token: await token(user) });
    const frame = await member.find(({ type }) => type === "welcome" || type === "bye", "welcome or bye");
    return frame.type === "bye" ? frame : undefined;
  };
  const refused = { type: "bye", code: 4100, reason: "rate_limited", retry_after: 10_000 };
  try {
    const ann = await triesUntilRefused(2, () => join("ann"));
    assert.ok(ann.passed >= 2);
    assert.deepEqual(ann.refusal, refused);
    assert.equal(await join("bob"), undefined, "another user is not refused with it");

    const { constructed } = await limited.probe();
    const address = await triesUntilRefused(8, (at) => join(`user-${at}`, `chat:room-${at}`));
    assert.deepEqual(address.refusal, refused);
    assert.equal((await limited.probe()).constructed, constructed + address.passed, "who is refused wakes no object");
  } finally {
    await limited.stop();
  }
});

test("r5 what is asked is limited by user on whatever channel, without a token by address, and wakes no object then", async () => {
  const limited = await Service.start({ asks: { perAddress: 8, perUser: 8 } });
  const bearer = async (user: string, can = ["publish", "presence", "history"]) =>
    ({ Authorization: `Bearer ${await token(user, { can: { "**": can } })}` });
  const ask = async (path: string, headers?: Record<string, string>, method = "GET") => {
    const answer = await limited.ask(path, { headers, method, body: method === "POST" ? '{"event":"say","data":{"text":"x"}}' : "" });
    return answer.status === 429 ? answer : undefined;
  };
  try {
    const ann = await bearer("ann");
    for (const [method, path] of [["GET", "messages"], ["GET", "members"], ["POST", "messages"]] as const) {
      const asked = await triesUntilRefused(8, (at) => ask(`/v1/channels/chat:${method}-${path}-${at}/${path}`, ann, method));
      assert.deepEqual([asked.refusal?.headers["retry-after"], code(asked.refusal?.body ?? "")], ["10", "rate_limited"], path);
    }
    const { constructed } = await limited.probe();
    assert.ok(constructed <= 3 * 16, "each channel it woke was paid for");
    assert.equal(await ask("/v1/channels/chat:other/messages", await bearer("bob")), undefined, "another user is not refused with it");

    const anonymous = await triesUntilRefused(8, () => ask("/v1/channels/public:asked/members"));
    assert.equal(code(anonymous.refusal?.body ?? ""), "rate_limited");
    assert.equal(await ask("/v1/channels/chat:a/members", await bearer("cat")), undefined, "nor who has a token with those who have none");

    const backend = await bearer("backend", ["publish", "unmetered"]);
    const message = { method: "POST", headers: backend, body: '{"event":"say","data":{"text":"x"}}' };
    const published = await Promise.all(Array.from({ length: 100 }, () => limited.ask("/v1/channels/chat:shop/messages", message)));
    assert.deepEqual(published.filter(({ status }) => status !== 200), [], "what is unmetered is not counted");
  } finally {
    await limited.stop();
  }
});

test("r5 an address that sends bad tokens is refused before the next is looked at, and its neighbours only then", async () => {
  const limited = await Service.start({ asks: { perAddress: 8 } });
  const status = async (bearer: string) => (await limited.ask("/v1/channels/chat:a/members", { headers: { Authorization: `Bearer ${bearer}` } })).status;
  // The channel's own rates do not count this one.
  const good = await token("ann", { can: { "**": ["presence", "unmetered"] } });
  const bad = `${good.slice(0, -4)}AAAA`;
  try {
    for (let at = 0; at < 60; at++) assert.equal(await status(good), 200, "a good token is not counted by address");
    // Twenty may be bad without suspicion, and two more each second it takes; then the limiter counts eight.
    const refused = await triesUntilRefused(40, async () => {
      const answer = await status(bad);
      return answer === 401 ? undefined : answer;
    });
    assert.equal(refused.refusal, 429);
    assert.ok(refused.passed >= 20, `${refused.passed}`);
  } finally {
    await limited.stop();
  }
});

test("a wrong configuration is 500 for everyone, and every mistake is in the log under the id told", async () => {
  const wrong = await Service.start({ vars: { JWT_SECRET: "too short", ALLOW_QUERY_TOKEN: "perhaps" } });
  try {
    const answer = await wrong.fetch("/v1/health");
    const { error } = await answer.json() as { error: { code: string; message: string } };
    assert.deepEqual([answer.status, error.code], [500, "internal"]);
    const details = wrong.log().filter(({ event }) => event === "internal").map(({ detail }) => detail ?? "");
    assert.equal(details.length, 2);
    for (const detail of details) assert.ok(error.message.includes(detail.split(":")[0]), detail);
    assert.ok(details.some((detail) => detail.includes("JWT_SECRET")) && details.some((detail) => detail.includes("ALLOW_QUERY_TOKEN")));
    wrong.expect(/JWT_SECRET/, /ALLOW_QUERY_TOKEN/);
    assert.ok(!wrong.printed().includes("too short") && !error.message.includes("JWT"));
    const upgrade = new WebSocket(wrong.at("/v1/channels/chat:a"));
    const status = await new Promise((resolve) => upgrade.on("unexpected-response", (_, { statusCode }) => resolve(statusCode)));
    assert.equal(status, 500);
  } finally {
    await wrong.stop();
  }
});

test("r2 refusals are logged, and no token ever is", async () => {
  const expired = await token("zoe", { expires: 1 });
  const member = await Member.connect(service, "chat:logged", { token: expired });
  await member.end();
  const line = service.log().find(({ channel, event }) => channel === "chat:logged" && event === "refused");
  assert.deepEqual([line?.level, line?.code], ["warn", "token_expired"]);
  assert.match(line?.detail ?? "", /expired/);
  for (const part of expired.split(".")) assert.ok(!service.printed().includes(part));
});

test("r2 every refusal says in the log what was missing: at the door, and on an open socket", async () => {
  const line = (code: string, detail: RegExp) => service.log().find((line) => line.event === "refused" && line.code === code && detail.test(line.detail ?? ""));
  assert.equal(await refusal("chat:a", { headers: { Origin: "https://evil.example" } }), 403);
  assert.equal(line("forbidden", /no `https:\/\/evil\.example`/)?.level, "warn");
  await (await Member.connect(service, "chart:a", { token: await token("ann") })).end();
  assert.ok(line("no_such_channel", /no pattern .* `chart:a`/));
  await (await Member.connect(service, "chat:a", { token: await token("ann", { can: { "chat*": ["join"] } }) })).end();
  assert.equal(line("forbidden", /needs `join`; .* nothing here; `can`: .*`chat\*`/)?.user, "ann");
  const member = await Member.join(service, "chat:a", "bob", { token: await token("bob", { can: { "chat:a": ["join"], "chat*": ["publish"] } }) });
  assert.ok(service.log().some(({ event, user, detail }) => event === "unfit_pattern" && user === "bob" && detail?.includes("`chat*`")));
  assert.equal((await member.ask({ type: "publish", id: "1", event: "say", data: { text: "no" } })).code, "forbidden");
  assert.equal(line("forbidden", /needs `publish`; the token and the contract grant join$/)?.user, "bob");
  await member.leave();
});

test("lines below LOG_LEVEL are not written, and those of refusals are", async () => {
  const written = async (level: string) => {
    const quiet = await Service.start({ vars: { LOG_LEVEL: level } });
    try {
      await (await Member.join(quiet, "chat:quiet", "ann")).leave();
      await (await Member.connect(quiet, "chat:quiet", { token: await token("zoe", { expires: 1 }) })).end();
    } finally {
      await quiet.stop();
    }
    return new Set(quiet.log().map(({ level, event }) => `${level} ${event}`));
  };
  assert.deepEqual(await written("info"), new Set(["info join", "info leave", "warn refused"]));
  assert.deepEqual(await written("warn"), new Set(["warn refused"]));
});

test("the module exports the two objects and the entrypoint, and of the platform's crate the classes that it exports by itself", async () => {
  const source = await readFile(new URL("../../build/index.js", import.meta.url), "utf8");
  const exported = /export\{([^}]*)\}/.exec(source)?.[1]?.split(",").map((name) => name.split(" as ").at(-1)?.trim());
  // The last three are wasm-bindgen structs of `worker`, which no application names.
  assert.deepEqual(exported?.sort(), ["ChannelObject", "ContainerStartupOptions", "MinifyConfig", "R2Range", "RelayObject", "default"].sort());
});
