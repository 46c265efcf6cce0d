package recon_test

import (
	"fmt"

	"selvage/edge/recon"
)

func ExampleParse() {
	v, err := recon.Parse([]byte(`@update(key: air) { temp: 21.50, note: "ok" }`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(v.Tag(), v.Header("update").Get("key"), v.Body().Get("temp"))
	fmt.Println(v)
	// Output:
	// update air 21.5
	// @update(key:air){temp:21.5,note:ok}
}

func ExampleCodecOf() {
	type Reading struct {
		Value float64
		Unit  string `recon:",omitempty"`
	}
	readings, err := recon.CodecOf[Reading]()
	if err != nil {
		fmt.Println(err)
		return
	}
	text, _ := readings.Append(nil, Reading{21.5, "Cel"})
	fmt.Printf("%s\n", text)
	_, err = readings.Decode([]byte(`{value:warm}`))
	fmt.Println(err)
	// Output:
	// {value:21.5,unit:Cel}
	// value: want a number, read text "warm"
}

func ExampleRecord() {
	v := recon.Record(
		recon.Attr("reading", recon.Record(recon.Field("unit", recon.String("Cel")))),
		recon.Of(recon.Float(21.5)),
	)
	fmt.Println(v)
	fmt.Printf("%s\n", recon.AppendJSON(nil, v))
	// Output:
	// @reading(unit:Cel) 21.5
	// {"@reading":{"unit":"Cel"},"$1":21.5}
}
