import assert from "node:assert/strict";
import { test } from "node:test";
import { effect, markRaw, reactive, ref, shallowRef } from "@vue/reactivity";
import { World, messageOf } from "./support/world.ts";

test("the_recipe_for_vue_follows_the_list_and_keeps_the_channel_whole", async () => {
  const world = new World();
  const channel = markRaw(await world.open({ history: 50 }));
  // Wherever Vue keeps it from now on, it is no proxy.
  const held = reactive({ channel });
  assert.equal(held.channel.connection.state, "open");
  assert.equal(ref(channel).value.position?.seq, 0);
  const list = shallowRef(channel.timeline.getSnapshot());
  channel.timeline.subscribe((snapshot) => (list.value = snapshot));
  const seen: number[] = [];
  effect(() => void seen.push(list.value.messages.length));
  await world.socket.say(messageOf(1), messageOf(2));
  await world.socket.say(messageOf(3));
  assert.deepEqual(seen, [0, 2, 3]);
});

test("without_mark_raw_vue_holds_a_proxy_that_has_no_private_fields", async () => {
  const channel = await new World().open();
  assert.throws(() => ref(channel).value.position, TypeError);
});
