/** The page: a door, and behind it a room. It uses the client as everyone would. */
import { connect } from "../src/index.ts";
import { Cursors } from "./cursors.ts";
import { $ } from "./dom.ts";
import { Game } from "./game.ts";
import { Messages, PAGE } from "./messages.ts";
import { People, Typing } from "./people.ts";
import { isLocal, tokenFor } from "./token.ts";
import { Vitals } from "./vitals.ts";
import { Wire } from "./wire.ts";

const NAMES = ["Hazel", "Bramble", "Moss", "Fern", "Acorn", "Clover", "Juniper", "Rowan", "Sorrel", "Tansy", "Willow", "Yarrow"];

interface Visit {
  readonly name: string;
  readonly room: string;
  readonly token: string;
}

/** Goes in; the returned function leaves again. */
function enter({ name, room, token }: Visit, refused: (why: string) => void): () => void {
  const left = new AbortController();
  const { signal } = left;
  const wire = new Wire(signal);
  const chatToken = tokenFor(name, `chat:${room}`, token);
  const cursorToken = tokenFor(name, `cursor:${room}`, token);
  const demoToken = tokenFor(name, `demo:${room}`, token);
  const chat = connect(location.origin, `chat:${room}`, {
    token: chatToken.token,
    signal: chatToken.signal,
    trace: wire.chat,
    history: { limit: PAGE, events: ["say"] },
  });
  const pointers = connect(location.origin, `cursor:${room}`, {
    token: cursorToken.token,
    signal: cursorToken.signal,
    trace: wire.cursors,
  });
  const demo = connect(location.origin, `demo:${room}`, { token: demoToken.token, signal: demoToken.signal, trace: wire.calls });

  const messages = new Messages(chat, name, signal);
  const typing = new Typing(chat, signal);
  new People(chat, signal);
  new Vitals(chat, signal);
  new Cursors(pointers, signal);
  new Game(demo, name, signal);
  chat.connection.on(
    "state",
    ({ state }) => {
      // Who drops out does so whole, pointer and all.
      for (const { connection } of [pointers, demo]) {
        if (state === "idle") connection.pause();
        if (state === "open" && connection.state === "idle") connection.start();
      }
    },
    { signal },
  );
  void chat.closed.then((error) => error && !signal.aborted && refused(error.message));
  compose(messages, typing, signal);
  $("title").textContent = room;

  return () => {
    left.abort();
    for (const shared of [chatToken, cursorToken, demoToken]) shared.close();
    void Promise.all([chat.close(), pointers.close(), demo.close()]);
  };
}

/** The line to write in: Enter sends, Shift+Enter begins a new line. */
function compose(messages: Messages, typing: Typing, signal: AbortSignal): void {
  const form = $<HTMLFormElement>("say");
  const text = $<HTMLTextAreaElement>("text");
  form.addEventListener(
    "submit",
    (event) => {
      event.preventDefault();
      const said = text.value.trim();
      if (!said) return;
      text.value = "";
      typing.say(false);
      messages.say(said);
      text.focus();
    },
    { signal },
  );
  text.addEventListener("input", () => typing.say(text.value !== ""), { signal });
  text.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    },
    { signal },
  );
}

function showDoor(problem: string | null): void {
  $("place").hidden = true;
  $("door").hidden = false;
  $("token-field").hidden = isLocal;
  $<HTMLInputElement>("token").required = !isLocal;
  $("door-error").hidden = problem === null;
  $("door-error").textContent = problem;
  sessionStorage.removeItem("joined");
}

function showPlace({ name, room }: Visit): void {
  $("door").hidden = true;
  $("place").hidden = false;
  sessionStorage.setItem("name", name);
  sessionStorage.setItem("room", room);
  if (isLocal) sessionStorage.setItem("joined", "yes");
  $<HTMLDetailsElement>("wire-box").open = matchMedia("(min-width: 68rem)").matches;
  $("text").focus();
}

function begin(): void {
  let leave = (): void => {};
  const go = (visit: Visit): void => {
    showPlace(visit);
    leave = enter(visit, (why) => {
      leave();
      showDoor(why);
    });
  };
  const name = $<HTMLInputElement>("name");
  const room = $<HTMLInputElement>("room");
  name.value = sessionStorage.getItem("name") ?? NAMES[Math.floor(Math.random() * NAMES.length)] ?? "";
  room.value = new URLSearchParams(location.search).get("room") ?? sessionStorage.getItem("room") ?? "lobby";
  $("join").addEventListener("submit", (event) => {
    event.preventDefault();
    go({ name: name.value.trim(), room: room.value.trim(), token: $<HTMLInputElement>("token").value.trim() });
  });
  $("leave").addEventListener("click", () => {
    leave();
    showDoor(null);
    name.focus();
  });
  showDoor(null);
  if (isLocal && sessionStorage.getItem("name") && wasInside) go({ name: name.value, room: room.value, token: "" });
}

/** Whoever reloads while inside is inside again. */
const wasInside = sessionStorage.getItem("joined") !== null;
begin();
