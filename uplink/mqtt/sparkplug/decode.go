package sparkplug

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Bounds of what a payload may have. A broker limits its size as well, but a metric takes two bytes on the wire and a
// hundred times that in memory.
const (
	maxMetrics = 5000
	maxDepth   = 16 // of messages, which are eight templates within each other
	maxText    = 64 << 10
	maxParts   = 50_000 // properties, parameters, and columns and cells of tables
)

// Decode reads a payload. Nothing in it refers to b.
func Decode(b []byte) (Payload, error) {
	var p Payload
	d := decoder{}
	err := eachField(b, func(f field) error {
		switch f.number {
		case payloadTimestamp:
			return f.varint(&p.Timestamp)
		case payloadMetrics:
			return d.metric(f, &p.Metrics, 1)
		case payloadSeq:
			// tck-id-payloads-sequence-num-incrementing
			if f.bits > math.MaxUint8 {
				return fmt.Errorf("its sequence number is %d, which is more than 255", f.bits)
			}
			p.HasSeq, p.Seq = true, uint8(f.bits)
			return f.is(protowire.VarintType)
		case payloadUUID:
			return f.text(&p.UUID)
		case payloadBody:
			p.Body = bytes.Clone(f.bytes)
			return f.is(protowire.BytesType)
		}
		return nil
	})
	if err != nil {
		return Payload{}, fmt.Errorf("no Sparkplug payload: %w", err)
	}
	return p, nil
}

// decoder counts what a payload has had.
type decoder struct{ metrics, parts int }

func (d *decoder) part() error {
	if d.parts++; d.parts > maxParts {
		return fmt.Errorf("it has more than %d properties and cells", maxParts)
	}
	return nil
}

// message has take look at the fields of a message within another, which is as deep.
func (d *decoder) message(f field, depth int, take func(field) error) error {
	if depth > maxDepth {
		return fmt.Errorf("it is more than %d deep", maxDepth)
	}
	if err := f.is(protowire.BytesType); err != nil {
		return err
	}
	return eachField(f.bytes, take)
}

func (d *decoder) metric(in field, to *[]Metric, depth int) error {
	if d.metrics++; d.metrics > maxMetrics {
		return fmt.Errorf("it has more than %d metrics", maxMetrics)
	}
	var m Metric
	err := d.message(in, depth, func(f field) error {
		switch f.number {
		case metricName:
			return f.text(&m.Name)
		case metricAlias:
			m.HasAlias = true
			return f.varint(&m.Alias)
		case metricTimestamp:
			return f.varint(&m.Timestamp)
		case metricDataType:
			return f.dataType(&m.DataType)
		case metricHistorical:
			return f.flag(&m.IsHistorical)
		case metricTransient:
			return f.flag(&m.IsTransient)
		case metricNull:
			return f.flag(&m.IsNull)
		case metricMetadata:
			return d.metadata(f, &m.Metadata, depth+1)
		case metricProperties:
			return d.properties(f, &m.Properties, depth+1)
		}
		return d.value(f, inMetric, &m.Value, depth+1)
	})
	*to = append(*to, m)
	return err
}

// value reads f if it is one of fields. Of several the last counts, as everywhere in protobuf.
func (d *decoder) value(f field, fields oneof, to *Value, depth int) (err error) {
	switch f.number {
	case fields.int:
		*to = uint32(f.bits)
		return f.is(protowire.VarintType)
	case fields.long:
		*to = f.bits
		return f.is(protowire.VarintType)
	case fields.float:
		*to = math.Float32frombits(uint32(f.bits))
		return f.is(protowire.Fixed32Type)
	case fields.double:
		*to = math.Float64frombits(f.bits)
		return f.is(protowire.Fixed64Type)
	case fields.boolean:
		*to = f.bits != 0
		return f.is(protowire.VarintType)
	case fields.text:
		var s string
		err = f.text(&s)
		*to = s
	case fields.bytes:
		*to = append([]byte{}, f.bytes...)
		return f.is(protowire.BytesType)
	case fields.table:
		*to, err = d.table(f, depth)
	case fields.template:
		*to, err = d.template(f, depth)
	case fields.set:
		var set Properties
		err = d.properties(f, &set, depth)
		*to = set
	case fields.sets:
		*to, err = d.sets(f, depth)
	}
	return err
}

