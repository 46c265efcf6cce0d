package sysfs

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"selvage/edge/device"
)

// Class is a kind of things that the kernel shows, each in a folder with a number that may change with
// every start: hwmon0, hwmon1.
type Class struct {
	What string   // "IIO device"
	Glob string   // of the folders, below the root: "sys/bus/iio/devices/iio:device*"
	Name []string // the files in a folder that name it
	Tool string   // how people list them
}

// Node is one of them.
type Node struct {
	Class  Class
	Dir    string
	Name   string // as its first name file has it; the folder's name if it has none
	Parent string // what it is a part of, such as the chip 1-0076 or the platform device coretemp.0
}

// Base is the folder's name.
func (n Node) Base() string { return filepath.Base(n.Dir) }

// File is the path of one of its files.
func (n Node) File(name string) string { return filepath.Join(n.Dir, name) }

// names are all that it may be called by.
func (n Node) names() []string {
	names := []string{n.Base()}
	for _, file := range n.Class.Name {
		if w := Word(n.File(file)); w != "" {
			names = append(names, w)
		}
	}
	if n.Parent != "" {
		names = append(names, n.Parent)
	}
	return names
}

// node looks at a folder.
func (c Class) node(dir string) Node {
	n := Node{Class: c, Dir: dir, Name: filepath.Base(dir)}
	for _, file := range c.Name {
		if w := Word(n.File(file)); w != "" {
			n.Name = w
			break
		}
	}
	// Of a class device the link "device" leads to its parent; that of a bus is inside its parent.
	if to, err := filepath.EvalSymlinks(n.File("device")); err == nil {
		n.Parent = filepath.Base(to)
	} else if real, err := filepath.EvalSymlinks(dir); err == nil && real != dir && !strings.Contains(real, "/virtual/") {
		n.Parent = filepath.Base(filepath.Dir(real))
	}
	return n
}

// All lists what there is, below root.
func (c Class) All(root string) []Node {
	var all []Node
	for _, dir := range List(filepath.Join(root, c.Glob)) {
		all = append(all, c.node(dir))
	}
	return all
}

// Find returns the one that is called so: by its name, by that of its folder, or by its parent where
// several have the same name. "" is the only one there is.
func (c Class) Find(root, called string) (Node, error) {
	all := c.All(root)
	var found []Node
	for _, n := range all {
		if called == "" || slices.Contains(n.names(), called) {
			found = append(found, n)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		f := &device.Fault{Text: strings.TrimSuffix(fmt.Sprintf("there is no %s %q", c.What, called), ` ""`), Err: device.ErrBusGone}
		f.Remedy = "the kernel shows none: load its driver, by modprobe or an overlay in config.txt"
		if len(all) > 0 {
			f.Remedy = fmt.Sprintf("there is %s; if it is missing, load its driver, by modprobe or an overlay in config.txt; to see: %s", listed(all), c.Tool)
		}
		return Node{}, f
	}
	if called == "" {
		return Node{}, &device.Fault{
			Text:   fmt.Sprintf("there are %d %ss", len(found), c.What),
			Remedy: "name one: " + listed(found),
		}
	}
	return Node{}, &device.Fault{
		Text:   fmt.Sprintf("%d %ss are called %q", len(found), c.What, called),
		Remedy: "name one by what it is a part of: " + listed(found),
	}
}

// listed writes nodes for people: "bme280 (1-0076)".
func listed(nodes []Node) string {
	var b strings.Builder
	for i, n := range nodes {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(n.Name)
		if n.Parent != "" && n.Parent != n.Name {
			fmt.Fprintf(&b, " (%s)", n.Parent)
		}
	}
	return b.String()
}

// Same tells whether the folder still holds what was found. The numbers of folders are given anew, so
// another thing may have this one's.
func (n Node) Same() error {
	switch now := n.Class.node(n.Dir); {
	case !Exists(n.Dir):
		return &device.Fault{
			Text:   fmt.Sprintf("the %s %q is gone", n.Class.What, n.Name),
			Remedy: "it was unplugged, or its driver was unloaded: see dmesg",
			Err:    device.ErrBusGone,
		}
	case now.Name != n.Name || now.Parent != n.Parent:
		return &device.Fault{
			Text:   fmt.Sprintf("%s is %s now, not %s", n.Dir, listed([]Node{now}), listed([]Node{n})),
			Remedy: "it was plugged in anew: it is looked for by itself",
			Err:    device.ErrBusGone,
		}
	}
	return nil
}
