// The elements of a list lane as its reader keeps them: an element is looked up by its key, and its index
// says only where a new one goes. Hosts that name no key mean the index.
import { print } from "./print.js";
import { Num } from "./recon.js";

let unnamed = 0;

export class List {
  constructor() {
    this.elements = [];     // {id, key, value}, id being the printed key
    this.known = new Set(); // ids
  }

  get size() { return this.elements.length; }
  values() { return this.elements.values(); }

  change(body) {
    const all = this.elements, { header } = body, key = header.get("key"), id = print(key);
    const number = (v, most) => v instanceof Num ? Math.min(Math.max(v.value, 0), most) : 0;
    const at = (name) => number(header.get(name), all.length);
    switch (body.tag) {
      case "update": {
        const was = this.find(id, at("index")), value = body.body;
        if (was >= 0) all[was] = { ...all[was], value };
        else all.splice(at("index"), 0, this.know({ id: id || `unnamed ${++unnamed}`, key, value }));
        break;
      }
      case "move": {
        const from = this.find(id, at("from"));
        if (from >= 0) all.splice(at("to"), 0, ...all.splice(from, 1));
        break;
      }
      case "remove": {
        const was = this.find(id, at("index"));
        if (was >= 0) this.cut(was, 1);
        break;
      }
      case "clear": return this.cut(0, all.length);
      case "drop": return this.cut(0, number(header.items[0]?.value, all.length));
      case "take": return this.cut(number(header.items[0]?.value, all.length), all.length);
    }
  }

  know(e) {
    this.known.add(e.id);
    return e;
  }

  cut(from, count) { for (const e of this.elements.splice(from, count)) this.known.delete(e.id); }

  /** Returns the index of an element that is said to be at was, -1 if it is not there. */
  find(id, was) {
    if (id === "") return was < this.elements.length ? was : -1;
    if (!this.known.has(id)) return -1;
    return this.elements[was]?.id === id ? was : this.elements.findIndex((e) => e.id === id);
  }
}
