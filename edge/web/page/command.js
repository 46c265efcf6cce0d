// The form that sends a command to a lane. HTTP carries it, since that answers with the reason of a
// refusal; its effect comes over WARP.
import { el, newId, say } from "./dom.js";
import { addressOf } from "./names.js";
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

/** Makes the form. flag offers true and false; current is what the field begins with. */
export function commandForm({ node, lane, kind, flag, current, done }) {
  const id = newId(), address = addressOf(node, lane);
  const field = el("input", { id, name: "value", value: current, autocomplete: "off", spellcheck: "false", input: () => preview() });
  const key = kind === "map" && el("input", { id: `${id}k`, name: "key", autocomplete: "off", spellcheck: "false", input: () => preview() });
  const sends = el("p", { class: "faint sends" }), answer = el("p", { role: "status", class: "answer" });
  const button = (text, act, more = {}) => el("button", { type: "button", click: act, ...more }, text);
  const body = () => key ? `@update(key:${bodyOf(key.value)}) ${bodyOf(field.value)}` : bodyOf(field.value);
  const preview = () => say(sends, `sends ${body() || "an empty value"}`);

  let sending = false;
  async function send(what) {
    if (sending) return;
    sending = true;
    answer.className = "answer";
    say(answer, "sending…");
    const got = address ? await post(address, what) : { ok: false, text: "this agent cannot be reached over HTTP" };
    answer.className = got.ok ? "answer good" : "answer bad";
    say(answer, got.text);
    sending = false;
  }

  const verb = kind === "command" ? "Send" : "Set";
  const form = el("form", { class: "command", "aria-label": `${verb} ${lane}`, submit: (e) => { e.preventDefault(); send(body()); },
    keydown: (e) => { if (e.key === "Escape") done(); } });
  if (flag) form.append(button("true", () => send("true")), button("false", () => send("false")));
  if (key) form.append(el("label", { for: key.id }, "Key"), key);
  form.append(el("label", { for: id }, "Value"), field, el("button", {}, verb));
  if (key) form.append(button("Remove", () => send(`@remove(key:${bodyOf(key.value)})`)));
  form.append(button("Close", done, { class: "plain" }), sends, answer);
  preview();
  form.start = () => (key || field).select();
  return form;
}
