// The form that sends a command to a lane. HTTP carries it, since that answers with the reason of a
// refusal; its effect comes over WARP.
import { el, newId, say } from "./dom.js";
import { addressOf } from "./names.js";
import { Place } from "./place.js";
import { print } from "./print.js";
import { parse } from "./recon.js";

/** What was typed as Recon, and as text if it is none. */
export function bodyOf(typed) {
  const text = typed.trim();
  try {
    return print(parse(text));
  } catch {
    return print(text);
  }
}

async function post(address, body) {
  let answer, text;
  try {
    answer = await fetch(address, { method: "POST", headers: { "Content-Type": "application/recon" }, body, cache: "no-store" });
    text = (await answer.text()).trim();
  } catch {
    return { ok: false, text: "no answer from the host; whether the command arrived is not known" };
  }
  return { ok: answer.ok, text: answer.ok ? "accepted" : text || `refused (${answer.status})` };
}

/** Makes the form. flag offers true and false; current is what the field begins with; list gives a list lane's List. */
export function commandForm({ node, lane, kind, flag, current, list, done }) {
  const id = newId(), address = addressOf(node, lane);
  const input = (name, more) => el("input", { id: `${id}${name}`, name, autocomplete: "off", spellcheck: "false", input: () => preview(), ...more });
  const field = input("value", { value: current });
  const key = kind === "map" && input("key"), index = kind === "list" && input("index", { inputmode: "numeric", placeholder: "end" });
  const place = index ? new Place(index, list) : null;
  const sends = el("p", { class: "faint sends" }), answer = el("p", { role: "status", class: "answer" });
  const button = (text, act, more = {}) => el("button", { type: "button", click: act, ...more }, text);
  const value = () => bodyOf(field.value);
  const body = () => key ? `@update(key:${bodyOf(key.value)}) ${value()}` : place ? place.set(value()) : value();

  let sending = false;
  async function send(what) {
    if (sending) return false;
    sending = true;
    answer.className = "answer";
    say(answer, "sending…");
    const got = address ? await post(address, what) : { ok: false, text: "this agent cannot be reached over HTTP" };
    answer.className = got.ok ? "answer good" : "answer bad";
    say(answer, got.text);
    sending = false;
    return got.ok;
  }

  async function add(what) {
    if (!await send(what)) return;
    place?.taken();
    preview();
  }

  async function move(by) {
    if (!await send(place.move(by))) return;
    index.value = Number(place.index) + by;
    preview();
  }

  const verb = kind === "command" ? "Send" : "Set", submit = el("button", {}, verb);
  const form = el("form", { class: "command", "aria-label": `${verb} ${lane}`, submit: (e) => { e.preventDefault(); add(body()); },
    keydown: (e) => { if (e.key === "Escape") done(); } });
  const label = (of, text) => el("label", { for: of.id }, text);
  if (flag) form.append(button("true", () => send("true")), button("false", () => send("false")));
  if (key) form.append(label(key, "Key"), key);
  if (index) form.append(label(index, "Index"), index);
  form.append(label(field, "Value"), field, submit);
  if (key) form.append(button("Remove", () => send(`@remove(key:${bodyOf(key.value)})`)));
  const ofElement = !place ? [] : [button("Insert", () => add(place.insert(value()))), button("Remove", () => send(place.remove()))];
  const moves = !place ? [] : [-1, 1].map((by) => [by, button(by < 0 ? "Up" : "Down", () => move(by))]);
  form.append(...ofElement, ...moves.map(([, b]) => b), button("Close", done, { class: "plain" }), sends, answer);

  function preview() {
    say(sends, `sends ${body() || "an empty value"}`);
    if (!place) return;
    say(submit, place.element ? "Set" : "Append");
    for (const b of ofElement) b.disabled = !place.element;
    for (const [by, b] of moves) b.disabled = !place.moves(by);
  }
  preview();
  form.refresh = preview;
  form.start = () => (key || field).select();
  return form;
}
