// The cases of the benchmark: what is run, against whom, and what is to be reached.

/** Everyone, in the order of the tables. */
export const PEERS = ["dormouse", "relay", "raw", "raw-kept", "partyserver", "ws"];

const LIVE = ["dormouse", "raw", "partyserver", "ws"];

/**
 * One case. `work` goes to the load generator as command and options, `quick` overrides it (and the peers) in a
 * quick run, `reach` is checked against the medians:
 * `{ metric, against, least | most, stretch }` compares dormouse's metric with the same of a peer by their ratio,
 * `{ metric, over, most }` by their difference, `{ metric, most | least }` with a number. `starts` is how many rounds a
 * case has whatever the run, `workOf` what a peer does otherwise, `of` whose metric a goal is where it is not
 * dormouse's, `spread` the metric whose least and most the table tells beside that of `p99_ms`.
 */
const hot = (name, members, publishers, least, stretch, more = {}) => ({
  name,
  what: `${members} members, ${publishers} publish, 64-byte data, 8 outstanding each`,
  command: "traffic",
  work: { members, publishers, outstanding: 8 },
  peers: LIVE,
  reach: [
    { metric: "deliveries_per_s", against: "raw", least, stretch },
    { metric: "p99_ms", against: "raw", most: 1 },
  ],
  ...more,
});

/** The crowd of `hot`, who listen or all of whom are behind one relay, beside the same crowd whose sockets the channel holds itself. */
const relayed = (members, publishers, { all = false } = {}) => ({
  name: `relay-${all ? "all-" : ""}${members}x${publishers}`,
  what:
    `hot-${members}x${publishers} where ${all ? "everyone, publishers too," : "everyone who only listens"} joins on a connection for many channels, ` +
    "all on one relay, beside direct connections",
  command: "traffic",
  work: { members, publishers, outstanding: 8 },
  workOf: { relay: { "direct-publishers": !all } },
  peers: ["dormouse", "relay"],
  reach: [
    { metric: "deliveries_per_s", of: "relay", against: "dormouse", least: 0.8 },
    { metric: "p50_ms", of: "relay", over: "dormouse", most: 3 },
  ],
});

const growth = (members) => ({
  name: `growth-${members}`,
  what: `${members} members, 10 publish, 64-byte data, 8 outstanding each`,
  command: "traffic",
  work: { members, publishers: 10, outstanding: 8 },
  quick: members > 1000 ? null : {},
  peers: ["dormouse", "raw", "partyserver", "ws"],
  quickPeers: ["dormouse", "raw"],
  plot: members,
});

const inbound = (bytes) => ({
  name: `inbound-${bytes}`,
  what: `one member, ${bytes} bytes of data, 8 outstanding: what one message costs to take in`,
  command: "traffic",
  work: { members: 1, publishers: 1, outstanding: 8, payload: bytes },
  peers: ["dormouse", "raw"],
  quickPeers: ["dormouse"],
  show: ["cpu_us_per_message"],
});

const frame = (bytes) => ({
  name: `frame-${bytes}`,
  what: `1000 members, 100 publish, ${bytes}-byte data: what the bytes of a frame cost, and so what fewer would bring`,
  command: "traffic",
  work: { members: 1000, publishers: 100, outstanding: 8, payload: bytes },
  quick: null,
  peers: ["dormouse"],
  reach: [],
});

