package main

// The one list of all drivers, agents and uplinks. Leaving one out makes the program smaller.
import (
	_ "selvage/agents/aggregate"
	_ "selvage/agents/alarm"
	_ "selvage/agents/bench"
	_ "selvage/agents/board"
	_ "selvage/agents/climate"
	_ "selvage/agents/filter"
	_ "selvage/agents/rule"
	_ "selvage/agents/schedule"
	_ "selvage/agents/window"
	_ "selvage/drivers/ads1115"
	_ "selvage/drivers/bmx280"
	_ "selvage/drivers/bus"
	_ "selvage/drivers/ds3231"
	_ "selvage/drivers/gpio"
	_ "selvage/drivers/ina219"
	_ "selvage/drivers/ina226"
	_ "selvage/drivers/max31855"
	_ "selvage/drivers/mcp3008"
	_ "selvage/drivers/sht3x"
	_ "selvage/drivers/sht4x"
	_ "selvage/drivers/sim"
	_ "selvage/drivers/system"
	_ "selvage/uplink/mqtt"
	_ "selvage/uplink/warp"
)
