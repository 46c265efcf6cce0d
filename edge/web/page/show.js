// Values in words and digits for people.
import { now } from "./clock.js";
import { el } from "./dom.js";
import { print } from "./print.js";
import { Data, Num, Rec } from "./recon.js";
import { symbol } from "./units.js";

/** The digits of a number as they were sent, without an exponent where that takes few zeros. */
export function digits(num) {
  const m = /^(-?)(\d+)(?:\.(\d+))?[eE]([+-]?\d+)$/.exec(num.text);
  if (num.text.startsWith("0x")) return String(BigInt.asUintN(64, BigInt(num.text)));
  if (!m || Math.abs(m[4]) > 20) return num.text;
  const fraction = (m[3] ?? "") === "0" ? "" : m[3] ?? "";
  const all = m[2] + fraction, point = m[2].length + Number(m[4]);
  const text = point <= 0 ? "0." + "0".repeat(-point) + all
    : point >= all.length ? all + "0".repeat(point - all.length) : all.slice(0, point) + "." + all.slice(point);
  return m[1] + text.replace(/^0+(?=\d)/, "");
}

/** How long ago, in one unit. ms may be negative: a time to come. */
export function ago(ms) {
  const s = Math.floor(Math.abs(ms) / 1000);
  const text = s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)} min` : s < 172800 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86400)} d`;
  return ms < -2000 ? `${text} ahead` : ms < 0 ? "0 s" : text;
}

const two = (n) => String(n).padStart(2, "0");

/** A time of day, with the day if it is not today. */
export function time(ms) {
  const d = new Date(ms), clock = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  const today = d.toDateString() === new Date(now()).toDateString();
  return today ? clock : `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${clock}`;
}

/** Milliseconds since 1970 of a value, NaN if it has none. */
export const instant = (v) => v instanceof Num && v.value > 0 ? v.value : NaN;

/** A reading, {value, unit, at, quality, …}, null for any other value. */
export function readingOf(v) {
  if (!(v instanceof Rec) || v.tag !== "" || typeof v.get("quality") !== "string") return null;
  const unit = v.get("unit"), reason = v.get("reason");
  return {
    value: v.get("value"),
    unit: typeof unit === "string" ? unit : "",
    at: instant(v.get("at")),
    quality: v.get("quality"),
    reason: typeof reason === "string" ? reason : "",
    trusted: v.get("trusted") !== false,
  };
}

/** What a chart shows of a value, null if it is no number. at is NaN where it is not known for sure. */
export function numberOf(v) {
  const r = readingOf(v), n = r ? r.value : v;
  if (!(n instanceof Num) || !Number.isFinite(n.value) || r?.quality === "bad") return null;
  return { v: n.value, unit: r?.unit ?? "", at: r?.trusted ? r.at : NaN, measured: Boolean(r) };
}

const timeField = /^(at|since|started|created|time|last[A-Z]\w*)$/;

/** A value as nodes to put into an element. */
export function nodesOf(v, key = "") {
  if (v == null) return [el("span", { class: "faint" }, "empty")];
  if (v === "") return [el("span", { class: "faint" }, "empty text")];
  if (typeof v === "string") return [v];
  if (typeof v === "boolean") return [String(v)];
  if (v instanceof Data) return [`${v.length} bytes`];
  if (v instanceof Num) {
    return timeField.test(key) && v.value > 9e11 && v.value < 9e12 ? [el("time", { title: v.text }, time(v.value))] : [digits(v)];
  }
  const r = readingOf(v);
  if (r) return [withUnit(r)];
  if (v.items.length === 0) return [el("span", { class: "faint" }, "empty record")];
  if (v.items.some((it) => it.kind === "attr")) return [print(v)];
  return v.items.flatMap((it, i) => {
    const value = it.value instanceof Rec && !readingOf(it.value) && it.value.items.length ? [print(it.value)] : nodesOf(it.value, it.key);
    const pair = it.kind === "slot" ? [el("span", { class: "faint" }, `${nameOf(it.key)} `), ...value] : value;
    return [...(i ? [" "] : []), el("span", { class: "pair" }, ...pair)];
  });
}

const nameOf = (key) => typeof key === "string" ? key : print(key);

/** A key of a map for people. */
export const keyOf = (key) => typeof key === "string" ? key || "empty" : key == null ? "empty" : print(key);

/** A reading's value with its unit: "21.5 °C", "on"; or why there is none. */
export function withUnit(r) {
  if (r.quality === "bad") return r.reason || "bad reading";
  if (typeof r.value === "boolean") return r.value ? "on" : "off";
  if (!(r.value instanceof Num)) return typeof r.value === "string" ? r.value : print(r.value);
  const unit = symbol(r.unit);
  return digits(r.value) + (unit && `\u00a0${unit}`);
}
