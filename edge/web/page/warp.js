// A WARP connection that comes back by itself, and the downlinks over it.
import { List } from "./list.js";
import { Rec, parse, parseHead } from "./recon.js";
import { print } from "./print.js";

const firstDelay = 500, maxDelay = 15_000; // ms; each wait is this long to twice this long, by chance
const quiet = 10_000;  // ms without a message before the host is asked for one
const patience = 8_000; // ms it has to answer, then the connection is taken for dead

/** One lane as the host tells it. All who link to the same lane share one. */
class Downlink {
  constructor(host, node, lane, kind) {
    Object.assign(this, { host, node, lane, kind });
    this.users = new Set(); // told of each change: user(downlink, event), event undefined for a change of state
    this.state = "linking"; // linking, linked, synced, refused
    this.why = "";          // of a refusal: nodeNotFound, laneNotFound
    this.known = false;     // whether the host has said what it holds
    this.value = undefined; // of a value lane; of a command lane the last command
    this.arrived = 0;       // when it came, ms of this browser's clock; 0 for nothing yet
    this.entries = kind === "list" ? new List() : new Map(); // of a map lane: printed key → {id, key, value}, id being that too
    this.coming = this.entries; // of a list lane, as told since linked
    this.seen = null;       // keys of a map told since linked, until synced
  }

  get request() { return `@${this.kind === "command" ? "link" : "sync"}(node:${print(this.node)},lane:${print(this.lane)})`; }

  tell(event) { for (const user of this.users) user(this, event); }

  linked() {
    this.state = "linked";
    this.known ||= this.kind === "command";
    this.seen = new Set();
    if (this.kind === "list") this.coming = new List();
    this.tell();
  }

  // What was removed while nobody listened is told by not being told.
  synced() {
    this.state = "synced";
    this.known = true;
    if (this.kind === "map" && this.seen) {
      for (const id of this.entries.keys()) if (!this.seen.has(id)) this.entries.delete(id);
    }
    if (this.kind === "list") this.entries = this.coming;
    this.seen = null;
    this.tell();
  }

  event(body) {
    this.arrived = Date.now();
    this.known ||= this.kind !== "list"; // a part of a list says little
    if (this.kind === "map") this.change(body);
    else if (this.kind !== "list") this.value = body;
    else if (body instanceof Rec) this.coming.change(body);
    this.tell({ body });
  }

  change(body) {
    const id = body instanceof Rec ? print(body.header.get("key")) : "";
    switch (body instanceof Rec ? body.tag : "") {
      case "update":
        this.entries.set(id, { id, key: body.header.get("key"), value: body.body });
        this.seen?.add(id);
        break;
      case "remove":
        this.entries.delete(id);
        this.seen?.delete(id);
        break;
      case "clear":
        this.entries.clear();
        this.seen?.clear();
        break;
      case "take":
      case "drop": // counts in the order of keys, which the host knows
        this.seen = new Set();
        this.host.send(this.request);
    }
  }
}

