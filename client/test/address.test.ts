import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, connectWith } from "../src/index.ts";
import type { AnyContract } from "../src/index.ts";
import { World } from "./support/world.ts";

/** Takes whatever name. */
const connectToAny = connectWith<AnyContract>();

for (const name of ["", ".", ".."]) {
  test(`e5_the_name_${JSON.stringify(name)}_which_an_address_would_swallow_is_refused_at_once`, () => {
    const world = new World();
    assert.throws(() => connectToAny("http://service.test", name, { runtime: world.runtime }), { code: "bad_name" });
    assert.equal(world.sockets.length, 0);
  });
}

test("e5_any_other_name_is_for_the_service_to_judge_and_travels_encoded", async () => {
  const world = new World();
  const channel = connectToAny("http://service.test", "a b/ä?", { runtime: world.runtime });
  await world.settle();
  assert.equal(world.socket.url.href, "ws://service.test/v1/channels/a%20b%2F%C3%A4%3F");
  await world.socket.say({ type: "bye", code: 4001, reason: "no_such_channel" });
  assert.equal((await channel.closed)?.code, "not_found");
});

test("e1_an_address_that_cannot_be_a_services_throws_at_once_and_says_what_is_wanted", () => {
  const world = new World();
  const paths = ["http://a.test/chat", "http://a.test/v1/channels/chat:lobby", "http://a.test/?x=1", "http://a.test/#x"];
  for (const url of [...paths, "localhost:8787", "file:///a/"]) {
    const message = `No channel 'chat:lobby' at '${url}': give a name and an origin like 'https://rt.example.com'.`;
    assert.throws(() => connect(url, "chat:lobby", { runtime: world.runtime }), { name: "ChannelError", code: "bad_name", message });
  }
  assert.throws(() => connect("a.test", "chat:lobby", { runtime: world.runtime }), TypeError);
  assert.equal(world.sockets.length, 0);
});

test("e1_addresses_may_be_http_or_ws_and_have_a_folder", async () => {
  const world = new World();
  const addresses: string[] = [];
  for (const url of ["http://a.test", "https://a.test/", "ws://a.test:8787", "wss://a.test/rt/"]) {
    connect(url, "app:a:b", { runtime: world.runtime });
    await world.settle();
    addresses.push(world.socket.url.href);
  }
  assert.deepEqual(addresses, [
    "ws://a.test/v1/channels/app%3Aa%3Ab",
    "wss://a.test/v1/channels/app%3Aa%3Ab",
    "ws://a.test:8787/v1/channels/app%3Aa%3Ab",
    "wss://a.test/rt/v1/channels/app%3Aa%3Ab",
  ]);
});

/** Names and hosts that hold what is looked for in an address. */
const NAMES = ["chat:http-help", "https", "http:ws", "chat:a@b", "wss:http://x", "v1:channels", "a/v1/channels/b", "~chat=1.2-3"];

const HOSTS = ["http-gw.test", "https.test:8443", "ws-gw.test", "wss.http.test", "a.test/http/", "a.test/v1/channels/", "[::1]:8787"];

const SCHEMES = { "http:": "ws:", "https:": "wss:", "ws:": "ws:", "wss:": "wss:", "HTTP:": "ws:" };

test("e1_e5_an_address_changes_in_its_scheme_alone_whatever_host_and_name_hold", async () => {
  const world = new World();
  for (const [given, scheme] of Object.entries(SCHEMES))
    for (const host of HOSTS)
      for (const name of NAMES) {
        connectToAny(`${given}//${host}`, name, { runtime: world.runtime });
        await world.settle();
        const { href } = world.socket.url;
        const folder = host.includes("/") ? host : `${host}/`;
        assert.equal(href, `${scheme}//${folder}v1/channels/${encodeURIComponent(name)}`);
      }
});

test("e5_a_name_that_is_no_text_is_refused_at_once_as_every_other_that_cannot_stand_in_an_address", () => {
  const world = new World();
  for (const name of ["half \ud83d", "\udc00"])
    assert.throws(() => connectToAny("http://service.test", name, { runtime: world.runtime }), {
      code: "bad_name",
      message: `No channel '${name}' at 'http://service.test': give a name and an origin like 'https://rt.example.com'.`,
    });
  assert.equal(world.sockets.length, 0);
});
