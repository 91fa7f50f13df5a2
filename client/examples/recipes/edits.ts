import type { Message } from "../../src/index.ts";

interface Line {
  readonly seq: number;
  readonly user: string | null;
  readonly text: string;
}

/** What is shown of a room, when `edit {seq, text}` and `remove {seq}` are kept events beside `say {text}`. */
export function shown(messages: readonly Message[]): Line[] {
  const lines = new Map<number, Line>();
  for (const { event, data, from, seq = 0 } of messages) {
    const said = data as { seq: number; text: string };
    const { user } = from;
    if (event === "say") lines.set(seq, { seq, user, text: said.text });
    const before = lines.get(said.seq);
    // Who speaks is what the token says. Whoever has no name can change nothing.
    if (before === undefined || user === null || before.user !== user) continue;
    if (event === "edit") lines.set(before.seq, { ...before, text: said.text });
    if (event === "remove") lines.delete(before.seq);
  }
  return [...lines.values()];
}
