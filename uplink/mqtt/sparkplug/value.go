package sparkplug

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// widths are how many bits integers have.
var widths = map[DataType]uint{Int8: 8, Int16: 16, Int32: 32, Int64: 64, UInt8: 8, UInt16: 16, UInt32: 32, UInt64: 64, DateTime: 64}

// Read returns what v means for a metric of type t: an int64, uint64, float64, bool, string or time.Time. What has no
// such meaning, tables for one, is returned as it is.
func Read(t DataType, v Value) (any, error) {
	switch t {
	case Int8, Int16, Int32, Int64:
		if bits, ok := integer(v); ok {
			return signed(t, bits)
		}
	case UInt8, UInt16, UInt32, UInt64:
		if bits, ok := integer(v); ok {
			return unsigned(t, bits)
		}
	case DateTime:
		if bits, ok := integer(v); ok && bits <= maxMillis {
			return time.UnixMilli(int64(bits)).UTC(), nil
		}
	case Float, Double:
		switch v := v.(type) {
		case float32:
			// 12.1 as a float32 is 12.100000381 as a float64, which nobody has measured.
			return strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
		case float64:
			return v, nil
		}
	case Boolean:
		if v, ok := v.(bool); ok {
			return v, nil
		}
	case String, Text, UUID:
		if v, ok := v.(string); ok {
			return v, nil
		}
	default:
		return v, nil
	}
	return nil, fmt.Errorf("its value is none of type %s", t)
}

// maxMillis is the last second of the year 9999.
const maxMillis = 253402300799_999

func integer(v Value) (uint64, bool) {
	switch v := v.(type) {
	case uint32: // what Tahu writes for up to 32 bits, but for UInt32
		return uint64(v), true
	case uint64:
		return v, true
	}
	return 0, false
}

// signed takes what is below 0 in all the forms that encoders write it: as two's complement of its own width (Tahu in
// Python), of 32 bits (Tahu in Java and JavaScript) and of 64.
func signed(t DataType, bits uint64) (any, error) {
	width := widths[t]
	half := uint64(1) << (width - 1)
	switch {
	case bits < half:
		return int64(bits), nil
	case width == 64, bits>>width == 0, bits > math.MaxUint64-half:
		return int64(bits<<(64-width)) >> (64 - width), nil
	case bits <= math.MaxUint32 && bits > math.MaxUint32-half:
		return int64(int32(uint32(bits))), nil
	}
	return nil, fmt.Errorf("its value does not fit type %s", t)
}

func unsigned(t DataType, bits uint64) (any, error) {
	width := widths[t]
	if width < 64 && bits>>width != 0 {
		return nil, fmt.Errorf("its value does not fit type %s", t)
	}
	return bits, nil
}

// Write makes the value of a metric of type t of an int64, uint64, float64, bool, string or time.Time, in the field that
// Tahu's encoders choose.
func Write(t DataType, v any) (Value, error) {
	switch v := v.(type) {
	case int64:
		return writeSigned(t, v)
	case uint64:
		return writeUnsigned(t, v)
	case float64:
		switch t {
		case Float:
			return float32(v), nil
		case Double:
			return v, nil
		}
		return writeWhole(t, v)
	case bool:
		if t == Boolean {
			return v, nil
		}
	case string:
		if t == String || t == Text || t == UUID {
			return v, nil
		}
	case time.Time:
		if ms := v.UnixMilli(); t == DateTime && ms >= 0 && ms <= maxMillis {
			return uint64(ms), nil
		}
	}
	return nil, fmt.Errorf("%v is no value of type %s", v, t)
}

func writeSigned(t DataType, v int64) (Value, error) {
	switch t {
	case Int8, Int16, Int32:
		half := int64(1) << (widths[t] - 1)
		if v >= -half && v < half {
			return uint32(v), nil
		}
	case Int64:
		return uint64(v), nil
	default:
		if v >= 0 {
			return writeUnsigned(t, uint64(v))
		}
	}
	return nil, fmt.Errorf("%d is no value of type %s", v, t)
}

func writeUnsigned(t DataType, v uint64) (Value, error) {
	switch {
	case (t == UInt8 || t == UInt16) && v>>widths[t] == 0:
		return uint32(v), nil
	case t == UInt32 && v <= math.MaxUint32, t == UInt64: // the specification has uint32 for UInt32, Tahu uint64
		return v, nil
	case t >= Int8 && t <= Int64 && v <= math.MaxInt64:
		return writeSigned(t, int64(v))
	}
	return nil, fmt.Errorf("%d is no value of type %s", v, t)
}

// writeWhole takes a float64 for an integer.
func writeWhole(t DataType, v float64) (Value, error) {
	switch {
	case t < Int8 || t > UInt64:
	case v != math.Trunc(v), math.IsInf(v, 0):
	case v < 0 && v >= math.MinInt64:
		return writeSigned(t, int64(v))
	case v >= 0 && v < 1<<64:
		return writeUnsigned(t, uint64(v))
	}
	return nil, fmt.Errorf("%v is no value of type %s", v, t)
}
