package twin

// Describe takes in what is known of the device by now: o counts in place of the Options that the twin was made with,
// also after a restart of the agent, but for Node and Adjust, which stay. An output that it has become gets its lanes;
// one that it is no more keeps them and refuses commands. It is called in a turn of the twin.
func (t *Twin) Describe(o Options) {
	o.Node, o.Adjust = t.Node, t.Adjust
	t.Options, t.described = o, true
	t.takes, t.has = o.Takes, o.Channels
	t.info.Set(o.Info)
	t.become()
	t.showTakes()
	t.recallCorrections()
	for name, c := range t.channels {
		if c.judge != nil {
			c.judge.Channel, _ = t.spec(name)
		}
	}
	if len(t.has) > 0 {
		t.checkAdjust()
	}
	if t.Confirm <= 0 {
		t.patient()
		t.unmet = ""
	}
	t.look()
	t.watch()
	t.show()
}
