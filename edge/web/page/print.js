// Prints values as Recon that reads back as the same value.
import { Data, Num, Rec, isIdent } from "./recon.js";

const escapes = { '"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Prints one value. */
export function print(v) {
  if (v == null) return "";
  if (typeof v === "string") return name(v, v !== "true" && v !== "false");
  if (typeof v === "boolean") return String(v);
  if (v instanceof Num) return v.text;
  if (v instanceof Data) return "%" + v.base64;
  return v.items.length ? record(v.items) : "{}";
}

function name(text, bare) {
  if (bare && isIdent(text)) return text;
  return '"' + text.replace(/[\u0000-\u001f"\\]/g, (c) => escapes[c] ?? "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0")) + '"';
}

// Attributes stand back to back; a single value beside them stands by itself, everything else in braces.
function record(items) {
  let text = "", run = [];
  const end = () => {
    const v = run[0]?.value;
    const alone = run.length === 1 && run[0].kind === "value" && v != null && !(v instanceof Rec) && run.length < items.length;
    if (alone) {
      const one = print(v);
      text += (text !== "" && /^["%]/.test(one) ? "" : text && " ") + one;
    } else if (run.length) text += braces(run);
    run = [];
  };
  for (const it of items) {
    if (it.kind !== "attr") { run.push(it); continue; }
    end();
    text += "@" + name(it.key, it.key !== "true" && it.key !== "false") + argument(it.value);
  }
  end();
  return text;
}

function argument(v) {
  if (v === null) return "";
  const flat = v instanceof Rec && v.items.length > 0 && v.items.every((it) => it.kind === "slot" && it.key != null);
  return "(" + (flat ? v.items.map(item).join() : print(v)) + ")";
}

// A last item that prints as nothing needs a comma to be one.
function braces(items) {
  const last = items.at(-1);
  return "{" + items.map(item).join() + (last.kind === "value" && last.value == null ? ",}" : "}");
}

const item = (it) => it.kind === "slot" ? print(it.key) + ":" + print(it.value) : print(it.value);
