// What @swim/client, a WARP client that we did not write, may expect of a Selvage host.
//
// The host must serve
//   /room/air      target       value lane, a number
//   /device/air    temperature  value lane, a reading every few seconds
//   /swim/:id      value        value lane of anything
//                  map          map lane of anything by anything
//                  list         list lane of anything
//                  said         command lane of anything
//
// Some things the client itself gets wrong; there others are asked what they see, and its frames are read. It
// does not clear its map when it syncs again; it drops and takes twice, once by itself and once when the host
// says so; and it may hold twice what it has put in a list.

import { Value } from "@swim/structure";

import { answers, entries, items, recon, value } from "./harness.mjs";

// suite returns the checks for Harness.run. line is the host's WARP URI by way of a line that cut()
// cuts, so that what comes by it is refused, until mend().
export function suite({ line, cut, mend }) {
  return async (t) => {
    await device(t);
    await values(t);
    await maps(t);
    await lists(t);
    await events(t);
    await commands(t);
    await many(t);
    await links(t);
    await handshake(t);
    await unknown(t);
    await reconnect(t, line, cut, mend);
    if (typeof Worker === "function") await workers(t, line, cut, mend);
  };
}

async function device(t) {
  const client = t.client();
  const air = t.follow(client, "value", "/device/air", "temperature");
  await t.check("a value downlink on a device is synced", () => air.synced === 1);
  await t.check("two different readings arrive, each with a number", () => new Set(air.sets).size >= 2 &&
    Number.isFinite(air.link.get().get("value").numberValue()), () => air.sets.join(" "));
  const nodes = t.follow(client, "map", "swim:meta:host", "nodes");
  await t.check("the host's nodes are synced, and name a device and a room",
    () => nodes.synced === 1 && nodes.link.has("/device/air") && nodes.link.has("/room/air"), () => entries(nodes));
  const target = t.follow(client, "value", "/room/air", "target");
  client.command(t.host, "/room/air", "target", 22.5);
  await t.check("a room takes a new target", () => value(target) === "22.5", () => target.sets.join(" "));
}

const shapes = [
  0, -7, 21.5, -1.5e-9, 123456789012, true, false, "", "word", "two words", "true", "12", "grüße \"quoted\" 'x' \\ \n\ttab", "🦫 ﬀ",
  new Uint8Array([0, 1, 254, 255]), [1, 2, 3], [[1, 2], ["x", []]], { a: 1, "a key": "x", nested: { b: [true, { c: 2 }] } },
  { "@at": { x: 1, y: 2 }, label: "here" }, { "@tag": "x", "@other": [1, 2] }, "x".repeat(100_000),
];

async function values(t) {
  const node = "/swim/value";
  const first = t.client();
  const second = t.client();
  const mine = t.follow(first, "value", node, "value");
  const theirs = t.follow(second, "value", node, "value");
  await t.check("two clients follow a value", () => mine.synced === 1 && theirs.synced === 1);
  first.command(t.host, node, "value", "by command");
  await t.check("a command sets it; both see that",
    () => [mine, theirs].every((seen) => value(seen) === '"by command"'), () => `${mine.sets} | ${theirs.sets}`);
  theirs.link.set("by link");
  await t.check("a write through a downlink comes back to its writer",
    () => theirs.sets.filter((set) => set === '"by link"').length === 2, () => theirs.sets.join(" "));
  await t.check("the other client sees the write", () => value(mine) === '"by link"', () => mine.sets.join(" "));
  for (const shape of shapes) {
    const want = recon(Value.fromLike(shape));
    mine.link.set(shape);
    await t.check(`the other client reads ${want.slice(0, 60)}`, () => value(theirs) === want, () => value(theirs));
  }
  const third = t.client();
  const late = t.follow(third, "value", node, "value");
  await t.check("a client that comes later is linked, told the value, and synced", () => late.synced === 1 &&
    late.calls.join() === "didLink,didSet,didSync" && value(late) === value(theirs), () => late.calls.join());
}

