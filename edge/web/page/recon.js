// Recon, the notation of WARP messages: values and their parser. Expressions (operators, selectors)
// are not data and are refused. The printer is print.js.
//
//   Absent undefined · Extant null · Text string · Bool boolean · Num Num · Data Data · Record Rec

/** A number with the digits it was sent with, since a double would lose those beyond 2^53. */
export class Num {
  constructor(text) { this.text = text; }
  get value() { return Number(this.text); }
}

/** Bytes, as base64. */
export class Data {
  constructor(base64) { this.base64 = base64; }
  get length() { return this.base64.length / 4 * 3 - (this.base64.match(/=*$/)[0].length); }
}

/** A record: items of kind "value", "slot" (key: value) or "attr" (@key(value)). */
export class Rec {
  constructor(items) { this.items = items; }

  /** The value of the first slot or attribute with this text key, undefined if there is none. */
  get(key) { return this.items.find((it) => it.kind !== "value" && it.key === key)?.value; }

  /** The name of the attribute the record begins with, "" if there is none. */
  get tag() { return this.items[0]?.kind === "attr" ? this.items[0].key : ""; }

  /** The value of the leading attribute, as a record. */
  get header() {
    const h = this.tag === "" ? null : this.items[0].value;
    return h instanceof Rec ? h : new Rec(h == null ? [] : [{ kind: "value", value: h }]);
  }

  /** What follows the first item. */
  get body() {
    const rest = this.items.slice(1);
    if (rest.length === 0) return undefined;
    return rest.length === 1 && rest[0].kind === "value" ? rest[0].value : new Rec(rest);
  }
}

const head = "A-Z_a-z\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u02ff\\u0370-\\u037d\\u037f-\\u1fff\\u200c\\u200d" +
  "\\u2070-\\u218f\\u2c00-\\u2fef\\u3001-\\ud7ff\\uf900-\\ufdcf\\ufdf0-\\ufffd\\u{10000}-\\u{effff}";
