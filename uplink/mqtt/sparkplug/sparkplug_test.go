package sparkplug_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"selvage/uplink/mqtt/sparkplug"
)

// row is a payload that Tahu's encoder has written.
type row struct {
	Name   string `json:"name"`
	Topic  string `json:"topic"`
	Hex    string `json:"hex"`
	Expect any    `json:"expect"`
}

// published are the rows of ../shared, or none where the folder is absent.
func published(t testing.TB) (all []row) {
	f, err := os.Open(filepath.Join("..", "..", "..", "..", "shared", "data", "mqtt", "sparkplug_b.jsonl"))
	if os.IsNotExist(err) && os.Getenv("CI") != "true" {
		t.Skip("there are no recorded payloads here: ../shared/data/mqtt/sparkplug_b.jsonl")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// recorded are those of testdata.
func recorded(t testing.TB) (all []row) {
	b, err := os.ReadFile(filepath.Join("testdata", "tahu.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPublished(t *testing.T) { checkRows(t, published(t)) }
func TestRecorded(t *testing.T)  { checkRows(t, recorded(t)) }

// checkRows compares what a payload says with what was meant, and writes it again to the same bytes.
func checkRows(t *testing.T, rows []row) {
	if len(rows) == 0 {
		t.Fatal("there are no rows")
	}
	for _, r := range rows {
		b := unhex(t, r.Hex)
		p, err := sparkplug.Decode(b)
		if err != nil {
			t.Errorf("%s%s: Decode: %v", r.Name, r.Topic, err)
			continue
		}
		if got := plain(t, p); !reflect.DeepEqual(got, canonical(r.Expect)) {
			t.Errorf("%s%s: Decode says\n%v, want\n%v", r.Name, r.Topic, got, canonical(r.Expect))
		}
		if again := p.Encode(); !bytes.Equal(again, b) {
			t.Errorf("%s%s: Encode writes\n%x, Tahu\n%x", r.Name, r.Topic, again, b)
		}
		if r.Topic != "" {
			if topic, ok := sparkplug.ParseTopic(r.Topic); !ok || topic.String() != r.Topic {
				t.Errorf("ParseTopic(%s) = %v, %v", r.Topic, topic, ok)
			}
		}
	}
}

// canonical leaves out empty lists, which are not on the wire, and Float's digits beyond its 24 bits.
func canonical(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for key, value := range v {
			if list, ok := value.([]any); ok && len(list) == 0 {
				continue
			}
			m[key] = canonical(value)
		}
		if n, ok := m["value"].(float64); ok && m["type"] == "Float" {
			m["value"] = float64(float32(n))
		}
		return m
	case []any:
		list := []any{}
		for _, one := range v {
			list = append(list, canonical(one))
		}
		return list
	}
	return v
}

// plain is a payload as the recordings have it.
func plain(t *testing.T, p sparkplug.Payload) any {
	m := map[string]any{"timestamp": strconv.FormatUint(p.Timestamp, 10)}
	if p.HasSeq {
		m["seq"] = strconv.Itoa(int(p.Seq))
	}
	if p.UUID != "" {
		m["uuid"] = p.UUID
	}
	if p.Body != nil {
		m["body"] = base64.StdEncoding.EncodeToString(p.Body)
	}
	if p.Metrics != nil {
		m["metrics"] = plainMetrics(t, p.Metrics)
	}
	return m
}

func plainMetrics(t *testing.T, metrics []sparkplug.Metric) (list []any) {
	for _, one := range metrics {
		m := map[string]any{"type": one.DataType.String(), "value": plainValue(t, one.DataType, one.Value)}
		if one.IsNull != (one.Value == nil) {
			t.Errorf("%s: IsNull is %v, and the value %v", one.Name, one.IsNull, one.Value)
		}
		if one.Name != "" {
			m["name"] = one.Name
		}
		if one.HasAlias {
			m["alias"] = strconv.FormatUint(one.Alias, 10)
		}
		if one.Timestamp != 0 {
			m["timestamp"] = strconv.FormatUint(one.Timestamp, 10)
		}
		if one.IsHistorical {
			m["isHistorical"] = true
		}
		if one.IsTransient {
			m["isTransient"] = true
		}
		if d := one.Metadata; d != nil {
			m["metadata"] = map[string]any{"isMultiPart": d.IsMultiPart, "contentType": d.ContentType, "size": float64(d.Size), "seq": float64(d.Seq),
				"fileName": d.FileName, "fileType": d.FileType, "md5": d.MD5, "description": d.Description}
		}
		if one.Properties != nil {
			m["properties"] = plainProperties(t, one.Properties)
		}
		list = append(list, m)
	}
	return list
}

func plainProperties(t *testing.T, set sparkplug.Properties) any {
	m := map[string]any{}
	for _, p := range set {
		m[p.Name] = map[string]any{"type": p.DataType.String(), "value": plainValue(t, p.DataType, p.Value)}
	}
	return m
}

func plainValue(t *testing.T, of sparkplug.DataType, v sparkplug.Value) any {
	if v == nil {
		return nil
	}
	read, err := sparkplug.Read(of, v)
	if err != nil {
		t.Errorf("Read(%s, %v): %v", of, v, err)
	}
	if again, err := sparkplug.Write(of, read); reflect.TypeOf(v).Comparable() && reflect.TypeOf(v).Kind() != reflect.Pointer && (err != nil || again != v) {
		t.Errorf("Write(%s, %v) = %v, %v, want %v", of, read, again, err, v)
	}
	switch v := read.(type) {
	case int64:
		if of == sparkplug.Int64 {
			return strconv.FormatInt(v, 10)
		}
		return float64(v)
	case uint64:
		if of == sparkplug.UInt64 {
			return strconv.FormatUint(v, 10)
		}
		return float64(v)
	case float64:
		if of == sparkplug.Float {
			return float64(float32(v))
		}
		return v
	case time.Time:
		return strconv.FormatInt(v.UnixMilli(), 10)
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case *sparkplug.DataSet:
		return plainTable(t, v)
	case *sparkplug.Template:
		return plainTemplate(t, v)
	case sparkplug.Properties:
		return plainProperties(t, v)
	case []sparkplug.Properties:
		var list []any
		for _, set := range v {
			list = append(list, plainProperties(t, set))
		}
		return list
	}
	return read
}

func plainTable(t *testing.T, table *sparkplug.DataSet) any {
	m := map[string]any{"numOfColumns": float64(len(table.Columns))}
	var types, columns, rows []any
	for i, name := range table.Columns {
		columns, types = append(columns, name), append(types, table.Types[i].String())
	}
	for _, row := range table.Rows {
		var cells []any
		for i, cell := range row {
			cells = append(cells, plainValue(t, table.Types[i], cell))
		}
		rows = append(rows, cells)
	}
	m["columns"], m["types"] = columns, types
	if rows != nil {
		m["rows"] = rows
	}
	return m
}

func plainTemplate(t *testing.T, one *sparkplug.Template) any {
	m := map[string]any{"isDefinition": one.IsDefinition}
	if one.Version != "" {
		m["version"] = one.Version
	}
	if one.Ref != "" {
		m["templateRef"] = one.Ref
	}
	if one.Metrics != nil {
		m["metrics"] = plainMetrics(t, one.Metrics)
	}
	var parameters []any
	for _, p := range one.Parameters {
		parameters = append(parameters, map[string]any{"name": p.Name, "type": p.DataType.String(), "value": plainValue(t, p.DataType, p.Value)})
	}
	if parameters != nil {
		m["parameters"] = parameters
	}
	return m
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		of   sparkplug.DataType
		v    sparkplug.Value
		want any // nil for an error
	}{
		{sparkplug.Int8, uint32(0xFFFFFFFB), int64(-5)},
		{sparkplug.Int8, uint32(0xFB), int64(-5)}, // as Tahu for Python writes it
		{sparkplug.Int8, uint64(math.MaxUint64 - 4), int64(-5)},
		{sparkplug.Int8, uint32(300), nil},
		{sparkplug.Int8, uint32(0xFFFFFF00), nil},
		{sparkplug.Int16, uint32(0xFFFF), int64(-1)},
		{sparkplug.Int32, uint32(0xFFFFFFFF), int64(-1)},
		{sparkplug.Int32, uint64(1) << 32, nil},
		{sparkplug.Int64, uint64(math.MaxUint64), int64(-1)},
		{sparkplug.Int64, uint64(math.MaxInt64), int64(math.MaxInt64)},
		{sparkplug.UInt8, uint32(255), uint64(255)},
		{sparkplug.UInt8, uint32(256), nil},
		{sparkplug.UInt32, uint32(7), uint64(7)}, // as the specification has it
		{sparkplug.UInt32, uint64(7), uint64(7)}, // as Tahu has it
		{sparkplug.UInt32, uint64(1) << 32, nil},
		{sparkplug.UInt64, uint64(math.MaxUint64), uint64(math.MaxUint64)},
		{sparkplug.Float, float32(12.1), 12.1},
		{sparkplug.Float, 12.1, 12.1},
		{sparkplug.Float, uint32(1), nil},
		{sparkplug.Boolean, uint32(1), nil},
		{sparkplug.String, true, nil},
		{sparkplug.DateTime, uint64(1700000000000), time.UnixMilli(1700000000000).UTC()},
		{sparkplug.DateTime, uint64(math.MaxUint64), nil},
		{sparkplug.Int32, nil, nil},
	} {
		got, err := sparkplug.Read(c.of, c.v)
		if got != c.want || (err == nil) != (c.want != nil) {
			t.Errorf("Read(%s, %#v) = %#v, %v, want %#v", c.of, c.v, got, err, c.want)
		}
	}
}

func TestWrite(t *testing.T) {
	for _, c := range []struct {
		of   sparkplug.DataType
		v    any
		want sparkplug.Value // nil for an error
	}{
		{sparkplug.Int8, -5.0, uint32(0xFFFFFFFB)},
		{sparkplug.Int8, 128.0, nil},
		{sparkplug.Int8, 0.5, nil},
		{sparkplug.Int8, int64(-129), nil},
		{sparkplug.Int64, -1e300, nil},
		{sparkplug.Int64, 1e19, nil},
		{sparkplug.UInt64, 1e19, uint64(1e19)},
		{sparkplug.UInt64, -1.0, nil},
		{sparkplug.UInt32, int64(7), uint64(7)},
		{sparkplug.UInt8, uint64(256), nil},
		{sparkplug.Int16, uint64(7), uint32(7)},
		{sparkplug.Int32, math.NaN(), nil},
		{sparkplug.Int32, math.Inf(1), nil},
		{sparkplug.Float, 0.5, float32(0.5)},
		{sparkplug.Double, 0.1, 0.1},
		{sparkplug.Boolean, true, true},
		{sparkplug.Boolean, 1.0, nil},
		{sparkplug.Text, "a", "a"},
		{sparkplug.Double, "a", nil},
		{sparkplug.String, true, nil},
		{sparkplug.DateTime, time.UnixMilli(5), uint64(5)},
		{sparkplug.DateTime, time.UnixMilli(-5), nil},
	} {
		got, err := sparkplug.Write(c.of, c.v)
		if got != c.want || (err == nil) != (c.want != nil) {
			t.Errorf("Write(%s, %v) = %#v, %v, want %#v", c.of, c.v, got, err, c.want)
		}
	}
}

// TestDecodeRefuses has what must not be taken, and what people are told.
func TestDecodeRefuses(t *testing.T) {
	deep := sparkplug.Metric{Name: "m"}
	for range 9 {
		deep = sparkplug.Metric{Value: &sparkplug.Template{Metrics: []sparkplug.Metric{deep}}}
	}
	metric := func(m ...sparkplug.Metric) []byte { return sparkplug.Payload{Metrics: m}.Encode() }
	names := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), []byte("engUnit"))
	names = protowire.AppendBytes(protowire.AppendTag(nil, 9, protowire.BytesType), names)
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"no protobuf", []byte("ONLINE"), "cut off, or no protobuf"},
		{"cut", unhex(t, "0880d095ffbc3112120a05"), "cut off"},
		{"number too high", unhex(t, "18ac02"), "sequence number is 300"},
		{"too many", metric(make([]sparkplug.Metric, 5001)...), "more than 5000 metrics"},
		{"too deep", metric(deep), "more than 16 deep"},
		{"too long", metric(sparkplug.Metric{Name: strings.Repeat("x", 64<<10+1)}), "longer than 65536"},
		{"too many properties", metric(sparkplug.Metric{Properties: make(sparkplug.Properties, 25_001)}), "more than 50000 properties"},
		{"too many cells", metric(sparkplug.Metric{Value: &sparkplug.DataSet{Rows: [][]sparkplug.Value{make([]sparkplug.Value, 50_001)}}}), "cells"},
		{"too many rows", metric(sparkplug.Metric{Value: &sparkplug.DataSet{Rows: make([][]sparkplug.Value, 50_001)}}), "cells"},
		{"more names than properties", protowire.AppendBytes([]byte{0x12}, names), "0 properties have 1 names"},
		{"wrong kind", unhex(t, "0a0161"), "field 1 is of another kind"},
	} {
		if _, err := sparkplug.Decode(c.b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Decode() = %v, want an error with %q", c.name, err, c.want)
		}
	}
	for _, ok := range [][]byte{nil, metric(make([]sparkplug.Metric, 5000)...), unhex(t, "0801fa3f00"), unhex(t, "0801fb3ffc3f")} {
		if _, err := sparkplug.Decode(ok); err != nil {
			t.Errorf("Decode of %.20x…: %v", ok, err)
		}
	}
}

