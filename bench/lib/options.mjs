// What the benchmark can be told on the command line.
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../../scripts/project.mjs";
import { PEERS } from "./cases.mjs";

export const HELP = `Measures Dormouse beside a raw Durable Object, PartyServer and ws, and prints a table.

  npm run bench -- [options]

  --quick          short windows, one round, fewer peers: four minutes at most, once built
  --only NAME      one case, or those whose names begin with NAME (may be given several times)
  --peers A,B      only these of: ${PEERS.join(", ")}
  --rounds N       interleaved rounds of each case (3; 1 with --quick)
  --seconds S      length of a measurement (5; 1.2 with --quick)
  --bundle DIR     the service, built with its benchmark contract (out/bench)
  --cores A,B      the cores for the server and for the load generator (0,1)
  --out DIR        where the table, the plots and the figures are written (bench/out)
  --keep           write the run into bench/RESULTS.md, with its plots beside it
  --json           the last line of the output is one JSON object with every figure
  --list           the cases, and nothing else
  --help           this text`;

// Seconds: of load before the measurement, of measurement, and that what is on its way may take to arrive after it.
const QUICK = { warmup: 0.5, seconds: 1.2, drain: 0.5 };
const FULL = { warmup: 2, seconds: 5, drain: 60 };

/** Reads the options of a run; a RangeError tells what is not understood. */
export function read(args) {
  const { values } = parse(args);
  const { quick, bundle, out, keep, json, list, help, only } = values;
  const peers = values.peers?.split(",") ?? PEERS;
  const stranger = peers.find((peer) => !PEERS.includes(peer));
  if (stranger !== undefined) throw new RangeError(`No peer is called "${stranger}"; there are ${PEERS.join(", ")}.`);
  const cores = values.cores.split(",");
  if (cores.length !== 2) throw new RangeError("--cores takes two numbers, one for the server and one for the load generator.");
  const pace = { ...(quick ? QUICK : FULL) };
  if (values.seconds !== undefined) pace.seconds = positive("--seconds", values.seconds);
  const rounds = values.rounds === undefined ? (quick ? 1 : 3) : positive("--rounds", values.rounds);
  return { quick, only, peers, cores, pace, rounds, keep, json, list, help, bundle: resolve(bundle), out: resolve(out) };
}

function parse(args) {
  try {
    return parseArgs({
      args,
      options: {
        quick: { type: "boolean", default: false },
        only: { type: "string", multiple: true },
        peers: { type: "string" },
        rounds: { type: "string" },
        seconds: { type: "string" },
        bundle: { type: "string", default: join(root, "out", "bench") },
        cores: { type: "string", default: "0,1" },
        out: { type: "string", default: join(root, "bench", "out") },
        keep: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        list: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new RangeError(`${error.message}\n\n${HELP}`);
  }
}

function positive(name, text) {
  const value = Number(text);
  if (!(value > 0)) throw new RangeError(`${name} takes a number above 0, not "${text}".`);
  return value;
}
