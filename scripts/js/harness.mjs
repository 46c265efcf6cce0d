// Checks that wait: for callbacks of @swim/client and for what its connections carry. Nothing here
// sleeps or polls; one time limit bounds the whole run. It runs in Node and in a browser's page.

import { WarpClient } from "@swim/client";
import { Recon } from "@swim/recon";

const LIMIT = 45_000; // ms, of a whole run

// A Harness is one run. host is the WARP URI of the host under test; Socket is the WebSocket class
// to connect with; say takes each line of the report, which is in TAP.
export class Harness {
  constructor({ host, Socket, say }) {
    Object.assign(this, { host, Socket, say, done: 0, waiting: null, looking: false });
    this.failed = new Promise((_, fail) => { this.fail = fail; });
    this.failed.catch(() => {}); // it may fail before run awaits it
  }

  // run runs a suite to its end or its first failure, and tells which.
  async run(suite) {
    const limit = setTimeout(() => this.fail(new Error(`not within ${LIMIT / 1000} s`)), LIMIT);
    try {
      await Promise.race([suite(this), this.failed]);
      this.say(`1..${this.done}`);
      return true;
    } catch (err) {
      this.say(`not ok ${this.done + 1} - ${this.waiting?.name ?? "between checks"}`);
      this.say(`# ${err?.stack ?? err}`);
      if (this.waiting?.show) this.say(`# seen: ${this.waiting.show()}`);
      return false;
    } finally {
      clearTimeout(limit);
    }
  }

  // changed looks at the check in progress again, once what is going on just now is over.
  changed() {
    if (this.looking) return;
    this.looking = true;
    queueMicrotask(() => {
      this.looking = false;
      try {
        if (this.waiting?.holds()) this.waiting.passed();
      } catch (err) {
        this.fail(err);
      }
    });
  }

  // check waits until holds() is true. show() tells what was seen if it never is.
  async check(name, holds, show) {
    await new Promise((passed) => {
      this.waiting = { name, holds, passed, show };
      this.changed();
    });
    this.waiting = null;
    this.done++;
    this.say(`ok ${this.done} - ${name}`);
  }

  // client makes a client that keeps in connections what each of its connections has said and heard. In a
  // browser it can have its connections in a worker instead, as it does by itself; those are not seen.
  client({ protocols, worker = false } = {}) {
    const client = new WarpClient();
    if (!worker) client.workerUrl.set(undefined);
    client.connections = [];
    client.failures = 0;
    client.wsConstructor.set(recording(this.Socket, client.connections, () => this.changed()));
    if (protocols !== undefined) client.wsProtocols.set(protocols);
    client.observe({
      clientDidFail: () => { client.failures++; this.changed(); },
      clientDidAuthenticate: (body) => { client.session = recon(body); this.changed(); },
    });
    client.mount(); // without it nothing connects
    return client;
  }

  // follow opens a downlink, kind being "value", "map", "list" or "event", and keeps what its
  // callbacks say. more may hold the client's options, prio, rate, and another host.
  follow(client, kind, node, lane, { host = this.host, prio, rate, ...options } = {}) {
    const seen = { calls: [], sets: [], events: [], synced: 0, linked: 0, unlinked: 0, lost: 0, closed: 0 };
    const hook = (name, keep = () => {}) => [name, (...args) => {
      seen.calls.push(name);
      keep(...args);
      this.changed();
    }];
    const hooks = Object.fromEntries([
      hook("didLink", () => seen.linked++), hook("didSync", () => seen.synced++), hook("didUnlink", () => seen.unlinked++),
      hook("didDisconnect", () => seen.lost++), hook("didClose", () => seen.closed++),
      hook("didSet", (value) => seen.sets.push(recon(value))),
      hook("onEvent", (value) => seen.events.push(recon(value))),
      ...["didUpdate", "didRemove", "didMove", "didDrop", "didTake", "didClear"].map((name) => hook(name)),
    ]);
    if (kind !== "event") delete hooks.onEvent; // the other kinds read the events themselves
    const make = { value: "downlinkValue", map: "downlinkMap", list: "downlinkList", event: "downlink" }[kind];
    const link = client[make]({ ...hooks, ...options }).setHostUri(host).setNodeUri(node).setLaneUri(lane);
    if (prio !== undefined) link.setPrio(prio);
    if (rate !== undefined) link.setRate(rate);
    seen.link = link.open();
    return seen;
  }
}

// recording returns a WebSocket class that keeps the frames of each of its connections.
function recording(Socket, connections, changed) {
  return class extends Socket {
    constructor(...args) {
      super(...args);
      this.said = [];
      this.heard = [];
      connections.push(this);
      this.addEventListener("message", (message) => { this.heard.push(message.data); changed(); });
    }
    send(text) {
      this.said.push(text);
      super.send(text);
    }
  };
}

// recon writes a value in the form that the client sends.
export const recon = (value) => Recon.toString(value);

// What a downlink holds, as text.
export const value = (seen) => recon(seen.link.get());

export function entries(seen) {
  const all = [];
  seen.link.forEach((v, k) => { all.push(`${recon(k)}:${recon(v)}`); });
  return all.join(" ");
}

export function items(seen) {
  const all = [];
  seen.link.forEach((v) => { all.push(recon(v)); });
  return all.join(" ");
}

// answers returns the frames that a connection has heard for a lane, with node and lane left out.
export function answers(connection, node, lane) {
  const address = `(node:"${node}",lane:${lane}`;
  return (connection?.heard ?? []).filter((frame) => frame.includes(address))
    .map((frame) => frame.replace(`${address})`, "").replace(`${address},`, "("));
}
