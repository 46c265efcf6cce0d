import { Agents } from "./agents.js";
import { Conditions } from "./conditions.js";
import { Connection } from "./connection.js";
import { Host } from "./warp.js";

const byId = (id) => document.getElementById(id);
const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/`;
const host = new Host(address, { node: "/host", lane: "info" });

new Connection(host, { state: byId("state"), wait: byId("wait"), again: byId("again"), name: byId("name"), about: byId("about"), update: byId("update"), user: byId("user"), logout: byId("logout") });
new Conditions(host, byId("conditions"));
new Agents(host, { place: byId("agents"), filter: byId("filter"), count: byId("count") });

byId("reload").addEventListener("click", () => location.reload());