async function maps(t) {
  const node = "/swim/map";
  const writer = t.follow(t.client(), "map", node, "map");
  const reader = t.follow(t.client(), "map", node, "map");
  const shows = (name, want) => t.check(name, () => entries(reader) === want && entries(writer) === want,
    () => `${entries(reader)} | ${entries(writer)}`);
  await t.check("two clients follow a map", () => writer.synced === 1 && reader.synced === 1);
  for (const key of ["e", "b", "d", "a", "c"]) writer.link.set(key, `is ${key}`);
  await shows("entries set by one are seen by both, in the order of their keys", 'a:"is a" b:"is b" c:"is c" d:"is d" e:"is e"');
  writer.link.set("c", 3);
  await shows("an entry is set again", 'a:"is a" b:"is b" c:3 d:"is d" e:"is e"');
  reader.link.delete("d");
  await shows("the other client removes one", 'a:"is a" b:"is b" c:3 e:"is e"');
  const cutter = t.follow(t.client(), "map", node, "map");
  await t.check("a third client follows it", () => cutter.synced === 1);
  cutter.link.drop(1);
  await shows("it drops the first", 'b:"is b" c:3 e:"is e"');
  cutter.link.take(2);
  await shows("it keeps the first two", 'b:"is b" c:3');
  writer.link.clear();
  await shows("all are cleared", "");
  writer.link.set(10, "ten");
  writer.link.set(9, "nine");
  writer.link.set({ x: 1, y: 2 }, { at: [1, 2] });
  writer.link.set("two words", "");
  await t.check("numbers, records and texts are keys", () => reader.link.size === 4 && recon(reader.link.get({ x: 1, y: 2 })) === "{at:{1,2}}" &&
    reader.link.get(9).stringValue() === "nine" && reader.link.get("two words").stringValue() === "", () => entries(reader));
  const fresh = t.client();
  const late = t.follow(fresh, "map", node, "map");
  await t.check("a client that comes later is sent each entry once", () => late.synced === 1 && entries(late) === entries(reader) &&
    answers(fresh.connections[0], node, "map").length === 4 + 2, () => fresh.connections[0].heard.join("\n"));
}

// Each change is made by a client that comes for it: one that has changed a list may be wrong about it from then on.
async function lists(t) {
  const node = "/swim/list";
  const reader = t.follow(t.client(), "list", node, "list");
  await t.check("a client follows a list", () => reader.synced === 1);
  const change = async (name, make, want) => {
    const was = items(reader);
    const writer = t.follow(t.client(), "list", node, "list");
    await t.check(`another one sees the same: ${was}`, () => writer.synced === 1 && items(writer) === was, () => items(writer));
    make(writer.link);
    await t.check(`${name}: ${want}`, () => items(reader) === want, () => `${items(reader)} after ${reader.calls}`);
  };
  await change("one is pushed", (list) => list.push("a"), "a");
  await change("one is inserted before it", (list) => list.insert(0, "c"), "c a");
  await change("one is inserted between them", (list) => list.insert(1, "b"), "c b a");
  await change("one is set", (list) => list.set(1, { b: 2 }), "c {b:2} a");
  await change("one is moved to the end", (list) => list.move(0, 2), "{b:2} a c");
  await change("one is moved to the front", (list) => list.move(1, 0), "a {b:2} c");
  await change("one is removed", (list) => list.remove(1), "a c");
  await change("all are cleared", (list) => list.clear(), "");
  await change("one is pushed again", (list) => list.push("again"), "again");
}

async function events(t) {
  const node = "/swim/event";
  const client = t.client();
  client.command(t.host, node, "value", "before");
  const synced = t.follow(client, "value", node, "value");
  await t.check("a value is set before an event downlink is opened", () => synced.synced === 1 && value(synced) === "before", () => value(synced));
  const listener = t.client();
  const heard = t.follow(listener, "event", node, "value");
  const entry = t.follow(listener, "event", node, "map");
  await t.check("event downlinks are linked", () => heard.linked === 1 && entry.linked === 1);
  client.command(t.host, node, "value", "after");
  await t.check("an event downlink hears the change, and not what was before", () => heard.events.join() === "after", () => heard.events.join(" "));
  const map = t.follow(client, "map", node, "map");
  map.link.set("k", 1);
  await t.check("an event downlink hears an entry set", () => entry.events.join() === "@update(key:k) 1", () => entry.events.join());
  map.link.delete("k");
  await t.check("and removed", () => entry.events.at(-1) === "@remove(key:k)", () => entry.events.join());
  heard.link.command("by the listener");
  await t.check("an event downlink commands its lane", () => value(synced) === '"by the listener"', () => value(synced));
}

