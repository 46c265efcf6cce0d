// Command selvage runs a Selvage host and talks to running ones.
package main

import (
	"os"

	"selvage/edge/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
