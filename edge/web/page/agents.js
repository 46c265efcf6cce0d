// All agents of the host in groups, filtered, each told when it is on screen.
import { everySecond } from "./clock.js";
import { el, newId, say, soon } from "./dom.js";
import { Agent } from "./agent.js";

export class Agents {
  constructor(host, { place, filter, count }) {
    Object.assign(this, { host, place, filter, count, agents: new Map(), groups: new Map() });
    this.observer = new IntersectionObserver((changes) => {
      for (const c of changes) this.agents.get(c.target.dataset.node)?.show(c.isIntersecting);
    }, { rootMargin: "150px" });
    this.list = host.link("swim:meta:host", "nodes", "map", () => soon(this));
    filter.addEventListener("input", () => soon(this));
    host.watchers.add(() => { for (const a of this.agents.values()) soon(a); });
    everySecond(() => { for (const a of this.agents.values()) a.tick(); });
  }

  draw() {
    const { entries, state } = this.list, nodes = new Set();
    for (const { key } of entries.values()) nodes.add(String(key));
    for (const [node, agent] of this.agents) {
      if (nodes.has(node) || state !== "synced") continue;
      this.observer.unobserve(agent.el);
      agent.close();
      this.agents.delete(node);
    }
    const changed = nodes.size !== this.agents.size;
    for (const node of nodes) if (!this.agents.has(node)) this.add(node);
    if (changed) this.arrange();
    this.sift();
  }

  add(node) {
    const agent = new Agent(this.host, node);
    this.agents.set(node, agent);
    if (!this.groups.has(agent.group)) {
      const id = newId(), cards = el("div", { class: "cards" });
      this.groups.set(agent.group, { cards, el: el("section", { "aria-labelledby": id }, el("h2", { id }, agent.group), cards) });
    }
    this.observer.observe(agent.el);
  }

  // The host's own agents come behind those it is there for.
  arrange() {
    const order = (a, b) => (a === "/") - (b === "/") || (a < b ? -1 : 1);
    const into = (parent, elements) => elements.forEach((e, i) => { if (parent.children[i] !== e) parent.insertBefore(e, parent.children[i] ?? null); });
    const groups = [...this.groups.keys()].sort(order), members = new Map(groups.map((g) => [g, []]));
    for (const node of [...this.agents.keys()].sort()) {
      const agent = this.agents.get(node);
      members.get(agent.group).push(agent.el);
    }
    into(this.place, groups.map((g) => this.groups.get(g).el));
    for (const [g, elements] of members) into(this.groups.get(g).cards, elements);
  }

  sift() {
    const wanted = this.filter.value.trim().toLowerCase().split(/\s+/);
    let shown = 0;
    const filled = new Set();
    for (const [node, agent] of this.agents) {
      const name = node.toLowerCase(), fits = wanted.every((w) => name.includes(w));
      agent.el.hidden = !fits;
      if (fits) filled.add(agent.group);
      shown += fits;
    }
    for (const [g, { el: section }] of this.groups) section.hidden = !filled.has(g);
    const all = this.agents.size, n = (x) => x.toLocaleString("en");
    say(this.count, this.list.state !== "synced" && all === 0 ? "" : all === 0 ? "no agents yet" :
      shown === all ? `${n(all)} ${all === 1 ? "agent" : "agents"}` : `${n(shown)} of ${n(all)} agents`);
  }
}