async function commands(t) {
  const node = "/swim/command";
  const client = t.client();
  const listener = t.client();
  const heard = t.follow(listener, "event", node, "said");
  await t.check("a command lane is linked", () => heard.linked === 1);
  const n = 200;
  for (let i = 0; i < n; i++) client.command(t.host, node, "said", i);
  await t.check(`${n} commands of another client are heard once each, in order`,
    () => heard.events.join() === Array.from({ length: n }, (_, i) => i).join(), () => heard.events.join());
  heard.link.command({ "@said": "x" });
  await t.check("its own commands come back to the client", () => heard.events.at(-1) === "@said(x)", () => heard.events.at(-1));
}

async function many(t) {
  const node = "/swim/many";
  const both = [t.client(), t.client()].map((client) => t.follow(client, "map", node, "map"));
  await t.check("two clients follow a map to fill it", () => both.every((seen) => seen.synced === 1));
  const n = 500;
  for (let i = 0; i < n; i++) both.forEach((seen, who) => seen.link.set(`${who}-${i}`, i));
  await t.check(`${n} entries written by each are seen by both`,
    () => both.every((seen) => seen.link.size === 2 * n) && entries(both[0]) === entries(both[1]), () => both.map((seen) => seen.link.size).join());
  const fresh = t.follow(t.client(), "map", node, "map");
  await t.check("a fresh client sees them when it is synced", () => fresh.synced === 1 && entries(fresh) === entries(both[0]), () => String(fresh.link.size));
}

async function links(t) {
  const node = "/swim/link";
  const client = t.client();
  const one = t.follow(client, "value", node, "value", { prio: 0.5, rate: 1 });
  await t.check("prio and rate come back when a lane is linked", () => one.synced === 1 &&
    answers(client.connections[0], node, "value")[0] === "@linked(prio:0.5,rate:1)", () => client.connections[0].heard.join("\n"));
  one.link.set(5);
  await t.check("a lane linked with prio and rate takes and tells values",
    () => one.sets.filter((set) => set === "5").length === 2, () => one.sets.join());
  const plain = t.follow(client, "map", node, "map", { syncs: false });
  await t.check("a downlink that does not sync is linked only", () => plain.linked === 1 && plain.synced === 0 &&
    client.connections[0].said.at(-1) === `@link(node:"${node}",lane:map)`, () => client.connections[0].said.join("\n"));
  one.link.close();
  const answered = () => answers(client.connections[0], node, "value").at(-1);
  await t.check("closing a downlink ends its link, and the host says so", () => one.closed === 1 && answered() === "@unlinked", answered);
  const again = t.follow(client, "value", node, "value");
  await t.check("the lane can be linked again on the same connection",
    () => again.synced === 1 && value(again) === "5" && client.connections.length === 1, () => again.calls.join());
}

async function handshake(t) {
  for (const [name, protocols, want] of [
    ["warp0 is answered", "warp0", "warp0"], ["warp0 among others is answered", ["other", "warp0"], "warp0"], ["nothing is answered with nothing", undefined, ""],
  ]) {
    const client = t.client({ protocols });
    const room = t.follow(client, "value", "/room/air", "target");
    await t.check(`a client that offers the subprotocol: ${name}`,
      () => room.synced === 1 && client.connections[0].protocol === want, () => JSON.stringify(client.connections[0]?.protocol));
  }
  const client = t.client();
  client.authenticate(t.host, { "@login": { name: "nobody" } });
  const room = t.follow(client, "value", "/room/air", "target");
  await t.check("credentials, which this host does not ask for, are accepted", () => room.synced === 1 && client.session !== undefined,
    () => client.connections[0]?.heard.join("\n"));
}

async function unknown(t) {
  const client = t.client();
  const room = t.follow(client, "value", "/room/air", "target");
  for (const [node, lane, why] of [["/swim/unknown", "none", "laneNotFound"], ["/none/1", "value", "nodeNotFound"]]) {
    const none = t.follow(client, "value", node, lane);
    const heard = () => answers(client.connections[0], node, lane);
    await t.check(`a link to ${node} ${lane} is ended for ${why}`, () => none.closed === 1 && none.unlinked === 1 && heard().join() === `@unlinked@${why}`, heard);
  }
  client.command(t.host, "/none/1", "value", 5);
  client.command(t.host, "/room/air", "target", 19.25);
  await t.check("links on that connection go on, also after a command to nobody",
    () => value(room) === "19.25" && client.connections.length === 1, () => value(room));
}