export const CASES = [
  {
    name: "cold-start",
    what: "a fresh process that nobody has asked anything, 21 times: from its listening and the first connect to the welcome",
    command: "cold",
    work: {},
    // Each start is a process of its own, so many are soon done; the figures that lie apart are the machine's.
    starts: 21,
    peers: LIVE,
    quickPeers: ["dormouse", "raw"],
    reach: [{ metric: "welcome_ms", over: "raw", most: 15 }],
    show: ["start_ms", "welcome_ms", "first_welcome_ms", "welcome_cpu_ms"],
    spread: "welcome_ms",
  },
  hot("hot-10x10", 10, 10, 4, 6),
  hot("hot-100x20", 100, 20, 20, 30),
  hot("hot-1000x20", 1000, 20, 25, 40, { peers: PEERS }),
  hot("hot-1000x100", 1000, 100, 60, 100, { quickPeers: ["dormouse", "raw"] }),
  hot("hot-1000x20-deflate", 1000, 20, undefined, undefined, {
    what: "1000 members that offer compression, 20 publish; the service compresses",
    target: { deflate: true },
    compress: true,
    quickPeers: ["dormouse"],
    reach: [],
    show: ["wire_bytes_per_delivery"],
  }),
  hot("hot-1000x20-deflate-off", 1000, 20, undefined, undefined, {
    what: "1000 members that offer compression, 20 publish; the service declines (its default)",
    target: { deflate: true },
    quickPeers: ["dormouse"],
    reach: [],
    show: ["wire_bytes_per_delivery"],
  }),
  {
    name: "kept-1000x20",
    what: "1000 members, 20 publish, 64-byte data, kept on disk before anyone hears it",
    command: "traffic",
    work: { members: 1000, publishers: 20, outstanding: 8, event: "kept", kept: true },
    peers: ["dormouse", "raw-kept"],
    reach: [
      { metric: "deliveries_per_s", against: "raw-kept", least: 15 },
      { metric: "rows_per_message", most: 0.05 },
    ],
    show: ["rows_per_message"],
  },
  {
    name: "rooms-100x10x2",
    what: "100 channels of 10 members, 2 publish in each, 8 outstanding each",
    command: "traffic",
    work: { channels: 100, members: 10, publishers: 2, outstanding: 8 },
    peers: LIVE,
    quickPeers: ["dormouse", "raw"],
    reach: [{ metric: "deliveries_per_s", against: "raw", least: 3 }],
  },
  {
    name: "quiet-100x1",
    what: "100 members, one publishes 5 a second, open loop",
    command: "traffic",
    work: { members: 100, publishers: 1, pace: "open", rate: 5, seconds: 20 },
    quick: { seconds: 5 },
    peers: LIVE,
    quickPeers: ["dormouse", "raw"],
    reach: [
      { metric: "p50_ms", against: "raw", most: 1.1 },
      { metric: "p99_ms", against: "raw", most: 1.1 },
    ],
  },
  {
    name: "steady-1000x50",
    what: "1000 members, 50 publish 2 a second each, open loop",
    command: "traffic",
    work: { members: 1000, publishers: 50, pace: "open", rate: 2, seconds: 15 },
    quick: { seconds: 3 },
    peers: LIVE,
    quickPeers: ["dormouse", "raw"],
    reach: [{ metric: "p99_ms", most: 150 }],
  },
  {
    name: "big-5000x1",
    what: "5000 members, one message at a time to all",
    command: "traffic",
    work: { members: 5000, publishers: 1, pace: "barrier" },
    peers: LIVE,
    quickPeers: ["dormouse", "raw", "partyserver"],
    reach: [
      { metric: "deliveries_per_s", against: "raw", least: 0.95 },
      { metric: "deliveries_per_s", against: "partyserver", least: 1.1 },
    ],
  },
  {
    name: "echo-1x1",
    what: "one member, one message at a time, publish to answer",
    command: "traffic",
    work: { members: 1, publishers: 1, outstanding: 1 },
    peers: LIVE,
    quickPeers: ["dormouse", "raw"],
    reach: [{ metric: "deliveries_per_s", against: "raw", least: 0.75 }],
  },
  {
    name: "echo-kept-1x1",
    what: "one member, one kept message at a time, publish to answer",
    command: "traffic",
    work: { members: 1, publishers: 1, outstanding: 1, event: "kept", kept: true },
    peers: ["dormouse", "raw-kept"],
    reach: [{ metric: "deliveries_per_s", against: "raw-kept", least: 0.8 }],
  },
  {
    name: "call-1x1",
    what: "one member asks, one call at a time; beside an RPC by hand: JSON parsed, answered under its id",
    command: "traffic",
    target: { prefix: "code:room" },
    work: { members: 1, publishers: 1, outstanding: 1, call: "ask" },
    peers: ["dormouse", "raw", "partyserver"],
    reach: [{ metric: "deliveries_per_s", against: "raw", least: 0.75 }],
  },
  {
    name: "call-kept-1x1",
    what: "the same by a call that changes the state, which is on disk before it is answered",
    command: "traffic",
    target: { prefix: "code:room" },
    work: { members: 1, publishers: 1, outstanding: 1, call: "count" },
    peers: ["dormouse", "raw-kept"],
    reach: [],
    show: ["rows_per_message"],
  },
  {
    name: "join-2000",
    what: "2000 joins, 64 at a time, after 1000 of another channel; dormouse verifies a token for each, twice",
    command: "join",
    work: { members: 2000, warmup: 1000 },
    peers: LIVE,
    quickPeers: ["dormouse", "raw", "partyserver"],
    reach: [
      { metric: "joins_per_s", against: "raw", least: 0.8 },
      { metric: "joins_per_s", against: "partyserver", least: 1.3 },
    ],
    show: ["joins_per_s"],
  },
  {
    name: "join-2000-cold",
    what: "the same in a process that has served nobody: its code is compiled meanwhile",
    command: "join",
    work: { members: 2000 },
    quick: null,
    peers: LIVE,
    reach: [],
    show: ["joins_per_s"],
  },
  relayed(100, 20),
  relayed(1000, 20),
  relayed(100, 20, { all: true }),
  relayed(1000, 20, { all: true }),
  {
    name: "many-200",
    what: "50 clients join 200 channels each (one client is in them already), break off, and join all again; by arrays on one connection, or by single sockets to 20 channels each",
    command: "many",
    work: { clients: 50, channels: 200 },
    peers: ["dormouse", "relay"],
    // A socket each: 10,000 of them would be more than a process may open.
    workOf: { dormouse: { channels: 20 } },
    reach: [{ metric: "joins_per_s", of: "relay", against: "dormouse", least: 5 }],
    show: ["joins_per_s", "cpu_us_per_join", "kb_per_membership", "rejoins_per_s", "cpu_us_per_rejoin", "reconnect_ms"],
  },
  {
    name: "idle-5000",
    what: "5000 members: memory after one message to all; CPU of 60 s asleep with a heartbeat each 30 s",
    command: "idle",
    work: { members: 5000 },
    quick: { seconds: 6, settle: 11 },
    rounds: 1,
    peers: LIVE,
    quickPeers: ["dormouse", "raw"],
    // Asleep they are in nobody's way: a quick run lets them sleep at the same time.
    together: true,
    sleeps: true,
    reach: [
      { metric: "kb_per_connection", against: "raw", most: 1.1 },
      { metric: "server_cpu_ms", against: "raw", most: 1.1 },
    ],
    show: ["kb_per_connection_unused", "kb_per_connection", "kb_per_connection_asleep", "server_cpu_ms"],
  },
  {
    name: "wake-5000",
    what: "5000 members, the first message to all after sleep beside one to the awake object",
    command: "wake",
    work: { members: 5000, sleeps: 3, awake: 5 },
    quick: { sleeps: 1, awake: 3, quiet: 11 },
    rounds: 1,
    peers: ["dormouse", "raw", "partyserver"],
    quickPeers: ["dormouse"],
    sleeps: true,
    reach: [{ metric: "woken_to_awake", most: 1.2 }],
    show: ["awake_ms", "woken_ms", "woken_to_awake"],
  },
  {
    name: "stuck-1000x20",
    what: "hot-1000x20 with one more member that never reads",
    command: "traffic",
    // Long enough to fill what the kernel holds for the stuck one, so that the service must.
    work: { members: 1000, publishers: 20, outstanding: 8, stuck: 1, seconds: 15 },
    quick: null,
    peers: ["dormouse", "raw"],
    reach: [],
    show: ["stuck"],
  },
  {
    name: "seed-20000",
    what: "20000 in-process members of one channel, 2 kB a minute to all",
    command: "seed",
    work: { members: 20000, messages: 2, every: 60 },
    quick: { messages: 1, every: 0 },
    rounds: 1,
    peers: ["dormouse", "raw", "partyserver"],
    quickPeers: ["dormouse"],
    reach: [
      { metric: "delivered_share", least: 1 },
      { metric: "isolate_mb", most: 128 },
    ],
    show: ["joins_per_s", "to_all_ms", "delivered_share", "isolate_mb"],
  },
  ...[10, 100, 1000, 5000, 9000].map(growth),
  ...[100, 1024, 16384].map(inbound),
  ...[16, 64, 256].map(frame),
];
