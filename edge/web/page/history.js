// The numbers of one lane since the page follows it.
import { byHost, now } from "./clock.js";

const most = 2000; // samples

export class History {
  constructor() {
    this.samples = []; // {t, v}: ms by the host's clock; v null begins a gap
    this.began = NaN;  // when the first came
    this.unit = "";
    this.measured = true; // each number is of its moment; otherwise it holds until the next
  }

  /** Takes in a number with its time, NaN for now. */
  add(v, at) {
    const last = this.samples.at(-1), t = at || byHost(Date.now());
    this.began ||= now();
    if (last && t === last.t && v === last.v) return; // told again after a reconnect
    if (last && t < last.t) this.samples = this.samples.filter((s) => s.t < t); // the clock was put right
    this.samples.push({ t, v });
    if (this.samples.length > most) this.samples.shift();
  }

  /** Nothing is known from here on. */
  gap() {
    const last = this.samples.at(-1);
    if (last && last.v !== null) this.samples.push({ t: Math.max(last.t, now()), v: null });
  }

  /** The last span ms as runs of samples without a gap. What is not measured holds until the next. */
  runs(span) {
    const longest = this.longest(), runs = [];
    let run = [];
    const end = () => { if (run.length) runs.push(run); run = []; };
    for (const s of this.samples) {
      const last = run.at(-1);
      if (last && !this.measured) run.push({ t: s.t, v: last.v });
      if (s.v === null || last && this.measured && s.t - last.t > longest) end();
      if (s.v !== null) run.push(s);
    }
    if (run.length && !this.measured) run.push({ t: now(), v: run.at(-1).v });
    end();
    return runs.map((r) => clip(r, now() - span)).filter((r) => r.length);
  }

  // Longer than this between two readings is a gap: some of them did not come.
  longest() {
    const steps = [];
    for (let i = Math.max(1, this.samples.length - 30); i < this.samples.length; i++) {
      if (this.samples[i].v !== null && this.samples[i - 1].v !== null) steps.push(this.samples[i].t - this.samples[i - 1].t);
    }
    steps.sort((a, b) => a - b);
    return steps.length < 3 ? Infinity : 3.5 * steps[steps.length >> 1];
  }
}

// A run from a time on; where the line crosses that time it begins.
function clip(run, from) {
  const i = run.findIndex((s) => s.t >= from);
  if (i <= 0) return i < 0 ? [] : run;
  const a = run[i - 1], b = run[i];
  return [{ t: from, v: a.v + (b.v - a.v) * (from - a.t) / (b.t - a.t) }, ...run.slice(i)];
}
