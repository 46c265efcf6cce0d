package main

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// A sender publishes 1, 2, 3 and so on, over any number of connections, and notes what was acknowledged. It does
// what MQTT 3.1.1 wants of a client with a session: what was not acknowledged is sent again, in order, flagged DUP.
// No library tells as exactly what was acknowledged when.
type sender struct {
	address, id, topic string
	qos                byte
	window             int
	pace               time.Duration // between messages, on average; 0 for as fast as they are acknowledged

	mu      sync.Mutex
	last    int   // number sent
	unacked []int // numbers
	rel     []int // those of QoS 2 that the broker has, and is to forget
	acked   int   // number acknowledged last, in order
	again   []int // numbers sent again
	began   time.Time
	fault   error
}

func (s *sender) packetID(n int) uint16 { return uint16((n-1)%65535 + 1) }

// run publishes until ctx ends, then until all is acknowledged or patience ends.
func (s *sender) run(ctx context.Context) {
	s.began = time.Now()
	end := make(chan struct{})
	defer context.AfterFunc(ctx, func() { time.AfterFunc(patience, func() { close(end) }) })()
	for {
		s.connected(ctx, end)
		s.mu.Lock()
		over := s.fault != nil || ctx.Err() != nil && len(s.unacked) == 0
		s.mu.Unlock()
		if over {
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-end:
			s.fail(fmt.Errorf("%d messages were never acknowledged", len(s.unacked)))
			return
		}
	}
}

func (s *sender) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == nil {
		s.fault = fmt.Errorf("%s: %w", s.id, err)
	}
}

// connected is one connection, from CONNECT to its end.
func (s *sender) connected(ctx context.Context, end chan struct{}) {
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		return
	}
	defer c.Close()
	connect := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	connect.ProtocolName, connect.ProtocolVersion, connect.ClientIdentifier = "MQTT", 4, s.id
	if connect.Write(c) != nil {
		return
	}
	if p, err := packets.ReadPacket(c); err != nil || p.(*packets.ConnackPacket).ReturnCode != 0 {
		return
	}
	room := make(chan struct{}, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for s.take(c) {
			select {
			case room <- struct{}{}:
			default:
			}
		}
	}()
	defer func() { c.Close(); <-ended }()
	s.mu.Lock()
	for _, n := range s.rel {
		s.release(c, n)
	}
	for _, n := range s.unacked {
		s.publish(c, n, true)
		s.again = append(s.again, n)
	}
	s.mu.Unlock()
	for {
		s.mu.Lock()
		for err == nil && ctx.Err() == nil && len(s.unacked) < s.window && (s.pace == 0 || s.last < due(s.began, s.pace)) {
			s.last++
			s.unacked = append(s.unacked, s.last)
			err = s.publish(c, s.last, false)
		}
		idle := ctx.Err() != nil && len(s.unacked)+len(s.rel) == 0
		s.mu.Unlock()
		if err != nil || idle {
			return
		}
		more, next := room, (<-chan time.Time)(nil)
		if s.pace > 0 {
			more, next = nil, time.After(s.pace)
		}
		select {
		case <-more:
		case <-next:
		case <-ended:
			return
		case <-end:
			return
		}
	}
}

func (s *sender) publish(c net.Conn, n int, again bool) error {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.Qos, p.Dup, p.MessageID, p.TopicName, p.Payload = s.qos, again, s.packetID(n), s.topic, strconv.AppendInt(nil, int64(n), 10)
	return p.Write(c)
}

func (s *sender) release(c net.Conn, n int) {
	p := packets.NewControlPacket(packets.Pubrel).(*packets.PubrelPacket)
	p.MessageID = s.packetID(n)
	_ = p.Write(c) // the next read says so
}

// take reads what the broker says next; false at the end.
func (s *sender) take(c net.Conn) bool {
	p, err := packets.ReadPacket(c)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch p := p.(type) {
	case *packets.PubackPacket:
		return s.acknowledged(p.MessageID)
	case *packets.PubrecPacket:
		for _, n := range s.rel { // the PUBREL was lost
			if s.packetID(n) == p.MessageID {
				s.release(c, n)
				return true
			}
		}
		if !s.acknowledged(p.MessageID) {
			return false
		}
		s.rel = append(s.rel, s.acked)
		s.release(c, s.acked)
	case *packets.PubcompPacket:
		for i, n := range s.rel {
			if s.packetID(n) == p.MessageID {
				s.rel = append(s.rel[:i:i], s.rel[i+1:]...)
				break
			}
		}
	}
	return true
}

// acknowledged wants acknowledgements in the order of the messages [MQTT-4.6.0-2, -3].
func (s *sender) acknowledged(id uint16) bool {
	if len(s.unacked) == 0 || s.packetID(s.unacked[0]) != id {
		if s.fault == nil {
			s.fault = fmt.Errorf("%s: packet %d was acknowledged while %v were sent", s.id, id, s.unacked)
		}
		return false
	}
	s.acked, s.unacked = s.unacked[0], s.unacked[1:]
	return true
}

func (s *sender) check(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil {
		t.Error(s.fault)
	}
}
