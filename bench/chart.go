package main

import (
	"fmt"
	"html"
	"strings"
)

const (
	chartWidth  = 640
	chartLeft   = 160 // room for names
	chartRight  = 110 // room for figures
	chartTop    = 40
	barHeight   = 22
	barDistance = 36
)

// svg is a bar for each candidate, with a line to what else its form has there.
func (r *report) svg() string {
	var longest float64
	bars := 0
	for _, row := range r.rows {
		if row.failure == "" {
			longest = max(longest, row.value, row.line)
			bars++
		}
	}
	height := chartTop + bars*barDistance + 10

	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" `+
		`font-family="sans-serif" font-size="13" fill="#555">`+"\n", chartWidth, height, chartWidth, height)
	fmt.Fprintf(&out, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", chartWidth, height)
	fmt.Fprintf(&out, `<text x="10" y="22" font-weight="bold">%s, %s</text>`+"\n",
		html.EscapeString(r.of.title), html.EscapeString(r.form.chart))
	y := chartTop
	for _, row := range r.rows {
		if row.failure == "" {
			out.WriteString(r.bar(row, y, longest))
			y += barDistance
		}
	}
	out.WriteString("</svg>\n")
	return out.String()
}

func (r *report) bar(row row, y int, longest float64) string {
	room := float64(chartWidth - chartLeft - chartRight)
	width := func(value float64) float64 { return room * ratio(value, longest) }
	colour := "#9aa7b4"
	if strings.HasPrefix(row.name, "library") {
		colour = "#2f6fb2"
	}
	middle, textLine := y+barHeight/2, y+barHeight-6
	end, line := chartLeft+width(row.value), chartLeft+width(row.line)

	var out strings.Builder
	fmt.Fprintf(&out, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n",
		chartLeft-8, textLine, html.EscapeString(row.name))
	fmt.Fprintf(&out, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n",
		chartLeft, y, width(row.value), barHeight, colour)
	fmt.Fprintf(&out, `<path d="M%.1f %dH%.1fM%.1f %dv10" stroke="#333" fill="none"/>`+"\n",
		end, middle, line, line, middle-5)
	fmt.Fprintf(&out, `<text x="%.1f" y="%d">%s (%s×)</text>`+"\n",
		line+6, textLine, r.form.label(row.value), ratioTexts(row.ratios)[0])
	return out.String()
}
