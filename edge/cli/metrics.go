package cli

import (
	"selvage/edge/broker"
	"selvage/edge/device"
	"selvage/edge/web"
	"selvage/uplink"
)

func uplinkMetrics(lines []*uplink.Line) func(*web.Metrics) {
	return func(m *web.Metrics) {
		for _, l := range lines {
			s := l.Status()
			m.Gauge("selvage_uplink_connected", "1 while the uplink is connected.", device.Flag(s.State == uplink.Connected), "uplink", l.Name)
			m.Counter("selvage_uplink_messages_received_total", "Messages that came by the uplink.", float64(s.In), "uplink", l.Name)
			m.Counter("selvage_uplink_messages_sent_total", "Messages that went out by the uplink.", float64(s.Out), "uplink", l.Name)
		}
	}
}

func brokerMetrics(b *broker.Broker) func(*web.Metrics) {
	return func(m *web.Metrics) {
		s := b.Stats()
		m.Gauge("selvage_broker_clients", "MQTT clients connected to the embedded broker.", float64(s.Clients))
		m.Gauge("selvage_broker_sessions", "MQTT sessions that are connected or may be resumed.", float64(s.Sessions))
		m.Gauge("selvage_broker_retained_messages", "Messages that the embedded broker retains.", float64(s.Retained))
		m.Counter("selvage_broker_messages_received_total", "Messages published to the embedded broker.", float64(s.MessagesIn))
		m.Counter("selvage_broker_messages_sent_total", "Messages that the embedded broker delivered.", float64(s.MessagesOut))
		m.Counter("selvage_broker_messages_dropped_total", "Messages that a client of the embedded broker missed.", float64(s.Dropped))
	}
}