func TestTopic(t *testing.T) {
	for text, want := range map[string]sparkplug.Topic{
		"spBv1.0/G/NBIRTH/E":   {Group: "G", Verb: sparkplug.NBIRTH, Node: "E"},
		"spBv1.0/G/DDATA/E/D":  {Group: "G", Verb: sparkplug.DDATA, Node: "E", Device: "D"},
		"spBv1.0/STATE/scada":  {Verb: sparkplug.STATE, Node: "scada"},
		"spBv1.0/STATE/NCMD/E": {Group: "STATE", Verb: sparkplug.NCMD, Node: "E"},
		"spBv1.0/G/NDATA/E/D":  {},
		"spBv1.0/G/DDATA/E":    {},
		"spBv1.0/G/DDATA//D":   {},
		"spBv1.0/G/X/E":        {},
		"spAv1.0/G/NBIRTH/E":   {},
		"spBv1.0/G":            {},
		"STATE/scada":          {},
		"spBv1.0/G/NDATA/\xff": {},
	} {
		got, ok := sparkplug.ParseTopic(text)
		if ok != (want != sparkplug.Topic{}) || ok && (got != want || got.String() != text) {
			t.Errorf("ParseTopic(%q) = %+v, %v, want %+v", text, got, ok, want)
		}
	}
	for _, bad := range []string{"", "a/b", "a+", "#", "\xff"} {
		if sparkplug.CheckID(bad) == nil {
			t.Errorf("CheckID(%q) finds nothing wrong", bad)
		}
	}
	if err := sparkplug.CheckID("Raspberry Pi"); err != nil {
		t.Error(err)
	}
}

