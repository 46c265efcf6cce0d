package tasmota

import (
	"testing"

	"selvage/uplink/mqtt/family"
)

// nobody listens.
type nobody struct{ family.Sink }

func (nobody) Meet(family.Device)           {}
func (nobody) Report(string, family.Report) {}
func (nobody) Keep()                        {}

// BenchmarkSensor: 9.9 kB and 157 allocations for a plug with 11 values, nearly all of them of encoding/json.
func BenchmarkSensor(b *testing.B) {
	f := New("")
	m := family.Message{Topic: "tele/x/SENSOR", Payload: []byte(`{"Time":"2020-09-25T12:47:15","ENERGY":{"TotalStartTime":"2018-11-23T15:33:47","Total":0.017,
		"Yesterday":0.0,"Today":0.002,"Period":0.0,"Power":0.0,"ApparentPower":7.84,"ReactivePower":-7.21,"Factor":0.39,"Voltage":234.31,"Current":0.039}}`)}
	b.ReportAllocs()
	for b.Loop() {
		f.Take(m, nobody{})
	}
}
