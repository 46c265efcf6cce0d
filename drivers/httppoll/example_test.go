package httppoll_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"selvage/drivers/fields"
	"selvage/drivers/httppoll"
)

func Example() {
	inverter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"Body": {"Data": {"Site": {"P_PV": 2312.5, "rel_Autonomy": null}}}}`)
	}))
	defer inverter.Close()
	dev, err := httppoll.Open(context.Background(), httppoll.Config{
		URL: inverter.URL, Method: http.MethodGet,
		Channel: map[string]fields.Channel{"power": {Path: "Body.Data.Site.P_PV", Unit: "W"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	sample, err := dev.Read(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sample[0].Channel, sample[0].Value)
	// Output:
	// power 2312.5
}
