// Opens many members of one channel from inside the process, sends to all of them, and counts what arrives.

export default {
  async fetch(request, env) {
    const plan = await request.json();
    const { readable, writable } = new TransformStream();
    // The answer grows line by line; while it is open the members stay.
    const lines = writable.getWriter();
    const tell = (event) => lines.write(new TextEncoder().encode(`${JSON.stringify(event)}\n`));
    drive(plan, env.SERVICE, tell)
      .catch((error) => tell({ event: "error", message: String(error) }))
      .finally(() => lines.close());
    return new Response(readable);
  },
};

async function drive(plan, service, tell) {
  const arrivals = new Map();
  const hear = (text) => {
    for (const data of read(text)) {
      const arrival = arrivals.get(data);
      if (!arrival) continue;
      arrival.count += 1;
      arrival.last = Date.now();
      if (arrival.count === plan.members) arrival.all();
    }
  };
  const begin = Date.now();
  const members = await join(plan, service, hear);
  await tell({ event: "joined", members: members.length, seconds: (Date.now() - begin) / 1000 });
  for (let number = 0; number < plan.messages; number += 1) {
    if (number > 0) await new Promise((resolve) => setTimeout(resolve, plan.every * 1000));
    const data = text(number, plan.size);
    const arrival = { count: 0, last: 0 };
    const all = new Promise((resolve) => (arrival.all = resolve));
    arrivals.set(data, arrival);
    const sent = Date.now();
    members[0].send(frame(plan, number, data));
    await Promise.race([all, new Promise((resolve) => setTimeout(resolve, plan.patience * 1000))]);
    await tell({ event: "message", delivered: arrival.count, ms: arrival.last - sent });
  }
  await tell({ event: "done" });
}

/** Joins `plan.members` members, `plan.joining` at a time. */
async function join(plan, service, hear) {
  const members = [];
  let next = 0;
  const worker = async () => {
    while (next < plan.members) members.push(await one(plan, service, hear, next++));
  };
  await Promise.all(Array.from({ length: plan.joining }, worker));
  return members;
}

async function one(plan, service, hear, number) {
  const headers = { upgrade: "websocket" };
  if (plan.tokens) headers["sec-websocket-protocol"] = `dormouse.v1, bearer.${plan.tokens[number]}`;
  const response = await service.fetch(plan.url, { headers });
  if (!response.webSocket) throw new Error(`join ${number} was answered ${response.status}: ${await response.text()}`);
  const socket = response.webSocket;
  let welcome;
  const welcomed = plan.tokens ? new Promise((resolve) => (welcome = resolve)) : undefined;
  socket.addEventListener("message", ({ data }) => {
    welcome?.(data);
    welcome = undefined;
    hear(data);
  });
  socket.accept();
  const first = await welcomed;
  if (first !== undefined && !first.includes('"type":"welcome"')) throw new Error(`join ${number} heard ${first}`);
  return socket;
}

/** The data of the messages in a text frame, whichever way it is framed. */
function read(text) {
  // The data is one long JSON string without quotes inside, so it can be cut out without parsing 20,000 times.
  return text.match(/"seed-[^"]*"/g) ?? [];
}

function text(number, size) {
  const head = `"seed-${number}-`;
  return `${head}${"x".repeat(size - head.length - 1)}"`;
}

function frame(plan, number, data) {
  return plan.tokens ? `{"type":"publish","id":"seed${number}","event":"${plan.event}","data":${data}}` : data;
}
