//! Plots, as SVG.

use plotters::prelude::*;

use crate::figure::Figure;

const SIZE: (u32, u32) = (960, 480);
/// Told apart by people who see colours in different ways.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
    RGBColor(150, 150, 0),
];

/// A curve: its name, and its points.
type Curve = (String, Vec<(f64, f64)>);

/// Latency by percentile, of each figure.
pub(super) fn percentiles(figures: &[&Figure]) -> anyhow::Result<String> {
    let curve = |figure: &&Figure| {
        // The distance to 100 % in powers of ten: 0.9 is at 1, 0.99 at 2, …
        let points = figure.percentiles.iter().filter(|(quantile, _)| *quantile < 1.0);
        let points = points.map(|&(quantile, ns)| (-(1.0 - quantile).log10(), micros(ns)));
        (figure.key(), points.collect())
    };
    let label = |nines: &f64| match *nines {
        nines if nines < 0.5 => "0 %".to_owned(),
        nines => format!("{} %", 100.0 - 100.0 / 10_f64.powf(nines)),
    };
    let curves = figures.iter().map(curve).collect();
    draw("Latency by percentile, µs", "percentile", curves, &label)
}

/// p99 over time, of each figure.
pub(super) fn over_time(figures: &[&Figure]) -> anyhow::Result<String> {
    let curve = |figure: &&Figure| {
        let points = figure.over_time.iter().map(|step| (step.at_s, micros(step.p99_ns)));
        (figure.key(), points.collect())
    };
    let curves = figures.iter().map(curve).collect();
    draw("p99 over time, µs", "s", curves, &|seconds| format!("{seconds:.1}"))
}

fn micros(ns: u64) -> f64 {
    ns.max(1) as f64 / 1e3
}

fn draw(
    title: &str,
    x_title: &str,
    curves: Vec<Curve>,
    x_label: &dyn Fn(&f64) -> String,
) -> anyhow::Result<String> {
    let points = || curves.iter().flat_map(|(_, points)| points.iter());
    let x_max = points().map(|(x, _)| *x).fold(1e-3, f64::max);
    let y_min = points().map(|(_, y)| *y).fold(f64::INFINITY, f64::min).min(1e9);
    let y_max = points().map(|(_, y)| *y).fold(y_min * 1.1, f64::max);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let plain = |error: &dyn std::fmt::Display| anyhow::anyhow!("the plot `{title}`: {error}");
        area.fill(&WHITE).map_err(|error| plain(&error))?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(64)
            .build_cartesian_2d(0.0..x_max, (y_min..y_max).log_scale())
            .map_err(|error| plain(&error))?;
        let mut mesh = chart.configure_mesh();
        mesh.x_desc(x_title).x_label_formatter(x_label).light_line_style(WHITE.mix(0.0));
        mesh.draw().map_err(|error| plain(&error))?;
        for (index, (name, points)) in curves.into_iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            chart
                .draw_series(LineSeries::new(points, colour.stroke_width(2)))
                .map_err(|error| plain(&error))?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        }
        let mut legend = chart.configure_series_labels();
        legend.position(SeriesLabelPosition::UpperLeft).background_style(WHITE.mix(0.85)).border_style(BLACK);
        legend.draw().map_err(|error| plain(&error))?;
        area.present().map_err(|error| plain(&error))?;
    }
    Ok(svg)
}
