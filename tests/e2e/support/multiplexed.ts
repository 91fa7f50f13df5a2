// A plain connection for many channels: it knows that what a channel says comes inside `in`, and no more.
import { type Frame, Member, type Place, type Way } from "./member.ts";
import { token as mint } from "./tokens.ts";

/** One channel of a connection, as far as it was heard. */
export class Inside {
  /** Frames that came and were not asked for yet. */
  readonly inbox: Frame[] = [];
  readonly connection: Member;
  readonly name: string;

  constructor(connection: Member, name: string) {
    this.connection = connection;
    this.name = name;
  }

  /** The next frame of a type, and where told, with these fields; frames before it stay in the inbox. */
  next(type: string, fields: Frame = {}): Promise<Frame> {
    return this.find((frame) => frame.type === type && Object.entries(fields).every(([name, value]) => frame[name] === value), `frame ${type} ${JSON.stringify(fields)}`);
  }

  /** Asks the channel, and waits for whatever answers this id inside it. */
  ask(request: Frame): Promise<Frame> {
    this.connection.say({ ...request, channel: this.name });
    return this.find(({ id }) => id === request.id, `answer to ${JSON.stringify(request)}`);
  }

  /** The next frame that fits, taken out of the inbox. */
  async find(fits: (frame: Frame) => boolean, wanted: string): Promise<Frame> {
    for (;;) {
      const at = this.inbox.findIndex(fits);
      if (at >= 0) return this.inbox.splice(at, 1)[0];
      const { frames } = await this.connection.find(({ type, channel }) => type === "in" && channel === this.name, `${wanted} inside ${this.name}`);
      this.inbox.push(...frames as Frame[]);
    }
  }
}

/** Connects as a user, who is anonymous with `token: null`, and waits for nothing. */
export async function connect(service: Place, user: string, way: Way = {}): Promise<Member> {
  return Member.open(service, "/v1/connect", { ...way, token: way.token === undefined ? await mint(user) : way.token });
}

/** Joins channels in one array, before `hello` has come, and waits for each welcome. */
export async function join(connection: Member, ...names: string[]): Promise<Inside[]> {
  connection.say(names.map((channel) => ({ type: "join", channel })));
  const inside = names.map((name) => new Inside(connection, name));
  for (const channel of inside) await channel.next("welcome");
  return inside;
}
