//! Curves and bars as SVG, drawn here: nothing of a page runs in the browser.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::model::{Point, reduced};

/// Points of a curve beside a name.
const SPARK_POINTS: usize = 48;

/// The heights of a picture, in units of its own; it is stretched to the place it has.
const HEIGHT: f64 = 100.0;

/// One unit for each pixel that a wide screen may give it.
const WIDTH: f64 = 1000.0;

const SPARK_WIDTH: f64 = 120.0;
const SPARK_HEIGHT: f64 = 24.0;

/// A curve beside a name, from 0 to 1.
pub(super) fn spark(points: &[Point], label: &str) -> Markup {
    let few = reduced(points.iter().copied(), points.len(), SPARK_POINTS);
    // The line is not cut in half where it lies on the edge.
    let lines = lines(&few, 1.0, SPARK_WIDTH, SPARK_HEIGHT - 2.0);
    html! {
        svg .spark role="img" aria-label=(label) width=(SPARK_WIDTH) height=(SPARK_HEIGHT)
            viewBox={ "0 -1 " (SPARK_WIDTH) " " (SPARK_HEIGHT) } {
            path .area d=(areas(&lines, SPARK_HEIGHT - 2.0)) {}
            path .line d=(joined(&lines)) {}
        }
    }
}

/// A curve in a place of its own, from 0 to `top`.
pub(super) fn curve(points: &[Point], top: f64, label: &str) -> Markup {
    let lines = lines(points, top, WIDTH, HEIGHT);
    html! {
        svg .curve role="img" aria-label=(label) preserveAspectRatio="none"
            viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } {
            path .grid d="M0 0H1000M0 50H1000M0 100H1000" {}
            path .area d=(areas(&lines, HEIGHT)) {}
            path .line d=(joined(&lines)) {}
        }
    }
}

/// A part of a whole; the number stands beside it.
pub(super) fn bar(part: f64) -> Markup {
    html! {
        svg .bar aria-hidden="true" preserveAspectRatio="none" viewBox="0 0 100 1" {
            rect .ground width="100" height="1" {}
            rect .filled width=(rounded(part.clamp(0.0, 1.0) * 100.0)) height="1" {}
        }
    }
}

/// Parts of a whole beside each other, each with the class it is drawn in.
pub(super) fn stack(parts: &[(&str, usize)], label: &str) -> Markup {
    let all: usize = parts.iter().map(|(_, part)| part).sum();
    let mut before = 0;
    html! {
        svg .stack role="img" aria-label=(label) preserveAspectRatio="none" viewBox="0 0 1000 1" {
            @for (class, part) in parts {
                @let from = before as f64 / all.max(1) as f64 * 1000.0;
                @let width = *part as f64 / all.max(1) as f64 * 1000.0;
                rect class=(class) x=(rounded(from)) width=(rounded(width)) height="1" {}
                ({ before += part; "" })
            }
        }
    }
}

/// Stretches of a curve without a gap, as the commands of a path without the first.
struct Line {
    from: f64,
    to: f64,
    path: String,
}

fn lines(points: &[Point], top: f64, width: f64, height: f64) -> Vec<Line> {
    let step = width / (points.len().max(2) - 1) as f64;
    let mut lines: Vec<Line> = Vec::new();
    let mut goes_on = false;
    for (at, point) in points.iter().enumerate() {
        let Some(value) = point else {
            goes_on = false;
            continue;
        };
        let part = if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
        let (x, y) = (rounded(at as f64 * step), rounded((1.0 - part) * height));
        match lines.last_mut().filter(|_| goes_on) {
            Some(line) => {
                line.to = x;
                let _ = write!(line.path, "L{x} {y}");
            }
            None => lines.push(Line { from: x, to: x, path: format!("{x} {y}") }),
        }
        goes_on = true;
    }
    for line in &mut lines {
        if line.from >= line.to {
            // A point alone would have no length to be drawn along.
            line.path.push_str("h1");
        }
    }
    lines
}

fn joined(lines: &[Line]) -> String {
    lines.iter().flat_map(|line| ["M", &line.path]).collect()
}

fn areas(lines: &[Line], height: f64) -> String {
    let mut areas = String::new();
    for Line { from, to, path } in lines {
        let _ = write!(areas, "M{from} {height}L{path}L{to} {height}Z");
    }
    areas
}

/// To a tenth: a finer one is seen by nobody, and sent a thousand times.
fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Curves, Measure};

    #[test]
    fn gaps_stay_gaps() {
        let drawn = lines(&[Some(0.0), Some(1.0), None, Some(0.5)], 1.0, 30.0, 10.0);
        assert_eq!(joined(&drawn), "M0 10L10 0M30 5h1");
        assert_eq!(areas(&drawn[..1], 10.0), "M0 10L0 10L10 0L10 10Z");
    }

    #[test]
    fn whatever_the_values_the_picture_has_its_size() {
        let vast = [Some(0.0), Some(f64::MAX), Some(1e39), Some(-1.0)];
        let kept = Curves::new(vast.len(), 240, |_| vast.into_iter()).of(Measure::DiskRead);
        for points in [vec![], vec![None], vec![Some(7.0)], vast.into(), kept.unwrap()] {
            for top in [0.0, 1.0, f64::MAX] {
                let picture = curve(&points, top, "<>").into_string();
                assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
                assert!(picture.contains("aria-label=\"&lt;&gt;\""), "{picture}");
            }
        }
    }

    #[test]
    fn a_long_curve_is_short_beside_a_name() {
        let points: Vec<_> = (0..10_000).map(|at| Some(f64::from(at % 7) / 7.0)).collect();
        let picture = spark(&points, "").into_string();
        assert!(picture.len() < 2_000, "{} bytes", picture.len());
    }

    #[test]
    fn parts_fill_the_whole() {
        let drawn = stack(&[("a", 1), ("b", 3)], "").into_string();
        assert!(drawn.contains("x=\"250\" width=\"750\""), "{drawn}");
        assert!(stack(&[], "").into_string().contains("svg"));
    }
}
