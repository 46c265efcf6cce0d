// What needs attention: the conditions of this host, and of the edges whose agents it shows.
import { everySecond, now } from "./clock.js";
import { el, say, soon } from "./dom.js";
import { Rec } from "./recon.js";
import { ago, instant } from "./show.js";

const own = "/host";

export class Conditions {
  constructor(host, place) {
    Object.assign(this, { host, place, hosts: new Map() });
    this.list = el("ul");
    this.head = el("h2");
    place.append(this.head, this.list);
    this.told = () => soon(this);
    this.follow(own);
    this.nodes = host.link("swim:meta:host", "nodes", "map", this.told);
    host.watchers.add(this.told);
    everySecond(this.told);
  }

  follow(node) {
    this.hosts.set(node, {
      conditions: this.host.link(node, "conditions", "map", this.told),
      mirror: node === own ? null : this.host.link(node, "mirror", "value", this.told),
    });
  }

  draw() {
    for (const { key } of this.nodes.entries.values()) {
      if (String(key).endsWith(own) && !this.hosts.has(key)) this.follow(key);
    }
    const items = [];
    for (const [node, { conditions, mirror }] of this.hosts) {
      if (conditions.state === "refused") continue;
      const away = mirror?.value instanceof Rec && mirror.value.get("state") === "stale";
      for (const { key, value } of conditions.entries.values()) {
        if (value instanceof Rec) items.push({ id: `${node} ${key}`, from: node.slice(0, -own.length), away, value });
      }
    }
    const worst = (i) => i.value.get("severity") === "failure" ? 0 : 1;
    items.sort((a, b) => worst(a) - worst(b) || (a.id < b.id ? -1 : 1));
    this.place.classList.toggle("calm", items.length === 0);
    const known = this.hosts.get(own).conditions.known;
    say(this.head, items.length ? `Needs attention (${items.length}${this.host.state === "live" ? "" : ", as last heard"})` : known ? `Nothing needs attention${this.host.state === "live" ? "" : ", as last heard"}` : "");
    const text = (name, v) => typeof v.get(name) === "string" ? v.get(name) : "";
    items.forEach((item, i) => {
      const { value } = item, since = instant(value.get("since"));
      let row = this.list.children[i];
      if (!row) {
        row = el("li", {}, el("strong"), el("span", { class: "text" }), el("span", { class: "remedy" }), el("span", { class: "faint" }));
        this.list.append(row);
      }
      const [severity, what, remedy, more] = row.children;
      row.className = text("severity", value) === "failure" ? "bad" : "warn";
      say(severity, text("severity", value) || "condition");
      say(what, text("text", value));
      say(remedy, text("remedy", value));
      say(more, [item.from, since && `for ${ago(now() - since)}`, item.away && "edge away; this is the last it said"].filter(Boolean).join("; "));
    });
    while (this.list.children.length > items.length) this.list.lastElementChild.remove();
  }
}
