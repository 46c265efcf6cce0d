package main

import (
	"selvage/edge/agent"
	"selvage/edge/recon"
)

const swims = "\n[agent.\"/swim/:id\"]\nkind = \"swim\"\n"

func init() {
	// swim has a lane of each kind, for anything.
	agent.Register("swim", struct{}{}, func(a *agent.Agent, _ struct{}) error {
		agent.Value(a, "value", recon.Value{})
		agent.Map[recon.Value, recon.Value](a, "map")
		agent.List[recon.Value](a, "list")
		agent.Command(a, "said", func(recon.Value) error { return nil })
		return nil
	})
}
