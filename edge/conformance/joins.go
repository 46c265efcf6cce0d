package conformance

func init() {
	Differences = append(Differences,
		Difference{"sessions/join-map", "line 23", "",
			`@event(node:"/agg/t-jm",lane:joinMap)@update(key:a) 1
@event(node:"/agg/t-jm",lane:joinMap)@remove(key:c)`, sourceClears},
		Difference{"sessions/join-map", "line 25",
			`@event(node:"/agg/t-jm",lane:joinMap)@update(key:a) 100
@event(node:"/agg/t-jm",lane:joinMap)@update(key:c) 3
@synced(node:"/agg/t-jm",lane:joinMap)`,
			`@event(node:"/agg/t-jm",lane:joinMap)@update(key:a) 1
@synced(node:"/agg/t-jm",lane:joinMap)`, sourceClears},
		Difference{"sessions/join-value", "line 20",
			`@event(node:"/agg/t-jv",lane:joinValue)@update(key:one) 99
@event(node:"/agg/t-jv",lane:joinValue)@update(key:one) 99
@event(node:"/agg/t-jv",lane:joinValue)@update(key:one)`,
			`@event(node:"/agg/t-jv",lane:joinValue)@update(key:one) 99`,
			"the reference empties an entry that a client sets; here it has what the client set until its source has another value"},
		Difference{"sessions/join-value", "line 24", "",
			`@event(node:"/agg/t-jv",lane:joinValue)@remove(key:one)`,
			"the reference tells nobody that a client has removed an entry, which the next sync shows"},
	)
}

const sourceClears = "the reference leaves the entries of a source that clears its lane; here those go that no other source has"
