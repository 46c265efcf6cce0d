package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// A publisher publishes anything, as fast as it can: what is published goes out with the next flush, in one write.
type publisher struct {
	c     net.Conn
	b     bytes.Buffer
	id    uint16
	ahead int // of acknowledgements
}

func newPublisher(t testing.TB, address, id string) *publisher {
	t.Helper()
	c, err := connect(address, id, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &publisher{c: c}
}

// connect returns a connection that the broker has taken.
func connect(address, id string, clean bool) (net.Conn, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	p := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	p.ProtocolName, p.ProtocolVersion, p.ClientIdentifier, p.CleanSession = "MQTT", 4, id, clean
	if err = p.Write(c); err == nil {
		var answer packets.ControlPacket
		if answer, err = packets.ReadPacket(c); err == nil && answer.(*packets.ConnackPacket).ReturnCode != 0 {
			err = fmt.Errorf("%s is refused: %v", id, answer)
		}
	}
	if err != nil {
		c.Close()
	}
	return c, err
}

func (p *publisher) publish(topic string, payload []byte, qos byte, retain bool) {
	m := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	m.TopicName, m.Payload, m.Qos, m.Retain = topic, payload, qos, retain
	if qos > 0 {
		p.id = p.id%65535 + 1
		m.MessageID = p.id
		p.ahead++
	}
	_ = m.Write(&p.b) // a buffer takes all
}

const pubackSize = 4 // MQTT 3.1.1, 3.4

// flush writes what there is, and waits until no more than that many are not acknowledged.
func (p *publisher) flush(t testing.TB, ahead int) {
	t.Helper()
	_, err := p.b.WriteTo(p.c)
	if more := p.ahead - ahead; err == nil && more > 0 {
		_, err = io.CopyN(io.Discard, p.c, int64(more)*pubackSize)
		p.ahead = ahead
	}
	if err != nil {
		t.Fatal(err)
	}
}
