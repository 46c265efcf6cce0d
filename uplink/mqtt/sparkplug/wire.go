package sparkplug

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The numbers of fields are those of Tahu's sparkplug_b.proto.
const (
	payloadTimestamp = 1
	payloadMetrics   = 2
	payloadSeq       = 3
	payloadUUID      = 4
	payloadBody      = 5

	metricName       = 1
	metricAlias      = 2
	metricTimestamp  = 3
	metricDataType   = 4
	metricHistorical = 5
	metricTransient  = 6
	metricNull       = 7
	metricMetadata   = 8
	metricProperties = 9

	metadataMultiPart   = 1
	metadataContentType = 2
	metadataSize        = 3
	metadataSeq         = 4
	metadataFileName    = 5
	metadataFileType    = 6
	metadataMD5         = 7
	metadataDescription = 8

	setKeys   = 1
	setValues = 2

	listSets = 1

	propertyType = 1
	propertyNull = 2

	tableWidth   = 1
	tableColumns = 2
	tableTypes   = 3
	tableRows    = 4

	rowElements = 1

	templateVersion    = 1
	templateMetrics    = 2
	templateParameters = 3
	templateRef        = 4
	templateDefinition = 5

	parameterName = 1
	parameterType = 2
)

// oneof are the fields in one of which a value is. A kind of value that cannot be there has 0.
type oneof struct{ int, long, float, double, boolean, text, bytes, table, template, set, sets protowire.Number }

var (
	inMetric    = oneof{int: 10, long: 11, float: 12, double: 13, boolean: 14, text: 15, bytes: 16, table: 17, template: 18}
	inProperty  = oneof{int: 3, long: 4, float: 5, double: 6, boolean: 7, text: 8, set: 9, sets: 10}
	inParameter = oneof{int: 3, long: 4, float: 5, double: 6, boolean: 7, text: 8}
	inCell      = oneof{int: 1, long: 2, float: 3, double: 4, boolean: 5, text: 6}
)

// field is one field of a message as it came.
type field struct {
	number protowire.Number
	kind   protowire.Type
	bits   uint64
	bytes  []byte
}

// eachField has take look at all fields of a message.
func eachField(b []byte, take func(field) error) error {
	for len(b) > 0 {
		f := field{}
		var n int
		f.number, f.kind, n = protowire.ConsumeTag(b)
		if n < 0 {
			return errCut
		}
		b = b[n:]
		switch f.kind {
		case protowire.VarintType:
			f.bits, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			f.bits, n = protowire.ConsumeFixed64(b)
		case protowire.Fixed32Type:
			var bits uint32
			bits, n = protowire.ConsumeFixed32(b)
			f.bits = uint64(bits)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		default: // groups, which Sparkplug has none of
			n = protowire.ConsumeFieldValue(f.number, f.kind, b)
		}
		if n < 0 {
			return errCut
		}
		b = b[n:]
		if err := take(f); err != nil {
			return err
		}
	}
	return nil
}

var errCut = errors.New("it is cut off, or no protobuf")

func (f field) is(kind protowire.Type) error {
	if f.kind != kind {
		return fmt.Errorf("field %d is of another kind than Sparkplug's", f.number)
	}
	return nil
}

func (f field) varint(to *uint64) error {
	*to = f.bits
	return f.is(protowire.VarintType)
}

func (f field) flag(to *bool) error {
	*to = f.bits != 0
	return f.is(protowire.VarintType)
}

func (f field) dataType(to *DataType) error {
	*to = DataType(min(f.bits, math.MaxUint32))
	return f.is(protowire.VarintType)
}

func (f field) text(to *string) error {
	if len(f.bytes) > maxText {
		return fmt.Errorf("a text is longer than %d bytes", maxText)
	}
	*to = string(f.bytes)
	return f.is(protowire.BytesType)
}