const ident = `[${head}][${head}0-9\\u00b7\\u0300-\\u036f\\u203f\\u2040-]*`;
const identAt = new RegExp(ident, "uy");
const identAlone = new RegExp(`^${ident}$`, "u");
const numberAt = /0x[0-9A-Fa-f]+|(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const dataAt = /%((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)(?![A-Za-z0-9+/=])/y;
const maxDepth = 200;

/** Whether a text is printed without quotes. */
export const isIdent = (text) => identAlone.test(text);

/** Reads a whole text as one value. Throws a SyntaxError that says where and what. */
export function parse(text) {
  const p = new Parser(text);
  const v = p.block();
  if (p.pos < text.length) p.fail("the end");
  return v;
}

/** Reads the attribute that a text begins with, and returns it, as a record, with the text behind it. */
export function parseHead(text) {
  const p = new Parser(text), items = [];
  if (p.peek !== "@") p.fail("an attribute");
  p.attribute(items);
  return { head: new Rec(items), rest: text.slice(p.pos).trim() };
}

class Parser {
  constructor(text) { this.text = text; this.pos = 0; this.depth = 0; }

  get peek() { return this.text[this.pos] ?? ""; }

  fail(wanted) {
    const read = this.pos < this.text.length ? `“${String.fromCodePoint(this.text.codePointAt(this.pos))}”` : "the end";
    throw new SyntaxError(`character ${this.pos + 1}: ${wanted} is wanted, not ${read}`);
  }

  blanks() { while (this.peek === " " || this.peek === "\t") this.pos++; return this.peek; }
  space() { while (this.peek !== "" && " \t\r\n".includes(this.peek)) this.pos++; return this.peek; }
  comment() { while (this.peek !== "" && this.peek !== "\n" && this.peek !== "\r") this.pos++; }

  match(regexp) {
    regexp.lastIndex = this.pos;
    const m = regexp.exec(this.text);
    if (m) this.pos = regexp.lastIndex;
    return m;
  }

  within(read) {
    if (++this.depth > maxDepth) this.fail("less nesting");
    const v = read();
    this.depth--;
    return v;
  }

  startsItem(c) {
    if (c === "") return false;
    if ("!\"$%'(+-@[{`~0123456789".includes(c)) return true;
    identAt.lastIndex = this.pos;
    return identAt.test(this.text);
  }

  // The content of a text or of an attribute's parentheses.
  block() {
    const items = [];
    for (;;) {
      const c = this.space();
      if (c === "#") { this.comment(); continue; }
      if (!this.startsItem(c)) {
        if (c !== "") this.fail("a value, a key or an attribute");
        return one(items);
      }
      this.item(items);
      if (this.peek !== "" && ",;\n\r".includes(this.peek)) this.pos++;
      else if (this.peek === "#") this.comment();
      else return one(items);
    }
  }

  item(items) {
    const key = this.expression();
    if (this.peek !== ":") { items.push({ kind: "value", value: key }); return; }
    this.pos++;
    items.push({ kind: "slot", key, value: this.expression() });
  }

  // Attributes with at most one operand before, between and after them.
  expression() {
    const items = [];
    let empty = true, record = false;
    for (;;) {
      const c = this.blanks();
      if (c === "@") {
        this.attribute(items);
        empty = false;
        record = true;
        continue;
      }
      if (c === "{" || c === "[") {
        record ||= empty;
        this.within(() => c === "{" ? this.braces(items) : this.markup(items));
      } else if (this.startsItem(c)) {
        const value = this.operand(c);
        if (this.blanks() !== "@" && empty) return value;
        items.push({ kind: "value", value });
      } else if (empty) {
        return null;
      } else {
        return record ? new Rec(items) : one(items);
      }
      if (this.blanks() !== "@") return record ? new Rec(items) : one(items);
      empty = false;
    }
  }

  operand(c) {
    switch (c) {
      case '"': case "'": return this.quoted();
      case "`": return this.raw();
      case "%": return this.data();
      case "(": return this.within(() => this.parens());
      case "-": return this.within(() => this.minus());
    }
    const number = this.match(numberAt);
    if (number) return new Num(number[0]);
    const name = this.match(identAt);
    if (!name) this.fail("a value, not an expression,");
    return name[0] === "true" ? true : name[0] === "false" ? false : name[0];
  }

  minus() {
    this.pos++;
    const v = this.operand(this.blanks());
    if (!(v instanceof Num)) this.fail("a number");
    if (v.text.startsWith("-")) return new Num(v.text.slice(1));
    return new Num("-" + (v.text.startsWith("0x") ? BigInt(v.text) : v.text));
  }

  parens() {
    const items = [];
    this.pos++;
    let commas = 0;
    while (this.blanks() !== ")") {
      items.push({ kind: "value", value: this.expression() });
      if (this.peek === ",") { this.pos++; commas++; }
      else if (this.peek !== ")") this.fail("a comma or )");
    }
    this.pos++;
    if (items.length === 0) return null;
    return commas === 0 ? items[0].value : new Rec(items);
  }

  // Pushes the items of a record; nothing before a separator is an Extant item.
  braces(items) {
    this.pos++;
    for (;;) {
      const c = this.space();
      if (c === "}") { this.pos++; return; }
      if (c === "#") { this.comment(); continue; }
      if (c === "") this.fail("the closing }");
      this.item(items);
      const next = this.peek;
      if (next !== "" && ",;\n\r".includes(next)) this.pos++;
      else if (next === "#") this.comment();
      else if (next === "" && /:[ \t]*$/.test(this.text)) return; // as SwimOS does
      else if (next !== "}") this.fail("a comma, a line break or }");
    }
  }

  markup(items) {
    this.pos++;
    let run = "";
    const end = () => { if (run !== "") items.push({ kind: "value", value: run }); run = ""; };
    for (;;) {
      const c = this.peek;
      switch (c) {
        case "": case "}": return this.fail("\\} or ]");
        case "\\": run += this.escape(false); break;
        case "]": end(); this.pos++; return;
        case "{": end(); this.within(() => this.braces(items)); break;
        case "[": end(); this.within(() => this.markup(items)); break;
        case "@": end(); this.inline(items); break;
        default: run += c; this.pos++;
      }
    }
  }

  inline(items) {
    const inner = [];
    this.attribute(inner);
    if (this.peek === "{") this.within(() => this.braces(inner));
    else if (this.peek === "[") this.within(() => this.markup(inner));
    items.push({ kind: "value", value: new Rec(inner) });
  }

  attribute(items) {
    this.pos++;
    let key;
    if (this.peek === '"' || this.peek === "'") key = this.quoted();
    else key = this.match(identAt)?.[0];
    if (key === undefined || (key === "true" || key === "false") && this.text[this.pos - 1] === "e") this.fail("an attribute name");
    let value = null;
    if (this.peek === "(") {
      this.within(() => {
        this.pos++;
        if (this.space() !== ")") value = this.block();
        if (this.space() !== ")") this.fail("a comma, a line break or )");
        this.pos++;
      });
    }
    items.push({ kind: "attr", key, value });
  }

  quoted() {
    const quote = this.peek;
    let text = "";
    for (this.pos++; ;) {
      const c = this.peek;
      if (c === quote) { this.pos++; return text; }
      if (c === "\\") { text += this.escape(true); continue; }
      if (c === "" || c < " ") this.fail(`the closing ${quote}`);
      text += c;
      this.pos++;
    }
  }

  escape(unicode) {
    this.pos++;
    const c = this.peek, at = c === "" ? -1 : "\"$'/@[\\]{}bfnrt".indexOf(c);
    if (at >= 0) { this.pos++; return "\"$'/@[\\]{}\b\f\n\r\t"[at]; }
    const digits = /^u([0-9A-Fa-f]{4})/.exec(this.text.slice(this.pos, this.pos + 5));
    if (!unicode || !digits) this.fail("an escape such as \\n or \\u0041");
    this.pos += 5;
    return String.fromCharCode(parseInt(digits[1], 16));
  }

  raw() {
    const rest = this.text.slice(this.pos, this.pos + 3);
    const fence = rest === "```" ? rest : "`";
    if (fence === "`" && rest.startsWith("``")) { this.pos += 2; return ""; }
    let text = "";
    for (this.pos += fence.length; !this.text.startsWith(fence, this.pos);) {
      let c = this.peek;
      if (c === "\\" && "`\\".includes(this.text[this.pos + 1] ?? "x")) c = this.text[++this.pos];
      else if (c === "" || c < " " && fence === "`") this.fail(`the closing ${fence}`);
      text += c;
      this.pos++;
    }
    this.pos += fence.length;
    return text;
  }

  data() {
    const m = this.match(dataAt);
    if (!m) this.fail("base64 in groups of 4");
    return new Data(m[1]);
  }
}

// A block with one plain item is that item.
function one(items) {
  if (items.length === 0) return undefined;
  return items.length === 1 && items[0].kind === "value" ? items[0].value : new Rec(items);
}
