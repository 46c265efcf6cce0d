// The bar that says which host this is and whether what is shown is live.
import { byHost, everySecond, learn, now } from "./clock.js";
import { say, soon } from "./dom.js";
import { Rec } from "./recon.js";
import { ago, instant, time } from "./show.js";

const often = 60_000; // ms between two looks at the host's clock, which may be put right

export class Connection {
  constructor(host, { state, wait, again, name, about, update, user, logout }) {
    Object.assign(this, { host, state, wait, again, name, about, update, user, logout });
    this.told = () => soon(this);
    this.info = host.link("/host", "info", "value", this.told);
    host.watchers.add(() => {
      if (host.state !== "connecting") this.ask();
      soon(this);
    });
    everySecond(() => {
      if (host.state === "live" && Date.now() - this.asked > often) this.ask();
      soon(this);
    });
    again.addEventListener("click", () => host.retry());
    logout.addEventListener("click", async () => {
      await fetch("/logout", { method: "POST" });
      location.assign("/login");
    });
  }

  // The page's own address tells the host's time, who is logged in, and whether this page is still the host's.
  async ask() {
    const asked = this.asked = Date.now();
    try {
      const answer = await fetch("/", { method: "HEAD", cache: "no-store" }), tag = answer.headers.get("ETag");
      if (answer.status === 401) return location.assign("/login"); // the login is over
      if (!answer.ok) return;
      learn(answer.headers.get("Date"), asked);
      this.tag ??= tag;
      this.update.hidden = tag === this.tag;
      say(this.user, answer.headers.get("Selvage-User") ?? "");
      this.logout.hidden = !this.user.textContent;
    } catch {
      // The connection ends too, and says so.
    }
  }

  draw() {
    const { host } = this, live = host.state === "live", { lost } = host;
    document.body.classList.toggle("off", !live);
    const words = live ? "Live" : lost ? `Not live: the connection was lost at ${time(byHost(lost))}. Values are from before.`
      : host.tries ? "Not live: no answer from the host" : "Connecting…";
    say(this.state, words);
    const left = Math.ceil((host.retryAt - Date.now()) / 1000);
    say(this.wait, live || !host.tries ? "" : host.state === "connecting" ? "trying again…" : `trying again in ${Math.max(0, left)} s`);
    this.again.hidden = live || host.state === "connecting";
    const info = this.info.value;
    if (!(info instanceof Rec)) return;
    const field = (key) => typeof info.get(key) === "string" ? info.get(key) : "";
    const started = instant(info.get("started"));
    say(this.name, field("name") || "Selvage");
    document.title = `${live ? "" : "(not live) "}${field("name") || "host"} – Selvage`;
    say(this.about, [field("version") && `Selvage ${field("version")}`, live && started && `running for ${ago(now() - started)}`, field("uri")].filter(Boolean).join(" · "));
  }
}
