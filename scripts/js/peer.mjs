// Runs the suite in Node:
//
//     node peer.mjs warp://HOST:PORT warp://LINE:PORT http://CONTROL
//
// LINE leads to the same host, until a POST to CONTROL/cut and again after one to CONTROL/mend. Prints
// the checks in TAP and exits with 1 if one fails.

import { WebSocket } from "ws";

import { Harness } from "./harness.mjs";
import { suite } from "./suite.mjs";

const [host, line, control] = process.argv.slice(2);
if (control === undefined) {
  console.error("usage: node peer.mjs warp://HOST:PORT warp://LINE:PORT http://CONTROL");
  process.exit(2);
}

const tell = async (what) => {
  const answer = await fetch(`${control}/${what}`, { method: "POST" });
  if (!answer.ok) throw new Error(`${what}: ${answer.status}`);
};
const harness = new Harness({ host, Socket: WebSocket, say: console.log });
process.on("uncaughtException", (err) => harness.fail(err));
const passed = await harness.run(suite({ line, cut: () => tell("cut"), mend: () => tell("mend") }));
process.exit(passed ? 0 : 1); // timers of the client would keep the process up
