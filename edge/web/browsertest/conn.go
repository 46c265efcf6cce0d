package browsertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// message is one of the DevTools protocol: a call, its answer, or an event.
type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  any             `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
		Data    string `json:"data"`
	} `json:"error,omitempty"`
}

// event is a message as it is read: its parameters are decoded by those they are for.
type event struct {
	message
	Params json.RawMessage `json:"params"`
}

// conn is the connection to the browser, shared by its pages.
type conn struct {
	ws    *websocket.Conn
	ended chan struct{}

	mu     sync.Mutex
	lastID int
	calls  map[int]chan event
	pages  map[string]*Page // by session
	front  *Page            // the one that is seen
}

func newConn(ws *websocket.Conn) *conn {
	c := &conn{ws: ws, ended: make(chan struct{}), calls: map[int]chan event{}, pages: map[string]*Page{}}
	go c.read()
	return c
}

func (c *conn) close() {
	c.ws.Close()
	<-c.ended
}

func (c *conn) read() {
	defer close(c.ended)
	for {
		var e event
		if c.ws.ReadJSON(&e) != nil {
			return
		}
		c.mu.Lock()
		answer, page := c.calls[e.ID], c.pages[e.Session]
		delete(c.calls, e.ID)
		c.mu.Unlock()
		switch {
		case e.ID != 0 && answer != nil:
			answer <- e
		case page != nil:
			page.take(e)
		}
	}
}

// call calls a method and decodes its result into out, if that is not nil.
func (c *conn) call(session, method string, params, out any) error {
	answer := make(chan event, 1)
	c.mu.Lock()
	c.lastID++
	id := c.lastID
	c.calls[id] = answer
	err := c.ws.WriteJSON(message{ID: id, Session: session, Method: method, Params: params})
	c.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case e := <-answer:
		if e.Error != nil {
			return fmt.Errorf("%s: %s %s", method, e.Error.Message, e.Error.Data)
		}
		if out == nil {
			return nil
		}
		return json.Unmarshal(e.Result, out)
	case <-c.ended:
		return errors.New(method + ": the browser has ended")
	case <-timer.C:
		return errors.New(method + ": no answer")
	}
}
