// The entries of a map lane or the elements of a list lane, folded when there are many.
import { now } from "./clock.js";
import { el, newId, say } from "./dom.js";
import { ago, keyOf, nodesOf, readingOf } from "./show.js";

const few = 8;    // shown without asking
const most = 200; // shown at all

export class Entries {
  constructor(name) {
    const id = newId();
    this.open = null; // as the person wants it, null for as fits
    this.button = el("button", { type: "button", class: "plain", "aria-controls": id, "aria-label": `Entries of ${name}`, click: () => this.toggle() });
    this.list = el("dl", { id });
    this.rest = el("p", { class: "faint", hidden: true });
    this.el = el("div", { class: "entries", hidden: true }, this.list, this.rest);
    this.rows = new Map(); // id → {key, value, age, of}
  }

  toggle() {
    this.open = this.el.hidden;
    this.draw(this.link);
  }

  draw(link) {
    this.link = link;
    const count = link.entries.size, open = count > 0 && (this.open ?? count <= few);
    const text = count === 1 ? "1 entry" : count ? `${count.toLocaleString("en")} entries` : "no entries";
    say(this.button, text);
    this.button.setAttribute("aria-expanded", open);
    this.button.setAttribute("aria-label", `${this.link.lane}: ${text}`);
    this.button.disabled = count === 0;
    this.el.hidden = !open;
    if (open) this.fill(link.entries);
  }

  fill(entries) {
    const shown = new Map();
    for (const entry of entries.values()) {
      if (shown.size === most) break;
      shown.set(entry.id, entry);
    }
    for (const [id, row] of this.rows) {
      if (shown.has(id)) continue;
      row.key.remove();
      row.value.remove();
      this.rows.delete(id);
    }
    let place = 0;
    for (const [id, entry] of shown) {
      const row = this.row(id), at = this.list.children[2 * place];
      if (at !== row.key) {
        this.list.insertBefore(row.key, at ?? null);
        row.key.after(row.value);
      }
      say(row.key, this.link.kind === "list" ? String(place) : keyOf(entry.key));
      place++;
      if (row.of === entry) continue;
      row.of = entry;
      row.at = readingOf(entry.value)?.at;
      row.text.replaceChildren(...nodesOf(entry.value));
    }
    const left = entries.size - this.rows.size;
    say(this.rest, left ? `and ${left.toLocaleString("en")} more` : "");
    this.rest.hidden = left === 0;
    this.tick();
  }

  row(id) {
    let row = this.rows.get(id);
    if (!row) {
      const age = el("span", { class: "age" }), text = el("span");
      row = { key: el("dt"), value: el("dd", {}, text, age), text, age };
      this.rows.set(id, row);
    }
    return row;
  }

  tick() {
    if (this.el.hidden) return;
    for (const row of this.rows.values()) say(row.age, row.at > 0 ? ago(now() - row.at) : "");
  }
}
