// A second member that must not notice an attack: it publishes at a steady pace, whether or not it was answered, and each
// echo is timed. One that waited for its answer before it asked again would hardly ask while nothing is answered.
import assert from "node:assert/strict";
import { setTimeout as passing } from "node:timers/promises";
import { Member, type Place } from "./member.ts";
import type { Runtime } from "./runtime.ts";
import { token } from "./tokens.ts";

/** How often it publishes, in milliseconds: it is not to be what keeps the machine busy. */
const EVERY = 20;
/** How many answers are timed before an attack, and at least during it. */
const SAMPLES = { before: 60, during: 25 };
/**
 * A median below this counts as this, in milliseconds. Witness, attacker and runtime share two cores here: who is woken
 * may find both taken and wait for slices of the scheduler's (3 to 4 ms each), on the way in and on the way out, whoever
 * attacks. What was found took 25 to 6,700 ms.
 */
const NOISE = 10;

export const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Infinity;

export class Witness {
  readonly member: Member;
  readonly #event: object;
  #said = 0;
  #before: number[] = [];
  /** Why the last answer failed to come that did. */
  #failed: unknown;

  private constructor(member: Member, event: object) {
    this.member = member;
    this.#event = event;
  }

  /** Joins as someone from another address, who is held to no rate, and times what an answer takes in peace. */
  static async join(server: Place, channel: string): Promise<Witness> {
    const unmetered = await token("witness", { can: { "**": ["join", "publish", "presence", "history", "meter", "unmetered"] } });
    const member = await Member.join(server, channel, "witness", { token: unmetered, headers: { "CF-Connecting-IP": "192.0.2.1" } });
    const typing = { event: "typing", data: { on: true } };
    const message = { event: "message", data: "still here" };
    const witness = new Witness(member, /^(chat|door):/.test(channel) ? typing : message);
    let left = SAMPLES.before;
    witness.#before = await witness.#time(() => left-- > 0);
    return witness;
  }

  /** Times what an answer takes while something ordinary goes on: that is what an attack is held against then. */
  async gets_used_to(ordinary: Promise<unknown>): Promise<void> {
    this.#before = await this.#while(ordinary);
  }

  /** Times answers for as long as an attack takes, which must not more than double their median. Tells both. */
  async unnoticed<T>(attack: Promise<T>): Promise<{ attacked: T; told: string }> {
    const during = await this.#while(attack);
    const attacked = await attack;
    const [was, is] = [median(this.#before), median(during)];
    const told = `the witness's median answer took ${was.toFixed(1)} ms, and ${is.toFixed(1)} ms under attack (of ${during.length} answers)`;
    assert.ifError(this.#failed);
    assert.ok(during.length >= SAMPLES.during, `the attack was too short to tell: ${told}`);
    assert.ok(is <= 2 * Math.max(was, NOISE), told);
    return { attacked, told };
  }

  /** One answer, in milliseconds. */
  async answer(): Promise<number> {
    const begun = performance.now();
    const answer = await this.member.ask({ type: "publish", id: `${this.#said++}`, ...this.#event });
    assert.equal(answer.type, "message", JSON.stringify(answer));
    return performance.now() - begun;
  }

  /** Answers are timed for as long as something takes, also where that fails. */
  async #while(something: Promise<unknown>): Promise<number[]> {
    let over = false;
    something.then(() => over = true, () => over = true);
    return await this.#time(() => !over);
  }

  async #time(goes_on: () => boolean): Promise<number[]> {
    const answers: Promise<number>[] = [];
    while (goes_on()) {
      // One that is not answered in all that time took longer than any other.
      answers.push(this.answer().catch((error: unknown) => (this.#failed = error, Infinity)));
      // What it hears beside its own is not what it is here for.
      this.member.texts.length = 0;
      await passing(EVERY);
    }
    return await Promise.all(answers);
  }
}

/**
 * An attack on a channel before the eyes of a member that must not notice: what came of it, and what it left in the log.
 * `ordinary` is what goes on there in peace, where an attack comes on top of something; else nothing does.
 */
export async function attacked<T>(runtime: Runtime, channel: string, attack: (witness: Witness) => Promise<T>, ordinary?: () => Promise<unknown>) {
  const witness = await Witness.join(runtime, channel);
  if (ordinary !== undefined) await witness.gets_used_to(ordinary());
  const before = runtime.log().length;
  const begun = performance.now();
  const { attacked, told } = await witness.unnoticed(attack(witness));
  const seconds = (performance.now() - begun) / 1000;
  const lines = runtime.log().slice(before);
  await witness.member.leave();
  return { attacked, told, seconds, lines };
}
