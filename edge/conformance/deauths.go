package conformance

func init() {
	Differences = append(Differences,
		Difference{"sessions/auth-guarded", "line 20",
			`@deauthed`,
			"@deauthed\n@unlinked(node:\"/unit/t-guard\",lane:list)",
			"who gives up the identity that a link was granted to loses the link: it would go on telling nobody what only somebody may see"},
	)
}
