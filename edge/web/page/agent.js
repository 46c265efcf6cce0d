// One agent: a card with its state and its lanes, linked only while it is on screen or in use.
import { now } from "./clock.js";
import { el, newId, say, soon } from "./dom.js";
import { Lane } from "./lane.js";
import { lanesOf, placeOf } from "./names.js";
import { Rec } from "./recon.js";
import { ago, instant } from "./show.js";

const settle = 150;  // ms on screen before it is linked, so that scrolling by links nothing
const linger = 2000; // ms off screen before links are given back
const tones = { ok: "good", live: "good", connected: "good", listening: "good", stale: "warn", connecting: "warn", waiting: "warn", away: "warn",
  lost: "bad", faulty: "bad" };
const last = ["status", "mirror", "info"]; // lanes about the agent, behind those it is for

export class Agent {
  constructor(host, node) {
    Object.assign(this, { host, node, lanes: new Map(), list: null, seen: false });
    const id = newId(), place = placeOf(node);
    this.group = place.group;
    this.told = () => soon(this);
    this.chip = el("span", { class: "chip", hidden: true });
    this.note = el("p", { class: "note", hidden: true });
    this.guess = el("p", { class: "guess", hidden: true }, "the clock was not set when these were read; ages are a guess");
    this.rows = el("ul", { class: "lanes" });
    this.el = el("article", { class: "agent", "data-node": node, "aria-labelledby": id },
      el("header", {}, el("h3", { id, title: node }, place.name), this.chip), this.note, this.rows, this.guess);
  }

  get used() { return [...this.lanes.values()].some((l) => l.open); }

  /** Takes in whether the card is on screen. */
  show(seen) {
    this.seen = seen;
    this.settle();
  }

  /** Links or gives back, a little later. */
  settle() {
    clearTimeout(this.timer);
    const wanted = this.seen || this.used;
    if (wanted !== Boolean(this.list)) this.timer = setTimeout(() => wanted ? this.watch() : this.unwatch(), wanted ? settle : linger);
  }

  watch() {
    this.list = this.host.link(lanesOf(this.node), "lanes", "map", this.told);
    for (const lane of this.lanes.values()) lane.watch();
    soon(this);
  }

  unwatch() {
    this.host.release(this.list, this.told);
    this.list = null;
    for (const lane of this.lanes.values()) lane.unwatch();
  }

  close() {
    clearTimeout(this.timer);
    if (this.list) this.unwatch();
    for (const lane of this.lanes.values()) lane.close();
    this.el.remove();
  }

  draw() {
    this.headline();
    if (!this.list) return;
    const { entries, state } = this.list;
    if (state === "synced") {
      for (const [name, lane] of this.lanes) {
        if (this.listed(name)) continue;
        lane.close();
        this.lanes.delete(name);
      }
    }
    let fresh = false;
    for (const { key, value } of entries.values()) {
      if (this.lanes.has(key) || !(value instanceof Rec)) continue;
      this.lanes.set(key, new Lane(this.host, this.node, key, String(value.get("laneType")), value.get("readOnly") === true, this));
      fresh = true;
    }
    if (!fresh) return;
    const rank = (l) => last.indexOf(l.name);
    const sorted = [...this.lanes.values()].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
    sorted.forEach((lane, i) => {
      if (this.rows.children[i] !== lane.el) this.rows.insertBefore(lane.el, this.rows.children[i] ?? null);
      lane.watch();
    });
    this.el.classList.add("filled");
  }

  listed(name) {
    for (const { key } of this.list.entries.values()) if (key === name) return true;
    return false;
  }

  /** Takes in the value of the lane status or mirror. */
  heard(name, value) {
    this[name] = value instanceof Rec && typeof value.get("state") === "string" ? value : null;
    this.headline();
  }

  headline() {
    const away = this.mirror?.get("state") === "stale", state = away ? "stale" : this.status?.get("state") ?? "";
    const live = this.host.state === "live", word = live ? state : "not live";
    this.chip.hidden = word === "";
    say(this.chip, word);
    this.chip.className = `chip ${live ? tones[state] ?? "" : "warn"}`;
    this.el.classList.toggle("away", away);
    this.guess.hidden = ![...this.lanes.values()].some((l) => l.reading?.trusted === false);
    const words = away ? this.mirrored() : tones[state] === "good" || !this.status ? "" : this.trouble();
    say(this.note, words);
    this.note.hidden = words === "";
    if (this.list?.state === "refused" && live) {
      say(this.note, "this agent is not there any more");
      this.note.hidden = false;
    }
  }

  mirrored() {
    const since = instant(this.mirror.get("since"));
    return since ? `as of ${ago(now() - since)} ago; edge away` : "edge away";
  }

  trouble() {
    const { status } = this, since = instant(status.get("since")), good = instant(status.get("lastGood"));
    const reason = status.get("reason") ?? status.get("lastError");
    return [typeof reason === "string" && reason, since && `for ${ago(now() - since)}`, good && `last good ${ago(now() - good)} ago`].filter(Boolean).join("; ");
  }

  /** What changes with time alone. */
  tick() {
    if (!this.list) return;
    this.headline();
    for (const lane of this.lanes.values()) lane.tick();
  }
}
