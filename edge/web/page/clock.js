// The host's time, since ages are of its clock and this browser's may be minutes off.

let ahead = 0; // ms that the host's clock is ahead of this browser's
const tickers = new Set();

/** Now by the host's clock, ms since 1970. */
export const now = () => Date.now() + ahead;

/** A time of this browser's clock by the host's. */
export const byHost = (ms) => ms + ahead;

/** Has fn called about every second while the page is seen. */
export function everySecond(fn) { tickers.add(fn); }

/** Takes in the Date header of an answer to a request that was sent at asked. It has whole seconds only. */
export function learn(date, asked) {
  const told = Date.parse(date) + 500, off = told - (asked + Date.now()) / 2;
  if (Number.isFinite(off)) ahead = Math.abs(off) < 1500 ? 0 : off;
}

setInterval(() => { if (!document.hidden) for (const fn of tickers) fn(); }, 1000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) for (const fn of tickers) fn(); });
