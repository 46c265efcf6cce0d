package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"selvage/edge/web"
)

// importLines is how many values are sent at a time: a board with a slow card takes them within its patience.
const importLines = 2000

func (e *env) historyImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import URI LANE FILE",
		Short: "give a lane values that it had",
		Long: `Import puts values into the history of a lane, each at its time; what the lane holds now stays. FILE is CSV
as history --csv prints it, at,value,unit,quality, and - is the standard input. Unit and quality may be missing;
a time is 2026-11-23T08:00:00Z or milliseconds since 1970. Values that are there already are not doubled, so an
import that was cut short may be done again. Values older than what is kept are left out.`,
		Example: "  selvage history /device/air temperature --since all --csv > air.csv\n  selvage --host warp://other:9001 history import /device/air temperature air.csv",
		Args:    takes(3, 3),
		RunE: func(c *cobra.Command, args []string) error {
			return e.historyImport(c.Context(), args[0], args[1], args[2])
		},
	}
}

func (e *env) historyImport(ctx context.Context, uri, lane, file string) error {
	node, err := e.aimLane(uri, lane)
	if err != nil {
		return err
	}
	var in io.Reader = os.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	lines := csv.NewReader(bufio.NewReader(in))
	heads, err := lines.Read()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s is empty", file)
	}
	all := web.Recorded{}
	for sent := 0; err == nil; {
		var part bytes.Buffer
		out := csv.NewWriter(&part)
		out.Write(heads)
		n := 0
		for n < importLines && err == nil {
			var line []string
			if line, err = lines.Read(); err == nil {
				out.Write(line)
				n++
			}
		}
		out.Flush()
		if n == 0 {
			break
		}
		done, failed := e.sendHistory(ctx, node, lane, &part)
		if failed != nil {
			if sent > 0 {
				failed = fmt.Errorf("the first %d values are recorded; then, in lines counted from there: %w", sent, failed)
			}
			return failed
		}
		sent, all.Taken, all.Expired = sent+n, all.Taken+done.Taken, all.Expired+done.Expired
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", file, err)
	}
	if e.json {
		return json.NewEncoder(e.out).Encode(all)
	}
	fmt.Fprintf(e.out, "%s %s: %d values recorded\n", uri, lane, all.Taken)
	if all.Expired > 0 {
		fmt.Fprintf(e.out, "%d are older than what is kept, and were left out\n", all.Expired)
	}
	return nil
}

func (e *env) sendHistory(ctx context.Context, node, lane string, part io.Reader) (done web.Recorded, err error) {
	answer, err := e.askHistory(ctx, http.MethodPost, node, url.Values{"lane": {lane}}, part)
	if err != nil {
		return done, err
	}
	defer answer.Close()
	if err = json.NewDecoder(answer).Decode(&done); err != nil {
		err = fmt.Errorf("the answer of %s was cut short: %w", e.host, err)
	}
	return done, err
}
