// Commands for the elements of a list lane. An index is that of the list as it is shown; what is sent names
// the element's key beside it, so that it hits no other if the list has just changed.

// Twice the same key makes one element: a command that is sent again, for want of an answer, does not harm.
const newKey = () => `%${btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(6))))}`;

export class Place {
  /** field holds the index, nothing in it being that behind the last element; list gives the List. */
  constructor(field, list) { Object.assign(this, { field, list, fresh: newKey() }); }

  get index() { return this.field.value.trim() || String(this.list().size); }
  get element() { return /^\d+$/.test(this.index) ? this.list().elements[Number(this.index)] : undefined; }

  /** The command that sets the element, or appends one. */
  set(value) { return this.element ? `@update(${this.named("index")}) ${value}` : this.insert(value); }
  insert(value) { return `@update(index:${this.index},key:${this.fresh}) ${value}`; }
  remove() { return `@remove(${this.named("index")})`; }
  move(by) { return `@move(${this.named("from", `,to:${Number(this.index) + by}`)})`; }

  /** Whether the element can be moved by that much. */
  moves(by) { return Boolean(this.element && this.list().elements[Number(this.index) + by]); }

  /** Takes in that an insert was done. */
  taken() { this.fresh = newKey(); }

  named(name, more = "") {
    const { key, id } = this.element;
    return `${name}:${this.index}${more}${key == null ? "" : `,key:${id}`}`;
  }
}