func (d *decoder) metadata(in field, to **Metadata, depth int) error {
	m := &Metadata{}
	*to = m
	return d.message(in, depth, func(f field) error {
		switch f.number {
		case metadataMultiPart:
			return f.flag(&m.IsMultiPart)
		case metadataContentType:
			return f.text(&m.ContentType)
		case metadataSize:
			return f.varint(&m.Size)
		case metadataSeq:
			return f.varint(&m.Seq)
		case metadataFileName:
			return f.text(&m.FileName)
		case metadataFileType:
			return f.text(&m.FileType)
		case metadataMD5:
			return f.text(&m.MD5)
		case metadataDescription:
			return f.text(&m.Description)
		}
		return nil
	})
}

func (d *decoder) properties(in field, to *Properties, depth int) error {
	var names []string
	var set Properties
	err := d.message(in, depth, func(f field) error {
		switch f.number {
		case setKeys:
			var name string
			err := f.text(&name)
			names = append(names, name)
			return errors.Join(err, d.part())
		case setValues:
			var p Property
			err := d.property(f, &p, depth+1)
			set = append(set, p)
			return errors.Join(err, d.part())
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case len(names) != len(set): // tck-id-payloads-propertyset-keys-array-size
		return fmt.Errorf("%d properties have %d names", len(set), len(names))
	}
	for i, name := range names {
		set[i].Name = name
	}
	*to = set
	return nil
}

func (d *decoder) property(in field, p *Property, depth int) error {
	return d.message(in, depth, func(f field) error {
		switch f.number {
		case propertyType:
			return f.dataType(&p.DataType)
		case propertyNull:
			return f.flag(&p.IsNull)
		}
		return d.value(f, inProperty, &p.Value, depth+1)
	})
}

func (d *decoder) sets(in field, depth int) ([]Properties, error) {
	var sets []Properties
	err := d.message(in, depth, func(f field) error {
		if f.number != listSets {
			return nil
		}
		var set Properties
		err := d.properties(f, &set, depth+1)
		sets = append(sets, set)
		return errors.Join(err, d.part())
	})
	return sets, err
}

func (d *decoder) table(in field, depth int) (*DataSet, error) {
	t := &DataSet{}
	err := d.message(in, depth, func(f field) error {
		switch f.number {
		case tableColumns:
			var name string
			err := f.text(&name)
			t.Columns = append(t.Columns, name)
			return errors.Join(err, d.part())
		case tableTypes:
			return d.columnTypes(f, t)
		case tableRows:
			return d.row(f, t, depth+1)
		}
		return nil
	})
	return t, err
}

// columnTypes takes the types of columns, which may come one by one or packed.
func (d *decoder) columnTypes(f field, t *DataSet) error {
	packed := f.bytes
	if f.kind == protowire.VarintType {
		packed = protowire.AppendVarint(nil, f.bits)
	}
	for len(packed) > 0 {
		bits, n := protowire.ConsumeVarint(packed)
		if n < 0 {
			return errCut
		}
		packed = packed[n:]
		if err := d.part(); err != nil {
			return err
		}
		t.Types = append(t.Types, DataType(min(bits, math.MaxUint32)))
	}
	return nil
}

func (d *decoder) row(in field, t *DataSet, depth int) error {
	var row []Value
	err := d.message(in, depth, func(f field) error {
		if f.number != rowElements {
			return nil
		}
		var cell Value
		err := d.message(f, depth+1, func(f field) error { return d.value(f, inCell, &cell, depth+2) })
		row = append(row, cell)
		return errors.Join(err, d.part())
	})
	t.Rows = append(t.Rows, row)
	return errors.Join(err, d.part())
}

func (d *decoder) template(in field, depth int) (*Template, error) {
	t := &Template{}
	err := d.message(in, depth, func(f field) error {
		switch f.number {
		case templateVersion:
			return f.text(&t.Version)
		case templateMetrics:
			return d.metric(f, &t.Metrics, depth+1)
		case templateParameters:
			return d.parameter(f, t, depth+1)
		case templateRef:
			return f.text(&t.Ref)
		case templateDefinition:
			return f.flag(&t.IsDefinition)
		}
		return nil
	})
	return t, err
}

func (d *decoder) parameter(in field, t *Template, depth int) error {
	var p Parameter
	err := d.message(in, depth, func(f field) error {
		switch f.number {
		case parameterName:
			return f.text(&p.Name)
		case parameterType:
			return f.dataType(&p.DataType)
		}
		return d.value(f, inParameter, &p.Value, depth+1)
	})
	t.Parameters = append(t.Parameters, p)
	return errors.Join(err, d.part())
}
