//! Plots in the colours of the page that they stand in: bars that fit any width, and curves and dots as SVG.

use rialto_lab::Estimate;
use std::fmt::Write;

/// The size of a plot with two axes.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 320.0;
/// What is left for numbers and words beside the axes.
const LEFT: f64 = 66.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 48.0;

/// One horizontal bar for each name, with its interval, over a scale in `unit`.
pub(super) fn bars(rows: &[(String, Estimate)], unit: &str) -> String {
    let least = rows.iter().map(|(_, it)| it.mean - half(it)).fold(0.0, f64::min);
    let most = rows.iter().map(|(_, it)| it.mean + half(it)).fold(least + 1e-12, f64::max);
    let mut inner = String::new();
    for (name, estimate) in rows {
        let place = |value: f64| 100.0 * (value.clamp(least, most) - least) / (most - least);
        let (from, to) = (place(estimate.mean.min(0.0)), place(estimate.mean.max(0.0)));
        let bar = format!(
            "<i class=\"bar\" style=\"left:{from:.2}%;width:{:.2}%\"></i>{}",
            to - from,
            interval(place(estimate.mean - half(estimate)), place(estimate.mean + half(estimate)))
        );
        inner += &row(&escaped(name), &bar, &shown(*estimate));
    }
    rows_over_scale(&inner, (least, most), unit)
}

/// How far numbers are from what they should be, in tolerances, with their intervals.
pub(super) fn deviations(rows: &[(String, Estimate)]) -> String {
    const MOST: f64 = 1.5;
    let mut inner = String::new();
    for (name, off) in rows {
        let place = |value: f64| 100.0 * (value.clamp(-MOST, MOST) + MOST) / (2.0 * MOST);
        let band = format!(
            "<i class=\"band\" style=\"left:{:.2}%;width:{:.2}%\"></i>",
            place(-1.0),
            place(1.0) - place(-1.0)
        );
        let point = format!(
            "{band}{}<i class=\"point\" style=\"left:{:.2}%\"></i>",
            interval(place(off.mean - half(off)), place(off.mean + half(off))),
            place(off.mean)
        );
        inner += &row(&escaped(name), &point, &shown(*off));
    }
    rows_over_scale(&inner, (-MOST, MOST), "off, in tolerances")
}

/// One line of a plot of lines: a name, what is drawn from left to right, and the number.
fn row(name: &str, track: &str, value: &str) -> String {
    format!(
        "<div class=\"row\"><span class=\"name\">{name}</span><span class=\"track\">{track}</span>\
         <span class=\"value\">{value}</span></div>\n"
    )
}

fn rows_over_scale(rows: &str, (least, most): (f64, f64), unit: &str) -> String {
    let mut ticks = String::new();
    for tick in round_steps(least, most) {
        let place = 100.0 * (tick - least) / (most - least);
        let _ = write!(ticks, "<b style=\"left:{place:.2}%\">{}</b>", number(tick));
    }
    let scale = format!(
        "<div class=\"row scale\"><span class=\"name\">{}</span><span class=\"track\">{ticks}</span>\
         <span class=\"value\"></span></div>",
        escaped(unit)
    );
    format!("<div class=\"rows\">\n{rows}{scale}</div>")
}

/// From one share of the width, in hundredths, to another; nothing where there is no interval.
fn interval(from: f64, to: f64) -> String {
    match to > from {
        true => {
            format!("<i class=\"interval\" style=\"left:{from:.2}%;width:{:.2}%\"></i>", to - from)
        }
        false => String::new(),
    }
}

/// Half of an interval that can be drawn.
fn half(estimate: &Estimate) -> f64 {
    if estimate.half.is_finite() { estimate.half } else { 0.0 }
}

/// Three to six numbers of few digits between two.
fn round_steps(least: f64, most: f64) -> Vec<f64> {
    let raw = (most - least) / 4.0;
    let magnitude = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|step| step * magnitude);
    let step = step.into_iter().find(|step| *step >= raw * 0.999).unwrap_or(raw);
    let first = (least / step).ceil() as i64;
    let last = (most / step * (1.0 + 1e-9)).floor() as i64;
    (first..=last).map(|nth| nth as f64 * step).collect()
}

/// Where a share of the width, and of the height from below, is.
fn across_of(share: f64) -> f64 {
    LEFT + share * (WIDTH - LEFT - RIGHT)
}

fn up_of(share: f64) -> f64 {
    HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
}

