// One lane of an agent: a row with its value, age, drawing and form.
import { Chart, drawSmall, small } from "./chart.js";
import { byHost, now } from "./clock.js";
import { commandForm } from "./command.js";
import { el, say, soon } from "./dom.js";
import { Entries } from "./entries.js";
import { History } from "./history.js";
import { List } from "./list.js";
import { print } from "./print.js";
import { Num, Rec } from "./recon.js";
import { ago, nodesOf, numberOf, readingOf, withUnit } from "./show.js";

const refusals = {
  nodeNotFound: "this agent is not there any more",
  laneNotFound: "this lane is not there any more",
};

/** How this page links to a lane of a type. */
const kindOf = (type) => /map|join/i.test(type) ? "map" : type === "list" ? "list" : /command|supply/.test(type) ? "command" : "value";

/** Whether lanes of a type can be set or sent something here. */
const isFixed = (type) => /supply|demand|http/i.test(type);

export class Lane {
  constructor(host, node, name, type, readOnly, card) {
    Object.assign(this, { host, node, name, type, card, kind: kindOf(type), link: null });
    this.told = (link, event) => this.take(link, event);
    this.value = el("span", { class: "value" });
    this.age = el("span", { class: "age" });
    this.path = el("path");
    this.chartButton = el("button", { type: "button", class: "spark", hidden: true, "aria-expanded": "false", "aria-label": `Chart of ${name}`,
      click: () => this.toggleChart() }, small(this.path));
    this.setButton = el("button", { type: "button", class: "set", hidden: readOnly || isFixed(type), "aria-expanded": "false",
      "aria-label": `${this.kind === "command" ? "Send" : "Set"} ${name}`, click: () => this.toggleForm() }, this.kind === "command" ? "Send" : "Set");
    this.doubt = el("p", { class: "doubt", hidden: true });
    this.el = el("li", { class: "lane", "data-lane": name }, el("span", { class: "name" }, name), this.value, this.age, this.chartButton, this.setButton, this.doubt);
    if (this.kind === "map" || this.kind === "list") {
      this.entries = new Entries(name);
      this.el.append(this.entries.el);
    }
    if (type === "http") this.words("answers HTTP requests");
    this.history = new History();
    this.arrived = 0;
  }

  get open() { return Boolean(this.chart || this.form); }

  watch() {
    if (this.type !== "http") this.link ??= this.host.link(this.node, this.name, this.kind, this.told);
  }

  unwatch() {
    if (!this.link) return;
    this.host.release(this.link, this.told);
    this.link = null;
    this.history.gap();
  }

  close() {
    this.unwatch();
    this.chart?.close();
    this.el.remove();
  }

  take(link, event) {
    if (event && this.kind === "value") {
      const n = numberOf(event.body);
      if (n) {
        Object.assign(this.history, { unit: n.unit, measured: n.measured });
        this.history.add(n.v, n.at);
      } else this.history.gap();
    } else if (!event && link.state === "linking") this.history.gap();
    soon(this);
  }

  draw() {
    const link = this.link;
    if (!link) return;
    const refused = link.state === "refused";
    this.el.classList.toggle("old", refused || link.state === "linking");
    if (refused) this.words(refusals[link.why] ?? "the host ended this link");
    else if (!link.known) this.await();
    else if (this.entries) this.drawEntries(link);
    else if (this.kind === "command") this.drawCommand(link);
    else this.drawValue(link);
    if ((refused || link.known) && (this.name === "status" || this.name === "mirror")) this.card.heard(this.name, refused ? undefined : link.value);
    this.tick();
  }

  // What was shown before stays until it is told again.
  await() {
    if (!this.value.hasChildNodes()) this.words("…");
  }

  words(text) {
    this.drawn = undefined;
    this.value.replaceChildren(el("span", { class: "faint" }, text));
  }

  drawEntries(link) {
    if (this.entries.button.parentNode !== this.value) this.value.replaceChildren(this.entries.button);
    this.entries.draw(link);
    this.form?.refresh();
  }

  drawCommand(link) {
    if (!link.arrived) this.words(this.type === "supply" ? "nothing yet" : "takes commands");
    else this.value.replaceChildren(el("span", { class: "faint" }, "last "), ...nodesOf(link.value));
  }

  drawValue(link) {
    const v = link.value;
    if (this.drawn === v && v !== undefined) return;
    this.drawn = v;
    this.reading = readingOf(v);
    const r = this.reading, text = r ? withUnit(r) : null;
    this.value.classList.toggle("none", r?.quality === "bad");
    const long = v instanceof Rec && !r || typeof v === "string" && v.length > 24 || (text?.length ?? 0) > 24;
    this.el.classList.toggle("long", long);
    if (text !== null) say(this.value, text);
    else if (v instanceof Num) say(this.value, nodesOf(v)[0]);
    else this.value.replaceChildren(...nodesOf(v));
    const doubt = r && r.quality !== "good" && r.quality !== "bad" ? [r.quality, r.reason].filter(Boolean).join(": ") : "";
    say(this.doubt, doubt);
    this.doubt.hidden = doubt === "";
    if (numberOf(v)) this.chartButton.hidden = false;
    if (this.chart) soon(this.chart);
  }

  /** What changes with time alone. */
  tick() {
    const link = this.link;
    if (!link) return;
    const r = this.kind === "value" ? this.reading : null;
    let at = r ? r.at : NaN;
    if (this.kind === "command" && link.arrived) at = byHost(link.arrived);
    say(this.age, Number.isNaN(at) ? r && r.quality !== "bad" ? "no time" : "" : (r?.trusted === false ? "about " : "") + ago(now() - at));
    this.entries?.tick();
    if (!this.chartButton.hidden) drawSmall(this.path, this.history);
  }

  toggleChart() {
    if (this.chart) {
      this.chart.close();
      this.chart.el.remove();
      this.chart = null;
    } else {
      this.chart = new Chart(this.name, this.history);
      this.el.append(this.chart.el);
      soon(this.chart);
    }
    this.chartButton.setAttribute("aria-expanded", Boolean(this.chart));
    this.card.settle();
  }

  toggleForm() {
    if (this.form) {
      const inside = this.form.contains(document.activeElement);
      this.form.remove();
      this.form = null;
      if (inside) this.setButton.focus();
    } else {
      const v = this.reading ? this.reading.value : this.link?.value, shown = this.kind === "value" && v != null;
      this.form = commandForm({
        node: this.node, lane: this.name, kind: this.kind,
        flag: typeof v === "boolean" || this.kind === "command" && v == null,
        current: shown ? print(v) : "",
        list: () => this.link?.entries ?? new List(),
        done: () => this.toggleForm(),
      });
      this.el.append(this.form);
      this.form.start();
    }
    this.setButton.setAttribute("aria-expanded", Boolean(this.form));
    this.card.settle();
  }
}
