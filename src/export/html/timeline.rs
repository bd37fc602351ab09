//! The timeline: phases, steps, checks and repairs as bars.

use super::markup::{Page, class};
use crate::domain::units;
use crate::export::timeline::{Bar, Row, Timeline};
use crate::export::words::Tone;

/// What the colours and patterns mean.
const LEGEND: &str = "<ul class=\"legend\" aria-hidden=\"true\">\
    <li><i class=\"bar good\"></i>went well</li><li><i class=\"bar bad\"></i>failed</li>\
    <li><i class=\"bar warn\"></i>broken off or excused</li><li><i class=\"bar busy\"></i>under way</li></ul>\n";

/// Bars drawn are at most so many; a run has more only if something went very wrong.
const BARS: usize = 600;

pub(super) fn timeline(timeline: &Timeline) -> Page {
    let mut page = Page::default();
    if timeline.rows.is_empty() {
        return page;
    }
    page.raw("<div class=\"timeline\" role=\"img\" aria-label=\"Bars of the phases, steps, checks and repairs over ");
    page.text(&units::duration(timeline.total_ms))
        .raw("; the table below says the same\">\n");
    for row in &timeline.rows {
        draw(&mut page, row, timeline);
    }
    axis(&mut page, timeline);
    page.raw("</div>\n").raw(LEGEND);
    for (at, length) in &timeline.pauses {
        page.raw("<p class=\"note\">After ")
            .text(&units::duration(*at));
        page.raw(" the run stood still for ")
            .text(&units::duration(*length));
        page.raw("; the line of time is cut there.</p>\n");
    }
    table(&mut page, timeline);
    page
}

fn draw(page: &mut Page, row: &Row, timeline: &Timeline) {
    page.raw("<div class=\"row\"><span class=\"name\">")
        .raw(row.name);
    page.raw("</span><div class=\"track\">");
    for bar in row.bars.iter().take(BARS) {
        page.raw("<span class=\"bar ")
            .raw(class(bar.tone))
            .raw("\" style=\"left:");
        page.percent(bar.from_ms, timeline.total_ms).raw(";width:");
        page.percent(bar.to_ms - bar.from_ms.min(bar.to_ms), timeline.total_ms);
        page.raw("\" title=\"").text(&told(bar)).raw("\">");
        page.text(&bar.label).raw("</span>");
    }
    for (at, _) in &timeline.pauses {
        page.raw("<span class=\"pause\" style=\"left:")
            .percent(*at, timeline.total_ms);
        page.raw("\"></span>");
    }
    page.raw("</div></div>\n");
}

fn told(bar: &Bar) -> String {
    let length = bar.to_ms.saturating_sub(bar.from_ms);
    format!("{} ({})", bar.title, units::duration(length))
}

fn axis(page: &mut Page, timeline: &Timeline) {
    page.raw("<div class=\"row axis\"><span class=\"name\"></span><div class=\"ticks\">");
    for quarter in 0..=4 {
        page.raw("<span>")
            .text(&units::duration(timeline.total_ms * quarter / 4))
            .raw("</span>");
    }
    page.raw("</div></div>\n");
}

fn table(page: &mut Page, timeline: &Timeline) {
    page.raw("<details><summary>As a table</summary><div class=\"scroll\"><table><thead><tr>");
    page.raw("<th scope=\"col\">what</th><th scope=\"col\">how it went</th>");
    page.raw("<th scope=\"col\" class=\"n\">begins after</th><th scope=\"col\" class=\"n\">takes</th></tr></thead><tbody>\n");
    let mut bars: Vec<(&'static str, &Bar)> = timeline
        .rows
        .iter()
        .flat_map(|row| row.bars.iter().take(BARS).map(|bar| (row.name, bar)))
        .collect();
    bars.sort_by_key(|(_, bar)| bar.from_ms);
    for (name, bar) in bars {
        page.raw("<tr><td>").raw(name).raw("</td><td class=\"");
        page.raw(if bar.tone == Tone::Bad {
            "t bad-text"
        } else {
            "t"
        });
        page.element("\">", &bar.title, "</td><td class=\"n\">");
        page.text(&units::duration(bar.from_ms))
            .raw("</td><td class=\"n\">");
        page.text(&units::duration(bar.to_ms.saturating_sub(bar.from_ms)));
        page.raw("</td></tr>\n");
    }
    page.raw("</tbody></table></div></details>\n");
}