/** The connection to a WARP host. */
export class Host {
  /** pulse is a lane that is linked all the time; it is asked for when nothing has come for long. */
  constructor(url, pulse) {
    Object.assign(this, { url, pulse });
    this.state = "connecting"; // connecting, live, waiting
    this.lost = 0;             // when the connection was lost, ms of this browser's clock; 0 before the first
    this.retryAt = 0;
    this.tries = 0;
    this.watchers = new Set(); // called after each change of state
    this.links = new Map();
    this.leaving = new Map();  // how many unlinks of a lane are not answered yet
    setInterval(() => this.check(), 2000);
    addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.retry(); });
    this.connect();
  }

  /** Links to a lane of kind value, map, list or command. Give it back with release. */
  link(node, lane, kind, user) {
    const id = `${node}\n${lane}`;
    let d = this.links.get(id);
    if (!d) {
      d = new Downlink(this, node, lane, kind);
      this.links.set(id, d);
      if (this.state === "live") this.send(d.request);
    }
    d.users.add(user);
    if (d.state !== "linking") user(d, undefined);
    return d;
  }

  release(d, user) {
    const id = `${d.node}\n${d.lane}`;
    d.users.delete(user);
    if (d.users.size || this.links.get(id) !== d) return;
    this.links.delete(id);
    if (this.state !== "live" || d.state === "refused") return;
    this.leaving.set(id, (this.leaving.get(id) ?? 0) + 1);
    this.send(`@unlink(node:${print(d.node)},lane:${print(d.lane)})`);
  }

  /** Connects at once if the next try is only due later. */
  retry() {
    if (this.state === "waiting") this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    this.begun = Date.now();
    this.become("connecting");
    const socket = this.socket = new WebSocket(this.url, "warp0");
    socket.onopen = () => {
      this.tries = 0;
      this.heard = Date.now();
      this.asked = 0;
      this.become("live");
      for (const d of this.links.values()) this.send(d.request);
    };
    socket.onmessage = (m) => { if (this.socket === socket) this.receive(m.data); };
    socket.onclose = () => this.end(socket);
  }

  end(socket) {
    if (this.socket !== socket) return;
    this.socket = null;
    this.leaving.clear();
    for (const d of this.links.values()) Object.assign(d, { state: "linking", seen: null });
    if (this.state === "live") this.lost = Date.now();
    const delay = Math.min(maxDelay, firstDelay * 1.8 ** this.tries++) * (1 + Math.random());
    this.retryAt = Date.now() + delay;
    this.timer = setTimeout(() => this.connect(), delay);
    this.become("waiting");
    for (const d of this.links.values()) d.tell();
  }

  become(state) {
    this.state = state;
    for (const watcher of this.watchers) watcher();
  }

  // A host that lost power closes nothing, and a browser cannot see a WebSocket's pings.
  check() {
    const now = Date.now();
    if (this.state === "connecting" && now - this.begun > 2 * patience) return this.drop();
    if (this.state !== "live" || now - this.heard < quiet) return;
    if (!this.asked) {
      this.asked = now;
      this.send(`@sync(node:${print(this.pulse.node)},lane:${print(this.pulse.lane)})`);
    } else if (now - this.asked > patience) {
      this.drop();
    }
  }

  drop() {
    const socket = this.socket;
    this.end(socket);
    socket?.close();
  }

  send(text) { if (this.state === "live") this.socket.send(text); }

  receive(text) {
    this.heard = Date.now();
    this.asked = 0;
    let envelope;
    try {
      envelope = parse(text);
    } catch (e) {
      this.unread(text, e);
      return;
    }
    if (!(envelope instanceof Rec)) return;
    const id = `${envelope.header.get("node")}\n${envelope.header.get("lane")}`;
    const left = this.leaving.get(id) ?? 0;
    if (left) { // an answer to a link that was given back
      if (envelope.tag !== "unlinked") return;
      if (left > 1) this.leaving.set(id, left - 1);
      else this.leaving.delete(id);
      return;
    }
    const d = this.links.get(id);
    switch (d && envelope.tag) {
      case "linked": return d.linked();
      case "synced": return d.synced();
      case "event": return d.event(envelope.body);
      case "unlinked":
        d.state = "refused";
        d.why = envelope.body instanceof Rec ? envelope.body.tag : "";
        return d.tell();
    }
  }

  // A value this page cannot read is shown as it came.
  unread(text, error) {
    try {
      let { head, rest } = parseHead(text);
      const d = this.links.get(`${head.header.get("node")}\n${head.header.get("lane")}`);
      if (!d || head.tag !== "event") return;
      if (d.kind === "map" || d.kind === "list") {
        const op = parseHead(rest);
        rest = new Rec([...op.head.items, { kind: "value", value: op.rest }]);
      }
      d.event(rest);
    } catch {
      console.warn("a message cannot be read:", error.message, text.slice(0, 200));
    }
  }
}