/// A dot for each pair, and the line on which both are equal.
pub(super) fn dots(points: &[(String, f64, f64)], across: &str, up: &str) -> String {
    let most = points.iter().map(|(_, x, y)| x.max(*y)).fold(1e-12, f64::max);
    let mut inner = axes(most, most, across, up);
    let _ = write!(
        inner,
        "<line class=\"even\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
        across_of(0.0),
        up_of(0.0),
        across_of(1.0),
        up_of(1.0)
    );
    for (name, across, up) in points {
        let _ = write!(
            inner,
            "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\"><title>{}: {} and {}</title></circle>",
            across_of(across / most),
            up_of(up / most),
            escaped(name),
            number(*across),
            number(*up)
        );
    }
    framed(&inner)
}

/// Shares that change with a share, with intervals: upwards from nothing to all.
pub(super) fn curve(points: &[(f64, Estimate)], across: &str, up: &str) -> String {
    let most = points.iter().map(|(at, _)| *at).fold(1e-12, f64::max);
    let x = |value: f64| across_of(value / most);
    let y = |value: f64| up_of(value.clamp(0.0, 1.0));
    let mut inner = axes(most, 1.0, across, up);
    let line: Vec<String> = points
        .iter()
        .map(|(at, estimate)| format!("{:.1},{:.1}", x(*at), y(estimate.mean)))
        .collect();
    let _ = write!(inner, "<polyline class=\"line\" points=\"{}\"/>", line.join(" "));
    for (at, estimate) in points {
        let half = half(estimate);
        let _ = write!(
            inner,
            "<line class=\"interval\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{1:.1}\" y2=\"{2:.1}\"/>\
             <circle class=\"dot\" cx=\"{0:.1}\" cy=\"{3:.1}\" r=\"5\"><title>{4}</title></circle>",
            x(*at),
            y(estimate.mean - half),
            y(estimate.mean + half),
            y(estimate.mean),
            shown(*estimate)
        );
    }
    framed(&inner)
}

/// Two axes from nothing to the most, with round numbers and what they count.
fn axes(most_across: f64, most_up: f64, across: &str, up: &str) -> String {
    let mut inner = format!(
        "<text class=\"value\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
         <text class=\"value\" x=\"0\" y=\"14\">{}</text>",
        across_of(1.0),
        HEIGHT - 10.0,
        escaped(across),
        escaped(up)
    );
    for tick in round_steps(0.0, most_across) {
        let x = across_of(tick / most_across);
        let _ = write!(
            inner,
            "<text class=\"value\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            up_of(0.0) + 17.0,
            number(tick)
        );
    }
    for tick in round_steps(0.0, most_up) {
        let y = up_of(tick / most_up);
        let _ = write!(
            inner,
            "<line class=\"grid\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"value\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            across_of(0.0),
            across_of(1.0),
            LEFT - 7.0,
            y + 4.5,
            number(tick)
        );
    }
    inner
}

fn framed(inner: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\">{inner}</svg>"
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
    fn scales_have_round_numbers() {
        assert_eq!(round_steps(0.0, 1.0), [0.0, 0.5, 1.0]);
        assert_eq!(round_steps(-0.12, 0.3), [0.0, 0.2]);
        assert_eq!(round_steps(0.0, 517.0), [0.0, 200.0, 400.0]);
        assert_eq!(round_steps(0.0, 1e-12).len(), 3);
    }

    #[test]
    fn names_cannot_break_a_page() {
        let plot = bars(&[("<script>".to_owned(), Estimate::exact(1.0))], "<b>");
        assert!(plot.contains("&lt;script&gt;") && !plot.contains("<script>"), "{plot}");
        assert!(plot.contains("&lt;b&gt;"), "{plot}");
    }

    /// A bar for less than nothing ends where that for nothing begins.
    #[test]
    fn bars_begin_at_nothing() {
        let plot = bars(
            &[
                ("down".to_owned(), Estimate::exact(-1.0)),
                ("up".to_owned(), Estimate { mean: 0.5, half: 0.5 }),
            ],
            "s",
        );
        let bars: Vec<&str> = plot.lines().filter(|line| line.contains("\"bar\"")).collect();
        assert!(
            bars[0].contains("left:0.00%;width:50.00%") && !bars[0].contains("interval"),
            "{plot}"
        );
        assert!(bars[1].contains("\"bar\" style=\"left:50.00%;width:25.00%\""), "{plot}");
        assert!(bars[1].contains("\"interval\" style=\"left:50.00%;width:50.00%\""), "{plot}");
    }

    #[test]
    fn what_is_far_off_stays_within_its_plot() {
        let plot = deviations(&[("far".to_owned(), Estimate { mean: 9.0, half: 0.5 })]);
        assert!(plot.contains("\"point\" style=\"left:100.00%\""), "{plot}");
    }
}
