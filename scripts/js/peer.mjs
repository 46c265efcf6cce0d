// Drives a running Selvage host with @swim/client, a WARP client that we did not write.
//
//     node peer.mjs warp://127.0.0.1:9001
//
// The host must serve
//   /room/air       target       value lane, a number
//   /device/air     temperature  value lane, a reading every few seconds
//   /note/js        notes        map lane, text to text
//   swim:meta:host  nodes        map lane, its keys the URIs of the host's agents
//
// Prints one line for each check and exits with 1 at the first that fails, or after 30 s.

import { WarpClient } from "@swim/client";

const TARGET = 22.5;
const [host] = process.argv.slice(2);
if (host === undefined) {
  console.error("usage: node peer.mjs warp://HOST:PORT");
  process.exit(2);
}

let done = 0;
let waiting = null; // the check in progress: {name, holds, passed, show}

function fail(why) {
  console.log(`not ok ${done + 1} - ${waiting?.name ?? "start"}`);
  console.log(`# ${why}`);
  if (waiting?.show) console.log(`# seen: ${waiting.show()}`);
  process.exit(1);
}
setTimeout(() => fail("not within 30 s"), 30_000);
process.on("uncaughtException", (err) => fail(err.stack));

// Every callback of the client ends here, so that nothing polls.
function changed() {
  if (waiting?.holds()) waiting.passed();
}

// check waits until holds() is true. show() tells what was seen if it never is.
async function check(name, holds, show) {
  await new Promise((passed) => {
    waiting = { name, holds, passed, show };
    changed();
  });
  done++;
  console.log(`ok ${done} - ${name}`);
}

const text = (value) => value.stringValue(value.toString());

// follow opens a downlink and keeps what its callbacks say.
function follow(client, kind, node, lane) {
  const seen = { synced: false, closed: false, values: [], entries: new Map(), cleared: 0 };
  const note = (keep) => (...args) => { keep(...args); changed(); };
  const hooks = {
    didSync: note(() => { seen.synced = true; }),
    didClose: note(() => { seen.closed = true; }),
    didSet: note((value) => { seen.values.push(value); }),
    didUpdate: note((key, value) => { seen.entries.set(text(key), text(value)); }),
    didRemove: note((key) => { seen.entries.delete(text(key)); }),
    didClear: note(() => { seen.entries.clear(); seen.cleared++; }),
  };
  seen.link = client[kind](hooks).setHostUri(host).setNodeUri(node).setLaneUri(lane).open();
  return seen;
}

const followValue = (client, node, lane) => follow(client, "downlinkValue", node, lane);
const followMap = (client, node, lane) => follow(client, "downlinkMap", node, lane);

function newClient(protocols) {
  const client = new WarpClient();
  if (protocols !== undefined) client.wsProtocols.set(protocols);
  client.mount(); // without it nothing connects
  return client;
}

const first = newClient();
const second = newClient();
const values = (seen) => () => seen.values.map(String).join(" ");
const entries = (seen) => () => JSON.stringify([...seen.entries]);
const times = (seen, n) => seen.values.filter((value) => value.numberValue() === n).length;

// Readings of a device.
const air = followValue(first, "/device/air", "temperature");
await check("a value downlink on /device/air temperature is synced", () => air.synced);
await check("two different readings arrive, each with a number",
  () => new Set(air.values.filter((v) => Number.isFinite(v.get("value").numberValue())).map(String)).size >= 2,
  values(air));

// The host's agents.
const nodes = followMap(first, "swim:meta:host", "nodes");
await check("a map downlink on swim:meta:host nodes is synced", () => nodes.synced);
await check("the nodes name /device/air and /room/air",
  () => nodes.entries.has("/device/air") && nodes.entries.has("/room/air"), entries(nodes));

// A command and a write to a value lane. A command without a link shows up only by its echo;
// a write through a downlink is first seen locally, then a second time as the host's echo.
const mine = followValue(first, "/room/air", "target");
const theirs = followValue(second, "/room/air", "target");
await check("two clients follow /room/air target", () => mine.synced && theirs.synced);
first.command(host, "/room/air", "target", TARGET);
await check("a command sets the target; the sender sees it", () => times(mine, TARGET) >= 1, values(mine));
await check("the other client sees it", () => times(theirs, TARGET) >= 1, values(theirs));
theirs.link.set(TARGET + 1);
await check("a write through a downlink comes back to its writer", () => times(theirs, TARGET + 1) >= 2, values(theirs));
await check("the first client sees that write", () => times(mine, TARGET + 1) >= 1, values(mine));

// Writes to a map lane.
const writer = followMap(first, "/note/js", "notes");
const reader = followMap(second, "/note/js", "notes");
await check("two clients follow /note/js notes", () => writer.synced && reader.synced);
writer.link.set("milk", "two litres");
writer.link.set("bread", "one");
await check("the reader sees two entries set",
  () => reader.entries.get("milk") === "two litres" && reader.entries.get("bread") === "one", entries(reader));
writer.link.delete("milk");
await check("the reader sees one removed",
  () => !reader.entries.has("milk") && reader.entries.get("bread") === "one", entries(reader));
writer.link.clear();
await check("the reader sees the map cleared", () => reader.cleared > 0 && reader.entries.size === 0, entries(reader));

// The ws package drops a connection whose server does not answer an offered subprotocol.
const named = newClient("warp0");
const again = followValue(named, "/room/air", "target");
await check("a client that offers the subprotocol warp0 is served", () => again.synced, values(again));

const nothing = followValue(first, "/room/air", "no-such-lane");
await check("a link to an unknown lane is closed", () => nothing.closed);

console.log(`1..${done}`);
process.exit(0); // timers of the client would keep the process up
