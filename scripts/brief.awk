# Shortens `go test -v`: one line for a package that passes, everything that matters of one
# that fails. Appends the tests that skip themselves to the file in `skips`.
/^=== / { next }
/^ *--- PASS/ { next }
/^ *--- SKIP/ {
    sub(/^ *[a-z_0-9]+_test\.go:[0-9]+: /, "", last)
    skip[++skipping] = $3 ": " last
    next
}
/^\?.*\[no test files\]$/ || /^(PASS|FAIL)$/ { next }
/^ok  \t/ { print; done(); next }
/^FAIL\t/ { for (i = 1; i <= lines; i++) print line[i]; print; done(); next }
{ line[++lines] = last = $0 }
END { for (i = 1; i <= lines; i++) print line[i] }

function done(  i) {
    for (i = 1; i <= skipping; i++) print $2 " " skip[i] >> skips
    lines = skipping = 0
    last = ""
}
