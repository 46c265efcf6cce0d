package climate

import (
	"testing"
	"time"

	"selvage/edge/agent/agenttest"
	"selvage/edge/clock"
	"selvage/edge/device"
)

// What the heater was before an agent started is not known: it may be another host's, and on.
func TestHeaterIsToldAtTheStart(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		room(w, "target = 21.0")
		w.Reading("/device/air", "temperature", 30, "Cel")
		w.Sleep(24 * time.Hour)
		w.Told("/device/heater", "set", false)
	})
}

func TestHeaterIsToldAfterAPanic(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		room(w, "target = 21.0")
		w.Reading("/device/air", "temperature", 5, "Cel")
		w.Told("/device/heater", "set", false, true)
		w.Crash("/room")
		w.Reading("/device/air", "temperature", 35, "Cel")
		w.Sleep(time.Hour)
		w.Want("/room", "heating", false)
		w.Told("/device/heater", "set", false)
	})
}

// A heater that takes no commands is told again until it does.
func TestHeaterThatFails(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Config("[agent.\"/room\"]\nkind = \"climate\"\nsensor = \"/device/air\"\nheater = \"/device/heater\"")
		w.WantHealth()
		w.Sleep(retry)
		w.WantHealth("/room cannot switch /device/heater: ", "/room does not follow /device/air temperature")
		w.Reading("/device/air", "temperature", 30, "Cel")
		w.Output("/device/heater", "set")
		w.Sleep(retry)
		w.Told("/device/heater", "set", false)
		w.WantHealth()
	})
}

// A heater that cannot be told when the sensor is lost is not taken for off.
func TestHeaterThatFailsWhileBlind(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		room(w, "target = 21.0\npatience = \"1m\"")
		w.Reading("/device/air", "temperature", 5, "Cel")
		w.Told("/device/heater", "set", false, true)
		free := w.Clog("/device/heater")
		w.Sleep(2 * time.Minute)
		w.Want("/room", "heating", true)
		w.WantHealth("/device/heater is in one turn", "/room cannot switch /device/heater: send to /device/heater set: its mailbox is full")
		free()
		w.Sleep(retry)
		w.Want("/room", "heating", false)
		w.Told("/device/heater", "set", false)
		w.WantHealth()
	})
}

// A board without a clock chip reboots, and its sensor never comes: what is remembered is of no known age.
func TestRememberedReadingDoesNotHeat(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		w.Keep()
		room(w, "target = 21.0")
		w.SetTime(w.Time().AddDate(10, 0, 0))
		w.Reading("/device/air", "temperature", 15, "Cel")
		w.Told("/device/heater", "set", false, true)
		w.Stop()
		w.Told("/device/heater", "set", false)
		w.LoseTime()
		w.Start()
		for range 100 {
			w.Sleep(15 * time.Minute)
			w.Want("/room", "heating", false)
		}
		w.Told("/device/heater", "set", false)
	})
}

// The clock of another host, right or wrong, does not make its readings young or old.
func TestSensorOfAnotherClock(t *testing.T) {
	for name, off := range map[string]time.Duration{"ahead": 24 * time.Hour, "behind": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			agenttest.Run(t, func(w *agenttest.World) {
				room(w, "target = 21.0\npatience = \"1m\"")
				for range 100 {
					at := clock.Stamp{Wall: w.Time().Add(off).UnixNano(), Trusted: true}
					w.Show("/device/air", "temperature", device.Reading{Value: 15, Unit: "Cel", At: at})
					w.Want("/room", "heating", true)
					w.Sleep(time.Second)
				}
				w.Sleep(time.Minute)
				w.Want("/room", "heating", false)
			})
		})
	}
}

func TestUnits(t *testing.T) {
	agenttest.Run(t, func(w *agenttest.World) {
		room(w, "target = 21.0")
		for _, test := range []struct {
			r       device.Reading
			heating bool
			health  []string
		}{
			{device.Reading{Value: 15, Unit: "Cel"}, true, nil},
			{device.Reading{Value: 15}, true, nil},
			{device.Reading{Value: 46, Unit: "[degF]"}, true, nil}, // 7.8 °C
			{device.Reading{Value: 90, Unit: "[degF]"}, false, nil},
			{device.Reading{Value: 280, Unit: "K"}, true, nil}, // 6.9 °C
			{device.Reading{Value: 5, Unit: "%"}, false, []string{"/room cannot go by /device/air temperature: 5 % is no temperature"}},
			{device.Reading{Value: 15, Unit: "Cel"}, true, nil},
			{device.Reading{Form: device.Text, Text: "30.5 C"}, false, []string{`"30.5 C" is no number`}},
			{device.Reading{Quality: device.Bad, Reason: "no answer"}, false, nil},
		} {
			w.Show("/device/air", "temperature", test.r)
			w.Want("/room", "heating", test.heating)
			w.WantHealth(test.health...)
		}
	})
}
