package conformance

// Differences lists all of them. A test fails where a vector differs and is not here, and where one
// that is here does not differ any more.
var Differences = []Difference{
	// The reference's socket decoder stops at the end of the first block and overlooks what is left
	// if that is short enough. Its own whole-text parser refuses all of these, and no peer prints them.
	{"warp.json", "body-shapes-050", `@event(node:"/n",lane:l) 1`, "refused", "two values: the decoder takes the first and loses the second"},
	{"warp.json", "text-forms-010", `@link(node:"/n",lane:l)`, "refused", "a closing parenthesis too many; a second one would end the connection there too"},
	{"warp.json", "text-forms-012", `@link(node:"/n",lane:l)`, "refused", "a closing bracket that nothing opened"},
	{"warp.json", "malformed-048", `@event(node:"/n",lane:l) 0`, "refused", "no number has a leading zero: the decoder reads 0, which nobody sent"},

	{"sessions/*", "close 1006", "close 1006", "close 1008 and why",
		"the reference drops the connection without a close frame; whoever wrote the client would like to know why"},
	{"sessions/deflate", "line 2", "upgraded, permessage-deflate", "upgraded, permessage-deflate; server_no_context_takeover; client_no_context_takeover",
		"a compressor kept for each connection costs 600 KB, too much for a small machine with many links"},

	{"sessions/idle-timeout", "line 4",
		`@linked(node:"/unit/idle",lane:preset)
@event(node:"/unit/idle",lane:preset) 42
@synced(node:"/unit/idle",lane:preset)
close 1006`,
		`@linked(node:"/unit/idle",lane:preset)
@event(node:"/unit/idle",lane:preset) 42
@synced(node:"/unit/idle",lane:preset)`,
		"the reference drops a connection that is silent for two minutes, however alive; here a ping asks it every 25 s"},

	// What follows a whole envelope.
	{"sessions/frame-text-forms", "line 70", `@event(node:"/unit/t-frames-ws",lane:echo) 8`, "close 1008 and why", overlooked},
	{"sessions/frame-text-forms", "line 80", `@event(node:"/unit/t-frames-ws",lane:echo) 9`, "close 1008 and why", overlooked},
	{"sessions/malformed-junk-after", "line 8", `@linked(node:"/unit/x",lane:value)`, "close 1008 and why", overlooked},
	{"sessions/js-bigint", "line 25 on 1", "", `@event(node:"/unit/j2-bigint",lane:value) done`,
		"the command before it had the body @a(1,), which is not Recon. The reference drops its sender. Here the body " +
			"of a command is read by its lane, in its turn: it is refused there, which shows in health, and the connection stays"},

	// Links that cannot be.
	{"sessions/unknown-lane", "line 6", "", `@unlinked(node:"/unit/t-unknown-lane",lane:zilch)@laneNotFound`, everyTime},
	{"sessions/unknown-node", "line 6", "", `@unlinked(node:"/nope/1",lane:value)@nodeNotFound`, everyTime},
	{"sessions/unknown-node", "line 13", "", `@unlinked(node:"",lane:value)@nodeNotFound`, everyTime},

	// Lists: the key says which element is meant.
	{"sessions/js-list", "line 34", `@event(node:"/unit/j2-list",lane:list)@remove(index:0,key:%…)`, `@event(node:"/unit/j2-list",lane:list)@remove(index:1,key:%…)`, wrongIndex},
	{"sessions/list-client-ops", "line 18", `@event(node:"/unit/t-list-client-ops",lane:list)@remove(index:0,key:k2)`, `@event(node:"/unit/t-list-client-ops",lane:list)@remove(index:1,key:k2)`, wrongIndex},
	{"sessions/list-client-ops", "line 20", `@event(node:"/unit/t-list-client-ops",lane:list)@remove(index:0,key:)`, `@event(node:"/unit/t-list-client-ops",lane:list)@remove(index:0,key:k3)`, noKey},
	{"sessions/list-agent-ops", "line 19", `@event(node:"/unit/t-list-agent-ops",lane:list)@move(from:0,to:2,key:)`, `@event(node:"/unit/t-list-agent-ops",lane:list)@move(from:0,to:2,key:%…)`, noKey},
	{"sessions/list-agent-ops", "line 25", `@event(node:"/unit/t-list-agent-ops",lane:list)@update(index:2,key:%…) y`, `@event(node:"/unit/t-list-agent-ops",lane:list)@update(index:3,key:%…) y`, oneMore},
	{"sessions/list-agent-ops", "line 27", `@event(node:"/unit/t-list-agent-ops",lane:list)@update(index:3,key:%…) z`, `@event(node:"/unit/t-list-agent-ops",lane:list)@update(index:4,key:%…) z`, oneMore},

	{"sessions/pipelined", "line 4",
		`@unlinked(node:"/unit/t-pipeline",lane:map)
@linked(node:"/unit/t-pipeline",lane:value)
@synced(node:"/unit/t-pipeline",lane:value)
@unlinked(node:"/unit/t-pipeline",lane:value)`,
		`@linked(node:"/unit/t-pipeline",lane:map)
@synced(node:"/unit/t-pipeline",lane:map)
@unlinked(node:"/unit/t-pipeline",lane:map)
@linked(node:"/unit/t-pipeline",lane:value)
@synced(node:"/unit/t-pipeline",lane:value)
@unlinked(node:"/unit/t-pipeline",lane:value)`,
		"an unlink overtakes the answer to a sync before it there, at times; here every request is answered, in order"},

	// Introspection.
	{"sessions/meta-host", "line 4",
		`@linked(node:"/unit/t-meta",lane:preset)
@event(node:"/unit/t-meta",lane:preset) 42
@synced(node:"/unit/t-meta",lane:preset)
@linked(node:"swim:meta:host",lane:nodes)
@event(node:"swim:meta:host",lane:nodes)@update(key:"/unit/t-meta"){nodeUri:"/unit/t-meta",created:0,agents:{"conf.UnitAgent"}}
@synced(node:"swim:meta:host",lane:nodes)`,
		`@linked(node:"/unit/t-meta",lane:preset)
@event(node:"/unit/t-meta",lane:preset) 42
@synced(node:"/unit/t-meta",lane:preset)
@linked(node:"swim:meta:host",lane:nodes)
@event(node:"swim:meta:host",lane:nodes)@update(key:"/host"){nodeUri:"/host",created:0,agents:{host}}
@event(node:"swim:meta:host",lane:nodes)@update(key:"/unit/t-meta"){nodeUri:"/unit/t-meta",created:0,agents:{"conf.UnitAgent"}}
@synced(node:"swim:meta:host",lane:nodes)`,
		ownAgent},
	{"sessions/meta-host", "line 18",
		`@event(node:"swim:meta:host",lane:infoLog)@info(time:0) hi`,
		`@event(node:"swim:meta:host",lane:infoLog)@info(time:0,node:"/unit/t-meta") hi`,
		"a record that is repeated at the host says which agent logged it; the reference leaves its reader to guess"},
	{"sessions/meta-tree", "line 4",
		`@linked(node:"swim:meta:edge",lane:meshes)
@event(node:"swim:meta:edge",lane:meshes)@update(key:""){meshUri:"",gatewayPartKey:,ourselfPartKey:swim,partCount:2}
@event(node:"swim:meta:edge",lane:meshes)@update(key:"warp://127.0.0.1:PORT/"){meshUri:"warp://127.0.0.1:PORT/",gatewayPartKey:,partCount:1}
@synced(node:"swim:meta:edge",lane:meshes)`,
		`@linked(node:"swim:meta:edge",lane:meshes)
@event(node:"swim:meta:edge",lane:meshes)@update(key:""){meshUri:"",gatewayPartKey:,ourselfPartKey:swim,partCount:2}
@synced(node:"swim:meta:edge",lane:meshes)`,
		"an agent of the reference had a link to another host; hosts that agents follow are no meshes here"},
	{"sessions/meta-tree", "line 24",
		`@linked(node:"swim:meta:mesh",lane:nodes)
@event(node:"swim:meta:mesh",lane:nodes)@update(key:"/unit/t-meta"){nodeUri:"/unit/t-meta",created:0,agents:{"conf.UnitAgent"}}
@synced(node:"swim:meta:mesh",lane:nodes)`,
		`@linked(node:"swim:meta:mesh",lane:nodes)
@event(node:"swim:meta:mesh",lane:nodes)@update(key:"/host"){nodeUri:"/host",created:0,agents:{host}}
@event(node:"swim:meta:mesh",lane:nodes)@update(key:"/unit/t-meta"){nodeUri:"/unit/t-meta",created:0,agents:{"conf.UnitAgent"}}
@synced(node:"swim:meta:mesh",lane:nodes)`,
		ownAgent},
	{"sessions/meta-tree", "line 36",
		`@linked(node:"swim:meta:part",lane:hosts)
@event(node:"swim:meta:part",lane:hosts)@update(key:""){hostUri:"",connected:true,secure:true,nodeCount:1}
@synced(node:"swim:meta:part",lane:hosts)`,
		`@linked(node:"swim:meta:part",lane:hosts)
@event(node:"swim:meta:part",lane:hosts)@update(key:""){hostUri:"",connected:true,secure:true,nodeCount:2}
@synced(node:"swim:meta:part",lane:hosts)`,
		ownAgent},
	{"sessions/meta-tree", "line 48",
		`@linked(node:"swim:meta:host",lane:nodes)
@event(node:"swim:meta:host",lane:nodes)@update(key:"/unit/t-meta"){nodeUri:"/unit/t-meta",created:0,agents:{"conf.UnitAgent"}}
@synced(node:"swim:meta:host",lane:nodes)`,
		`@linked(node:"swim:meta:host",lane:nodes)
@event(node:"swim:meta:host",lane:nodes)@update(key:"/host"){nodeUri:"/host",created:0,agents:{host}}
@event(node:"swim:meta:host",lane:nodes)@update(key:"/unit/t-meta"){nodeUri:"/unit/t-meta",created:0,agents:{"conf.UnitAgent"}}
@synced(node:"swim:meta:host",lane:nodes)`,
		ownAgent},

	{"http.json", "ws-two-protos", switching, switching + ", Sec-Websocket-Protocol: warp0",
		"a strict client that offers a protocol hangs up if none is chosen"},
	{"http.json", "ws-no-key", "200", "400", "a handshake without a key is a mistake (RFC 6455, 4.2.1), not a request for the page"},
	{"http.json", "ws-version-8", switching, "426, Sec-Websocket-Version: 13", "only version 13 is spoken (RFC 6455, 4.4)"},
	{"http.json", "ws-no-version", switching, "426, Sec-Websocket-Version: 13", "only version 13 is spoken (RFC 6455, 4.4)"},
	{"http.json", "ws-post", switching, "405", "a handshake is a GET (RFC 6455, 4.1)"},
	{"http.json", "ws-origin", switching, "403", "pages of other sites may not drive this host through the browser of somebody who may"},
	{"http.json", "ws-deflate-on", switching + ", Sec-Websocket-Extensions: permessage-deflate",
		switching + ", Sec-Websocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover",
		"as in the session deflate"},
	{"http.json", "no-docroot", "404", "200", "the console is there on every listener"},
	{"http.json", "lane-put", "no answer", "200", "the reference answers nothing where the lane has no decoder for the body; here the agent gets it as it came"},
	{"http.json", "lane-unknown-lane", "no answer", "404", "the reference closes the connection; here the answer says what there is not"},
	{"http.json", "lane-value-lane", "404", "200", "every lane is read over HTTP, not only one of the kind http"},
	{"http.json", "bad-request", "no answer", "400", "the reference closes the connection; here the answer says why"},
}

const switching = "101, Connection: Upgrade, Upgrade: websocket, Sec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

const (
	overlooked = "the socket decoder of the reference overlooks one closer too many and refuses two; no peer sends any"
	wrongIndex = "the client removed an element by its key and gave a wrong index; the reference repeats that, here the right one is told"
	noKey      = "the reference tells no key where none was given, so a client that goes by keys does not know which element is meant"
	oneMore    = "in the reference an agent's add(0, x) replaces the first element (a bug), so its list is one shorter from there on"
	ownAgent   = "a host of ours has an agent /host, with what is wrong with it"
	everyTime  = "after a refusal the reference keeps a dead entry and does not answer the next request for the same link; here each is answered"
)
