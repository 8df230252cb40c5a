package main

import (
	"fmt"
	"html"
	"strings"
	"time"
)

const (
	chartWidth  = 640
	chartLeft   = 130 // room for names
	chartRight  = 110 // room for figures
	chartTop    = 40
	barHeight   = 22
	barDistance = 36
)

// svg is a bar for each candidate's median, with a line to its p90.
func (r *report) svg() string {
	var longest time.Duration
	bars := 0
	for _, row := range r.rows {
		if row.failure == "" {
			longest = max(longest, row.p90)
			bars++
		}
	}
	height := chartTop + bars*barDistance + 10

	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" `+
		`font-family="sans-serif" font-size="13" fill="#555">`+"\n", chartWidth, height, chartWidth, height)
	fmt.Fprintf(&out, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", chartWidth, height)
	fmt.Fprintf(&out, `<text x="10" y="22" font-weight="bold">%s, ms: median (bar) and p90 (line)</text>`+"\n",
		html.EscapeString(r.of.title))
	y := chartTop
	for _, row := range r.rows {
		if row.failure == "" {
			out.WriteString(bar(row, y, longest))
			y += barDistance
		}
	}
	out.WriteString("</svg>\n")
	return out.String()
}

func bar(row row, y int, longest time.Duration) string {
	room := float64(chartWidth - chartLeft - chartRight)
	width := func(d time.Duration) float64 {
		if longest == 0 {
			return 0
		}
		return room * float64(d) / float64(longest)
	}
	colour := "#9aa7b4"
	if strings.HasPrefix(row.name, "library") {
		colour = "#2f6fb2"
	}
	middle, textLine := y+barHeight/2, y+barHeight-6
	median, p90 := chartLeft+width(row.median), chartLeft+width(row.p90)

	var out strings.Builder
	fmt.Fprintf(&out, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n",
		chartLeft-8, textLine, html.EscapeString(row.name))
	fmt.Fprintf(&out, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n",
		chartLeft, y, width(row.median), barHeight, colour)
	fmt.Fprintf(&out, `<path d="M%.1f %dH%.1fM%.1f %dv10" stroke="#333" fill="none"/>`+"\n",
		median, middle, p90, p90, middle-5)
	fmt.Fprintf(&out, `<text x="%.1f" y="%d">%s (%s×)</text>`+"\n",
		p90+6, textLine, milliseconds(row.median), times(row.ratios[:1], ""))
	return out.String()
}
