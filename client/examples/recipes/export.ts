import { connect } from "../../src/index.ts";

/** Writes all that a room still holds, oldest first, one JSON object a line. */
export async function exportRoom(url: string, room: string, token: string, write: (line: string) => void): Promise<void> {
  const channel = connect(url, `chat:${room}`, { token });
  try {
    for (let after = 0, more = true; more; ) {
      const page = await channel.history({ after, limit: 100 });
      for (const message of page.messages) write(JSON.stringify(message));
      after = page.messages.at(-1)?.seq ?? after;
      more = page.more;
    }
  } finally {
    await channel.close();
  }
}
