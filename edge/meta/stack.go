package meta

import (
	"path"
	"strconv"
	"strings"

	"selvage/edge/recon"
)

const maxFrames = 64

// frames reads the text of runtime/debug.Stack, from the place that panicked on, in the words of SwimOS:
// @at(class:,method:,file:,line:), where class is the package and method the rest of a function's name.
func frames(stack []byte) (items []recon.Item) {
	lines := strings.Split(string(stack), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "panic(") {
			lines = lines[i+2:]
			break
		}
	}
	for i := 0; i+1 < len(lines) && len(items) < maxFrames; i++ {
		file, isPlace := strings.CutPrefix(lines[i+1], "\t")
		if !isPlace {
			continue // the head, "goroutine 1 [running]:"
		}
		class, method := cutFunction(lines[i])
		file, _, _ = strings.Cut(file, " ")
		file, line, _ := strings.Cut(path.Base(file), ":")
		n, _ := strconv.ParseInt(line, 10, 64)
		items = append(items, recon.Of(recon.Record(recon.Attr("at", recon.Record(
			recon.Field("class", recon.String(class)),
			recon.Field("method", recon.String(method)),
			recon.Field("file", recon.String(file)),
			recon.Field("line", recon.Int(n)),
		)))))
		i++
	}
	return items
}

// cutFunction takes a line such as "selvage/edge/agent.(*Agent).turn.func1(0x1, {...})" apart.
func cutFunction(line string) (class, method string) {
	line, _, _ = strings.Cut(strings.TrimPrefix(line, "created by "), " in goroutine ")
	if strings.HasSuffix(line, ")") {
		line = line[:strings.LastIndexByte(line, '(')]
	}
	before, _, _ := strings.Cut(line, "(")
	slash := strings.LastIndexByte(before, '/') + 1
	class, method, _ = strings.Cut(line[slash:], ".")
	return line[:slash] + class, method
}
