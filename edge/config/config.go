// Package config reads a host's TOML file into a plan of what to start, and finds every
// fault of the file at once, each with its place and what would be right.
//
// These are the tables of a file, all of which may be left out:
//
//	[host]           the host itself
//	[host.warp]      limits for those who connect to it
//	[device.NAME]    a device; its driver says which further keys it takes
//	[bus."NAME"]     the pins of an I²C bus, by which it is freed if a chip hangs
//	[agent."/uri"]   an agent, or the agents of a pattern of URIs; its kind says the same;
//	                 [[agent."/uri"]] several times makes one agent of several kinds
//	[uplink.NAME]    a way out, to a broker or to a peer; its kind says the same
//	[broker]         an MQTT broker in this host, off unless the table is there
//	[hub]            where edges appear that dial this host, likewise
//	[history."/*/*"] what is kept of the values that lanes had
//	[wear]           how much this host may write to its card
//	[policy]         who may do what on this host
//
// What a driver or kind takes is the Config type it registered:
//
//   - A field's key is its `toml:"…"` tag, or its name in small letters; what it means stands in its
//     `doc:"…"` tag, see Key.
//   - A table is read over the registered defaults; a list or a map replaces its default.
//   - Fields are texts, booleans, numbers, time.Duration ("10s", "7d"), anything with
//     UnmarshalText, and lists, maps, pointers and structs of these.
//   - A method Check(fault func(key, problem, remedy string)) sees the filled value and may
//     find faults the types cannot; each is shown at its key.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"selvage/edge/device"
	"selvage/edge/policy"
	"selvage/edge/route"
	"selvage/edge/size"
	"selvage/edge/wear"
	"selvage/uplink"
)

// Plan is what one config file asks for. Everything in it has been checked as far as that is
// possible without touching the hardware.
type Plan struct {
	Host    Host
	Devices []Device
	Buses   []Bus
	Agents  []Agent
	Uplinks []Uplink  // in the order they stand in the file
	History []History // likewise
	Broker  *Broker   // nil without the table
	Hub     *Hub      // nil without the table
	Wear    wear.Config
	Policy  *policy.Config // likewise
}

// Host is the table [host].
type Host struct {
	_       struct{}      `doc:"The host itself: its name, where it keeps data and where it listens."`
	Name    string        `doc:"what logs and peers call this host" unset:"the machine's own name" example:"greenhouse-1"`
	Data    string        `doc:"the folder for everything that is kept"`
	Listen  string        `doc:"host:port for browsers and WARP"`
	Commit  time.Duration `doc:"how long a value may wait for the next write to disk"`
	History size.Bytes    `doc:"how large the file of the store may become; then the oldest history is dropped"`
	Agents  int           `doc:"how many agents the tables for patterns of URIs may make"`
	WARP    WARP          `doc:"What WARP clients may take of this host."`

	Passivate time.Duration `doc:"how long an agent stays in memory that nobody touches; what it stored comes back with the first touch" unset:"for ever" example:"1h"`
	Turn      time.Duration `doc:"how long a turn of an agent may take before it is reported and others get another worker"`
}

// WARP is the table [host.warp]: what its clients may take of this host.
type WARP struct {
	Connections int        `doc:"how many there may be at one time, browsers among them"`
	Message     size.Bytes `doc:"the largest message; its frames have no bound of their own"`
	Links       int        `doc:"how many one connection may have"`
	Pending     size.Bytes `doc:"what a command lane keeps of its events for links that lag"`
	Compress    bool       `doc:"permessage-deflate for clients that offer it"`
}

// Device is one table [device.NAME].
type Device struct {
	device.Spec
	Pos Pos
}

// Agent is one table [agent."/uri"].
type Agent struct {
	URI     route.NodeURI // "" when the table is for a pattern of URIs
	Pattern route.Pattern // matches URI alone, or everything of its shape
	Kind    string
	Config  any // of the type the kind registered
	Pos     Pos
}

// Uplink is one table [uplink.NAME].
type Uplink struct {
	uplink.Spec
	Pos Pos
}

// Hub is the table [hub].
type Hub struct {
	_     struct{}      `doc:"Where edges appear that dial this host, off unless the table is there."`
	Mount route.NodeURI `doc:"the node URI below which each edge appears under its name"`
}

// Pos is where a table stands.
type Pos struct {
	File      string
	Line, Col int

	doc   *document
	table *table
}

// Fault makes a fault of what turned out wrong with the table after the file was read, placed
// at one of its keys, or at its header when the key is not given or is "".
func (p Pos) Fault(key, problem, remedy string) Fault {
	if p.doc == nil {
		return Fault{File: p.File, Line: p.Line, Col: p.Col, Len: 1, Problem: problem, Remedy: remedy}
	}
	if e := p.table.find(key); e != nil {
		return p.doc.at(e.value.at, problem, remedy)
	}
	return p.doc.at(p.table.at, problem, remedy)
}

// maxFile is far above any file written by hand; it keeps a wrong path, such as a database,
// from being read into memory.
const maxFile = 1 << 20

// Load reads the config file at path. Its error is of type Faults.
func Load(path string) (*Plan, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	return Parse(path, content)
}

// byteOrderMark is what some editors put before the text, where TOML has no place for it.
var byteOrderMark = []byte("\uFEFF")

func unreadable(path string, err error) Faults {
	f := Fault{File: path, Problem: "cannot be read"}
	var cause *fs.PathError
	if errors.As(err, &cause) {
		f.Problem = fmt.Sprintf("cannot be read: %v", cause.Err)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Problem, f.Remedy = "there is no such file", "check the path, which is looked up from the folder you are in"
	case errors.Is(err, syscall.EISDIR):
		f.Problem, f.Remedy = "is a folder, not a file", "name the file in it, such as "+filepath.Join(path, "selvage.toml")
	case errors.Is(err, fs.ErrPermission):
		f.Problem, f.Remedy = "this user may not read it", "run as its owner, or let others read it: chmod o+r "+path
	}
	return Faults{f}
}

// Parse reads a config file's text; name stands for it in faults. Its error is of type Faults.
func Parse(name string, content []byte) (*Plan, error) {
	if len(content) > maxFile {
		return nil, Faults{{File: name, Problem: "is larger than 1 MB", Remedy: "a config file is a few pages of text; check the path"}}
	}
	p := planner{doc: read(name, bytes.TrimPrefix(content, byteOrderMark))}
	p.tables()
	if len(p.doc.faults) > 0 {
		return nil, p.doc.sorted()
	}
	return &p.plan, nil
}
