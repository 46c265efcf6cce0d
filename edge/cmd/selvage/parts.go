package main

// The one list of all drivers, agents and uplinks. Leaving one out makes the program smaller.
import (
	_ "selvage/agents/bench"
	_ "selvage/agents/climate"
	_ "selvage/drivers/bus"
	_ "selvage/drivers/gpio"
	_ "selvage/drivers/sht4x"
	_ "selvage/drivers/sim"
	_ "selvage/drivers/system"
	_ "selvage/uplink/mqtt"
	_ "selvage/uplink/warp"
)
