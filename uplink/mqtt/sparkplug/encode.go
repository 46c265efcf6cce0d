package sparkplug

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Encode writes a payload, byte for byte as Tahu's encoder does. What Decode refuses for its depth or size is not
// refused here.
func (p Payload) Encode() []byte {
	var e encoder
	e.number(payloadTimestamp, p.Timestamp)
	for i := range p.Metrics {
		e.message(payloadMetrics, func(e *encoder) { e.metric(&p.Metrics[i]) })
	}
	if p.HasSeq {
		e.varint(payloadSeq, uint64(p.Seq))
	}
	e.text(payloadUUID, p.UUID)
	if p.Body != nil {
		e.bytes(payloadBody, p.Body)
	}
	return e.b
}

// encoder is a message being written.
type encoder struct{ b []byte }

func (e *encoder) varint(n protowire.Number, v uint64) {
	e.b = protowire.AppendVarint(protowire.AppendTag(e.b, n, protowire.VarintType), v)
}

func (e *encoder) bytes(n protowire.Number, v []byte) {
	e.b = protowire.AppendBytes(protowire.AppendTag(e.b, n, protowire.BytesType), v)
}

// number leaves out what is 0, as flag and text do.
func (e *encoder) number(n protowire.Number, v uint64) {
	if v != 0 {
		e.varint(n, v)
	}
}

func (e *encoder) flag(n protowire.Number, on bool) {
	if on {
		e.varint(n, 1)
	}
}

func (e *encoder) text(n protowire.Number, s string) {
	if s != "" {
		e.bytes(n, []byte(s))
	}
}

func (e *encoder) message(n protowire.Number, write func(*encoder)) {
	var inner encoder
	write(&inner)
	e.bytes(n, inner.b)
}

func (e *encoder) metric(m *Metric) {
	e.text(metricName, m.Name)
	if m.HasAlias {
		e.varint(metricAlias, m.Alias)
	}
	e.number(metricTimestamp, m.Timestamp)
	e.number(metricDataType, uint64(m.DataType))
	e.flag(metricHistorical, m.IsHistorical)
	e.flag(metricTransient, m.IsTransient)
	e.flag(metricNull, m.IsNull)
	if m.Metadata != nil {
		e.message(metricMetadata, m.Metadata.encode)
	}
	if m.Properties != nil {
		e.message(metricProperties, m.Properties.encode)
	}
	e.value(inMetric, m.Value)
}

func (m *Metadata) encode(e *encoder) {
	e.flag(metadataMultiPart, m.IsMultiPart)
	e.text(metadataContentType, m.ContentType)
	e.number(metadataSize, m.Size)
	e.number(metadataSeq, m.Seq)
	e.text(metadataFileName, m.FileName)
	e.text(metadataFileType, m.FileType)
	e.text(metadataMD5, m.MD5)
	e.text(metadataDescription, m.Description)
}

func (p Properties) encode(e *encoder) {
	for _, one := range p {
		e.bytes(setKeys, []byte(one.Name))
	}
	for _, one := range p {
		e.message(setValues, func(e *encoder) {
			e.number(propertyType, uint64(one.DataType))
			e.flag(propertyNull, one.IsNull)
			e.value(inProperty, one.Value)
		})
	}
}

// value writes v into the field that is for its kind. One that cannot be there is left out.
func (e *encoder) value(in oneof, v Value) {
	number := in.of(v)
	if number == 0 {
		return
	}
	switch v := v.(type) {
	case uint32:
		e.varint(number, uint64(v))
	case uint64:
		e.varint(number, v)
	case float32:
		e.b = protowire.AppendFixed32(protowire.AppendTag(e.b, number, protowire.Fixed32Type), math.Float32bits(v))
	case float64:
		e.b = protowire.AppendFixed64(protowire.AppendTag(e.b, number, protowire.Fixed64Type), math.Float64bits(v))
	case bool:
		e.varint(number, protowire.EncodeBool(v))
	case string:
		e.bytes(number, []byte(v))
	case []byte:
		e.bytes(number, v)
	case *DataSet:
		e.message(number, v.encode)
	case *Template:
		e.message(number, v.encode)
	case Properties:
		e.message(number, v.encode)
	case []Properties:
		e.message(number, func(e *encoder) {
			for _, set := range v {
				e.message(listSets, set.encode)
			}
		})
	}
}

// of returns the field that v goes to, or 0.
func (in oneof) of(v Value) protowire.Number {
	switch v.(type) {
	case uint32:
		return in.int
	case uint64:
		return in.long
	case float32:
		return in.float
	case float64:
		return in.double
	case bool:
		return in.boolean
	case string:
		return in.text
	case []byte:
		return in.bytes
	case *DataSet:
		return in.table
	case *Template:
		return in.template
	case Properties:
		return in.set
	case []Properties:
		return in.sets
	}
	return 0
}

func (t *DataSet) encode(e *encoder) {
	e.varint(tableWidth, uint64(len(t.Columns)))
	for _, name := range t.Columns {
		e.bytes(tableColumns, []byte(name))
	}
	for _, of := range t.Types {
		e.varint(tableTypes, uint64(of))
	}
	for _, row := range t.Rows {
		e.message(tableRows, func(e *encoder) {
			for _, cell := range row {
				e.message(rowElements, func(e *encoder) { e.value(inCell, cell) })
			}
		})
	}
}

func (t *Template) encode(e *encoder) {
	e.text(templateVersion, t.Version)
	for i := range t.Metrics {
		e.message(templateMetrics, func(e *encoder) { e.metric(&t.Metrics[i]) })
	}
	for _, p := range t.Parameters {
		e.message(templateParameters, func(e *encoder) {
			e.text(parameterName, p.Name)
			e.number(parameterType, uint64(p.DataType))
			e.value(inParameter, p.Value)
		})
	}
	e.text(templateRef, t.Ref)
	e.varint(templateDefinition, protowire.EncodeBool(t.IsDefinition)) // tck-id-payloads-template-is-definition
}