func TestPresence(t *testing.T) {
	const text = `{"online":true,"timestamp":1700000000000}`
	p, err := sparkplug.ParsePresence([]byte(text))
	if err != nil || !p.Online || string(p.Encode()) != text {
		t.Errorf("ParsePresence(%s) = %s, %v", text, p.Encode(), err)
	}
	if _, err := sparkplug.ParsePresence([]byte("ONLINE")); err == nil {
		t.Error("ONLINE, which is how it was before Sparkplug 3.0, was taken")
	}
}

func FuzzDecode(f *testing.F) {
	for _, r := range recorded(f) {
		f.Add(unhex(f, r.Hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := sparkplug.Decode(b)
		if err != nil {
			return
		}
		once := p.Encode()
		again, err := sparkplug.Decode(once)
		if err != nil {
			t.Fatalf("what was decoded is encoded so that it cannot be decoded: %v", err)
		}
		if twice := again.Encode(); !bytes.Equal(once, twice) {
			t.Fatalf("decode(encode(x)) is not x:\n%x\n%x", once, twice)
		}
		for _, m := range p.Metrics {
			v, err := sparkplug.Read(m.DataType, m.Value)
			if err != nil || v == nil {
				continue
			}
			w, err := sparkplug.Write(m.DataType, v)
			if err != nil {
				continue // a table, for one
			}
			if back, err := sparkplug.Read(m.DataType, w); err != nil || back != v && v == v {
				t.Fatalf("Write(%s, %v) = %v, which reads as %v, %v", m.DataType, v, w, back, err)
			}
		}
	})
}
