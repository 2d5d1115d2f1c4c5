//! Plots as SVG, in the colours of the page that they stand in.

use rialto_lab::Estimate;
use std::fmt::Write;

/// A plot's width; its height follows from what is in it.
const WIDTH: f64 = 640.0;
const LABELS: f64 = 190.0;
const VALUES: f64 = 110.0;
const ROW: f64 = 24.0;
const MARGIN: f64 = 40.0;

/// One horizontal bar for each name, with its interval.
pub(super) fn bars(rows: &[(String, Estimate)]) -> String {
    let half = |it: &Estimate| if it.half.is_finite() { it.half } else { 0.0 };
    let least = rows.iter().map(|(_, it)| it.mean - half(it)).fold(0.0, f64::min);
    let most = rows.iter().map(|(_, it)| it.mean + half(it)).fold(least + 1e-12, f64::max);
    let place = |value: f64| {
        let share = (value.clamp(least, most) - least) / (most - least);
        LABELS + share * (WIDTH - LABELS - VALUES)
    };
    let mut inner = String::new();
    for ((name, estimate), at) in rows.iter().zip(0u32..) {
        let y = f64::from(at) * ROW + 4.0;
        let (from, to) = (place(estimate.mean.min(0.0)), place(estimate.mean.max(0.0)));
        let middle = y + 11.0;
        let _ = write!(
            inner,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"bar\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"16\" rx=\"2\"/>",
            LABELS - 8.0,
            middle + 2.0,
            escaped(name),
            (to - from).max(1.0),
        );
        if estimate.half.is_finite() && estimate.half > 0.0 {
            let (low, high) = (estimate.mean - estimate.half, estimate.mean + estimate.half);
            let (low, high) = (place(low), place(high));
            let _ = write!(
                inner,
                "<line class=\"interval\" x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>"
            );
        }
        let _ = write!(
            inner,
            "<text class=\"value\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            WIDTH - VALUES + 8.0,
            middle + 2.0,
            shown(*estimate)
        );
    }
    let zero = place(0.0);
    let height = rows.len() as f64 * ROW + 8.0;
    let _ = write!(
        inner,
        "<line class=\"axis\" x1=\"{zero:.1}\" x2=\"{zero:.1}\" y1=\"0\" y2=\"{height:.1}\"/>"
    );
    framed(height, &inner)
}

/// A dot for each pair, and the line on which both are equal.
pub(super) fn dots(points: &[(String, f64, f64)], across: &str, up: &str) -> String {
    let most = points.iter().map(|(_, x, y)| x.max(*y)).fold(1e-12, f64::max);
    let height = 360.0;
    let x = |value: f64| MARGIN + value / most * (WIDTH - 2.0 * MARGIN);
    let y = |value: f64| height - MARGIN - value / most * (height - 2.0 * MARGIN);
    let across = format!("{across}, up to {}", number(most));
    let mut inner = axes(height, &across, &format!("{up}, up to {}", number(most)));
    let _ = write!(
        inner,
        "<line class=\"even\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
        x(0.0),
        y(0.0),
        x(most),
        y(most)
    );
    for (name, across, up) in points {
        let _ = write!(
            inner,
            "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\"><title>{}</title></circle>",
            x(*across),
            y(*up),
            escaped(name)
        );
    }
    framed(height, &inner)
}

/// Shares that change with a share, both from nothing to all, with intervals.
pub(super) fn curve(points: &[(f64, Estimate)], across: &str, up: &str) -> String {
    let height = 280.0;
    let most = points.iter().map(|(at, _)| *at).fold(1e-12, f64::max);
    let x = |value: f64| MARGIN + value / most * (WIDTH - 2.0 * MARGIN);
    let y = |value: f64| height - MARGIN - value.clamp(0.0, 1.0) * (height - 2.0 * MARGIN);
    let mut inner = axes(height, across, up);
    let line: Vec<String> = points
        .iter()
        .map(|(at, estimate)| format!("{:.1},{:.1}", x(*at), y(estimate.mean)))
        .collect();
    let _ = write!(inner, "<polyline class=\"line\" points=\"{}\"/>", line.join(" "));
    for (at, estimate) in points {
        let half = if estimate.half.is_finite() { estimate.half } else { 0.0 };
        let _ = write!(
            inner,
            "<line class=\"interval\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{1:.1}\" y2=\"{2:.1}\"/>\
             <circle class=\"dot\" cx=\"{0:.1}\" cy=\"{3:.1}\" r=\"5\"/>\
             <text class=\"value\" x=\"{0:.1}\" y=\"{4:.1}\" text-anchor=\"middle\">{5}</text>",
            x(*at),
            y(estimate.mean - half),
            y(estimate.mean + half),
            y(estimate.mean),
            y(estimate.mean) - 12.0,
            number(estimate.mean)
        );
    }
    framed(height, &inner)
}

fn axes(height: f64, across: &str, up: &str) -> String {
    format!(
        "<line class=\"axis\" x1=\"{MARGIN}\" y1=\"{0:.1}\" x2=\"{1:.1}\" y2=\"{0:.1}\"/>\
         <line class=\"axis\" x1=\"{MARGIN}\" y1=\"{2:.1}\" x2=\"{MARGIN}\" y2=\"{0:.1}\"/>\
         <text x=\"{1:.1}\" y=\"{3:.1}\" text-anchor=\"end\">{4}</text>\
         <text x=\"{MARGIN}\" y=\"16\">{5}</text>",
        height - MARGIN,
        WIDTH - MARGIN,
        24.0,
        height - 12.0,
        escaped(across),
        escaped(up)
    )
}

fn framed(height: f64, inner: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\">{inner}</svg>"
    )
}

/// A number with its interval.
pub(super) fn shown(estimate: Estimate) -> String {
    match estimate.half {
        half if half == 0.0 || !half.is_finite() => number(estimate.mean),
        half => format!("{} ± {}", number(estimate.mean), number(half)),
    }
}

/// Three or four digits that count.
pub(super) fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let trimmed = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    if trimmed == "-0" { "0".to_owned() } else { trimmed.to_owned() }
}

/// Text that can stand in HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_count() {
        let all = [0.0, -0.0001, 0.12345, 1.5, 12.34, 1234.5].map(number);
        assert_eq!(all, ["0", "0", "0.123", "1.5", "12.3", "1234"]);
        assert_eq!(shown(Estimate { mean: 0.5, half: 0.01 }), "0.5 ± 0.01");
        assert_eq!(shown(Estimate { mean: 2.0, half: f64::INFINITY }), "2");
    }

    #[test]
    fn names_cannot_break_a_page() {
        let plot = bars(&[("<script>".to_owned(), Estimate::exact(1.0))]);
        assert!(plot.contains("&lt;script&gt;") && !plot.contains("<script>"), "{plot}");
    }

    /// A bar for less than nothing ends where that for nothing begins.
    #[test]
    fn bars_begin_at_nothing() {
        let plot = bars(&[
            ("down".to_owned(), Estimate::exact(-1.0)),
            ("up".to_owned(), Estimate::exact(1.0)),
        ]);
        assert!(plot.contains("x=\"190.0\" y=\"4.0\" width=\"170.0\""), "{plot}");
        assert!(plot.contains("x=\"360.0\" y=\"28.0\" width=\"170.0\""), "{plot}");
    }
}
