package agenttest_test

import (
	"testing"
	"time"

	_ "selvage/agents/climate"
	"selvage/edge/agent/agenttest"
)

func TestFrost(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Output("/device/heater", "set")
		w.Config(`
			[agent."/room/air"]
			kind   = "climate"
			sensor = "/device/air"
			heater = "/device/heater"
		`)
		w.Reading("/device/air", "temperature", 19.5, "Cel")
		w.Want("/room/air", "heating", true)
		w.Told("/device/heater", "set", false, true)
		w.Command("/room/air", "target", 18)
		w.Want("/room/air", "heating", false)
		w.Sleep(time.Hour)
		w.Told("/device/heater", "set", false)
	})
}
