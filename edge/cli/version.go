package cli

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Set when a release is linked: -X selvage/edge/cli.version=…
var (
	version = "dev"
	commit  = ""
)

// revision is the commit this program was built from, "" if nobody knows.
func revision() string {
	if commit != "" {
		return commit
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return ""
}

func (e *env) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the program's version",
		Args:  takes(0, 0),
		RunE: func(*cobra.Command, []string) error {
			platform := runtime.GOOS + "/" + runtime.GOARCH
			if e.json {
				return json.NewEncoder(e.out).Encode(struct {
					Version  string `json:"version"`
					Commit   string `json:"commit"`
					Go       string `json:"go"`
					Platform string `json:"platform"`
				}{version, revision(), runtime.Version(), platform})
			}
			built := runtime.Version() + " " + platform
			if r := revision(); r != "" {
				built = "commit " + r + ", " + built
			}
			_, err := fmt.Fprintf(e.out, "selvage %s (%s)\n", version, built)
			return err
		},
	}
}
