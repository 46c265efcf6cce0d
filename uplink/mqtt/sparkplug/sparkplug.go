// Package sparkplug is Sparkplug B, a way to say over MQTT what industrial devices measure and to command them: its
// topics, its payloads, and the edge node that publishes devices of ours.
//
// It goes by the Sparkplug 3.0.0 specification of the Eclipse Foundation, and by Eclipse Tahu where the two differ, since
// Tahu's encoders are what devices and hosts were built with. Rules of the specification are cited by their tck-id.
package sparkplug

// DataType says what a metric's value means.
type DataType uint32

// The numbers are those of the specification.
const (
	Unknown DataType = iota
	Int8
	Int16
	Int32
	Int64
	UInt8
	UInt16
	UInt32
	UInt64
	Float
	Double
	Boolean
	String
	DateTime
	Text
	UUID
	DataSetType
	Bytes
	File
	TemplateType
	PropertySetType
	PropertySetListType
	Int8Array
	Int16Array
	Int32Array
	Int64Array
	UInt8Array
	UInt16Array
	UInt32Array
	UInt64Array
	FloatArray
	DoubleArray
	BooleanArray
	StringArray
	DateTimeArray
)

var typeNames = [...]string{
	"Unknown", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float", "Double", "Boolean", "String",
	"DateTime", "Text", "UUID", "DataSet", "Bytes", "File", "Template", "PropertySet", "PropertySetList",
	"Int8Array", "Int16Array", "Int32Array", "Int64Array", "UInt8Array", "UInt16Array", "UInt32Array", "UInt64Array",
	"FloatArray", "DoubleArray", "BooleanArray", "StringArray", "DateTimeArray",
}

func (t DataType) String() string {
	if int64(t) < int64(len(typeNames)) {
		return typeNames[t]
	}
	return "an unknown type"
}

// Payload is what a message says. Times are milliseconds since 1970, and 0 where there is none.
type Payload struct {
	Timestamp uint64
	Metrics   []Metric
	HasSeq    bool // deaths of nodes and commands have no number
	Seq       uint8
	UUID      string
	Body      []byte
}

// Metric is one quantity, its value, and in a birth what describes it.
type Metric struct {
	Name         string // in later messages the alias may stand for it
	HasAlias     bool
	Alias        uint64
	Timestamp    uint64
	DataType     DataType // Unknown where it is left out, as data messages may
	IsHistorical bool     // it was true once, and does not change what is true now
	IsTransient  bool
	IsNull       bool
	Metadata     *Metadata
	Properties   Properties
	Value        Value
}

// Value is what a metric, a property or a parameter carries, as it is on the wire: uint32, uint64, float32, float64, bool,
// string, []byte, *DataSet, *Template, Properties, []Properties, or nil for none. See Read and Write for what it means.
type Value any

// Metadata describes bytes and files.
type Metadata struct {
	IsMultiPart bool
	ContentType string
	Size, Seq   uint64
	FileName    string
	FileType    string
	MD5         string
	Description string
}

// Properties describe a metric. What a name means is between those who talk, but for Quality and engUnit.
type Properties []Property

// Property is one of them. Null ones have no Value.
type Property struct {
	Name     string
	DataType DataType
	IsNull   bool
	Value    Value
}

// Of returns what the property of that name says, or nil.
func (p Properties) Of(name string) any {
	for _, one := range p {
		if one.Name == name && !one.IsNull {
			v, _ := Read(one.DataType, one.Value)
			return v
		}
	}
	return nil
}

// DataSet is a table.
type DataSet struct {
	Columns []string
	Types   []DataType
	Rows    [][]Value
}

// Template is a structure of metrics: its definition, or one of its kind.
type Template struct {
	Version      string
	Metrics      []Metric
	Parameters   []Parameter
	Ref          string // of one: the name of its definition
	IsDefinition bool
}

// Parameter is what tells templates of one kind apart.
type Parameter struct {
	Name     string
	DataType DataType
	Value    Value
}