async function reconnect(t, line, cut, mend) {
  const node = "/swim/reconnect";
  const away = t.client();
  const by = { host: line };
  const map = t.follow(away, "map", node, "map", by);
  const num = t.follow(away, "value", node, "value", by);
  const list = t.follow(away, "list", node, "list", by);
  const once = t.follow(away, "value", "/swim/once", "value", { ...by, relinks: false });
  const here = t.client();
  const steady = t.follow(here, "map", node, "map");
  const number = t.follow(here, "value", node, "value");
  const things = t.follow(here, "list", node, "list");
  await t.check("a client on a line that can be cut, and one on another", () => [map, num, list, once, steady, number, things].every((seen) => seen.synced === 1));
  for (const key of ["a", "b", "c"]) steady.link.set(key, 1);
  number.link.set(1);
  things.link.push("x");
  await t.check("both see the same", () => entries(map) === "a:1 b:1 c:1" && value(num) === "1" && items(list) === "x",
    () => `${entries(map)} | ${value(num)} | ${items(list)}`);

  await cut();
  await t.check("the connection is lost", () => [map, num, list].every((seen) => seen.lost === 1), () => `${map.calls} | ${num.calls}`);
  steady.link.delete("b");
  steady.link.set("a", 2);
  steady.link.set("d", 1);
  number.link.set(2);
  things.link.set(0, "y");
  await t.check("meanwhile everything changes", () => entries(steady) === "a:2 c:1 d:1" && number.sets.filter((set) => set === "2").length === 2,
    () => entries(steady));
  map.link.set("e", 1);
  await t.check("the client tries to come back, and is refused", () => away.failures > 0);
  await mend();
  await t.check("it comes back and syncs again", () => [map, num, list].every((seen) => seen.synced === 2), () => `${map.calls} | ${num.calls} | ${list.calls}`);
  const told = answers(away.connections.at(-1), node, "map");
  const state = told.slice(0, told.indexOf("@synced"));
  await t.check("it is told what there is now, and nothing of the key removed meanwhile", () => state[0] === "@linked" &&
    ["a) 2", "c) 1", "d) 1"].every((entry) => state.includes(`@event@update(key:${entry}`)) && !told.some((frame) => frame.includes("key:b")), () => told.join("\n"));
  await t.check("it has the newest value, also of the list", () => value(num) === "2" && items(list) === "y", () => `${value(num)} | ${items(list)}`);
  await t.check("what it wrote while it was away has arrived", () => entries(steady) === "a:2 c:1 d:1 e:1", () => entries(steady));
  const fresh = t.follow(t.client(), "map", node, "map", by);
  await t.check("a fresh client by the same line has no removed key", () => fresh.synced === 1 && entries(fresh) === "a:2 c:1 d:1 e:1", () => entries(fresh));
  steady.link.delete("c");
  await t.check("links go on after that", () => !map.link.has("c") && !fresh.link.has("c"), () => entries(map));
  await t.check("a downlink that does not link again stays closed", () => once.closed === 1 && once.linked === 1, () => once.calls.join());

  await cut();
  await t.check("the connection is lost a second time", () => map.lost === 2);
  steady.link.clear();
  steady.link.set("f", 1);
  await mend();
  await t.check("it is told that state", () => map.synced === 3 && answers(away.connections.at(-1), node, "map").join() ===
    "@linked,@event@update(key:f) 1,@synced", () => answers(away.connections.at(-1), node, "map").join("\n"));
}

// In a page the client keeps its connections in workers, unless it is told not to.
async function workers(t, line, cut, mend) {
  const node = "/swim/worker";
  const mine = t.follow(t.client({ worker: true }), "map", node, "map", { host: line });
  const theirs = t.follow(t.client({ worker: true }), "map", node, "map");
  await t.check("two clients in workers follow a map", () => mine.synced === 1 && theirs.synced === 1);
  mine.link.set("a", { b: 1 });
  theirs.link.set("c", 2);
  await t.check("they see each other's entries", () => [mine, theirs].every((seen) => entries(seen) === "a:{b:1} c:2"),
    () => `${entries(mine)} | ${entries(theirs)}`);
  await cut();
  await t.check("one loses its connection", () => mine.lost === 1, () => mine.calls.join());
  theirs.link.set("c", 3);
  await mend();
  await t.check("it comes back and sees what has changed", () => mine.synced === 2 && entries(mine) === "a:{b:1} c:3", () => entries(mine));
}
