import Bookkeeping

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// Predicted against measured, both on logarithmic axes: a dot a row, the diagonal, a band of ±10 % around it.
///
/// Drawn in the reader's own colors: ink and paper follow the light or dark scheme, and series differ in shape as well
/// as in color.
struct ScatterChart {
  struct Point: Hashable {
    let series: String
    let x, y: Double
    /// What a pointer over the dot says.
    let label: String
  }

  let title: String
  let xTitle, yTitle: String
  /// Values at or below zero have no place on a logarithmic axis and are left out.
  let points: [Point]

  private static let plot = (left: 64.0, top: 44.0, size: 520.0)
  private static let legendLeft = 612.0
  private static let width = 860.0
  private static let rowHeight = 20.0

  /// Colors that stay apart for color-blind readers and on both papers (after Okabe and Ito 2008), used again with
  /// another shape.
  private static let colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7b61c4", "#8c8c8c"]

  var svg: String {
    let drawn = points.filter { $0.x > 0 && $0.y > 0 && $0.x.isFinite && $0.y.isFinite }
    let range = ScatterChart.range(drawn)
    let series = Set(drawn.map(\.series)).sorted()
    let plot = ScatterChart.plot
    let height = max(plot.top + plot.size + 60, plot.top + Double(series.count + 2) * ScatterChart.rowHeight)
    var body = ScatterChart.style
    body += SVG.element("title", [:], SVG.escaped(title))
    body += SVG.element(
      "rect", ["class": "paper", "width": SVG.number(ScatterChart.width), "height": SVG.number(height)])
    body += text(plot.left, 24, title, "title")
    body += band(range) + axes(range)
    for (place, name) in series.enumerated() {
      let mark = Mark(place: place, colors: ScatterChart.colors)
      let dots = drawn.filter { $0.series == name }
      body += SVG.element(
        "g", ["fill": mark.color, "stroke": mark.color],
        "\n"
          + dots.map { point in
            let place = (
              x: position(point.x, range), y: 2 * plot.top + plot.size - position(point.y, range, vertical: true)
            )
            return mark.drawn(x: place.x, y: place.y, label: point.label)
          }.joined())
      let row = plot.top + Double(place) * ScatterChart.rowHeight + 8
      body += SVG.element(
        "g", ["fill": mark.color, "stroke": mark.color],
        mark.drawn(x: ScatterChart.legendLeft, y: row, label: name))
      body += text(ScatterChart.legendLeft + 14, row + 4, "\(name) (\(dots.count))", "label")
    }
    return SVG.element(
      "svg",
      [
        "xmlns": "http://www.w3.org/2000/svg", "viewBox": "0 0 \(SVG.number(ScatterChart.width)) \(SVG.number(height))",
        "width": SVG.number(ScatterChart.width), "height": SVG.number(height), "role": "img",
      ], "\n" + body)
  }

  // MARK: Axes

  /// From the decade's 1, 2 or 5 below the least value to the one above the largest.
  private static func range(_ points: [Point]) -> ClosedRange<Double> {
    let values = points.flatMap { [$0.x, $0.y] }
    guard let least = values.min(), let most = values.max() else { return 1...10 }
    let ticks = ScatterChart.ticks
    let low = ticks.last { $0 <= least } ?? least
    let high = ticks.first { $0 >= most } ?? most
    return low < high ? low...high : low...(low * 2)
  }

  private static let ticks: [Double] = (-3...6).flatMap { power in [1.0, 2, 5].map { $0 * pow(10, Double(power)) } }

  /// A place along an axis; on the vertical one counted from the bottom, shifted so that both begin at the same corner.
  private func position(_ value: Double, _ range: ClosedRange<Double>, vertical: Bool = false) -> Double {
    let share = log(value / range.lowerBound) / log(range.upperBound / range.lowerBound)
    return (vertical ? ScatterChart.plot.top : ScatterChart.plot.left) + share * ScatterChart.plot.size
  }

  private func axes(_ range: ClosedRange<Double>) -> String {
    let plot = ScatterChart.plot
    let bottom = plot.top + plot.size
    var body = SVG.element(
      "rect",
      [
        "class": "frame", "x": SVG.number(plot.left), "y": SVG.number(plot.top), "width": SVG.number(plot.size),
        "height": SVG.number(plot.size),
      ])
    for tick in ScatterChart.ticks where range.contains(tick) {
      let x = position(tick, range)
      let y = plot.top + bottom - position(tick, range, vertical: true)
      body += line(x, plot.top, x, bottom, "grid") + line(plot.left, y, plot.left + plot.size, y, "grid")
      let label = tick >= 1 ? "\(Int(tick))" : Fixed.text(tick, decimals: tick >= 0.1 ? 1 : 3)
      body += text(x, bottom + 18, label, "label middle") + text(plot.left - 8, y + 4, label, "label end")
    }
    body += text(plot.left + plot.size / 2, bottom + 40, xTitle, "label middle")
    let middle = plot.top + plot.size / 2
    body += SVG.element(
      "text", ["class": "label middle", "transform": "translate(18 \(SVG.number(middle))) rotate(-90)"],
      SVG.escaped(yTitle))
    return body
  }

  /// The diagonal, and the strip in which predictions are within a tenth of what was measured.
  private func band(_ range: ClosedRange<Double>) -> String {
    let plot = ScatterChart.plot
    let right = plot.left + plot.size
    let bottom = plot.top + plot.size
    let perUnit = plot.size / log(range.upperBound / range.lowerBound)
    let (above, below) = (perUnit * log(1.1), -perUnit * log(0.9))
    let corners = [
      (plot.left, bottom - above), (right - above, plot.top), (right, plot.top), (right, plot.top + below),
      (plot.left + below, bottom), (plot.left, bottom),
    ]
    let path = corners.map { "\(SVG.number($0.0)),\(SVG.number($0.1))" }.joined(separator: " ")
    return SVG.element("polygon", ["class": "band", "points": path])
      + line(plot.left, bottom, right, plot.top, "diagonal")
  }

  private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) -> String {
    SVG.element(
      "line",
      [
        "class": style, "x1": SVG.number(x1), "y1": SVG.number(y1), "x2": SVG.number(x2), "y2": SVG.number(y2),
      ])
  }

  private func text(_ x: Double, _ y: Double, _ content: String, _ style: String) -> String {
    SVG.element("text", ["class": style, "x": SVG.number(x), "y": SVG.number(y)], SVG.escaped(content))
  }

  private static let style = """
    <style>
    .paper { fill: #ffffff; } .title, .label { fill: #1f2328; font-family: system-ui, sans-serif; }
    .title { font-size: 16px; font-weight: 600; } .label { font-size: 12px; }
    .middle { text-anchor: middle; } .end { text-anchor: end; }
    .frame { fill: none; stroke: #8c959f; } .grid { stroke: #d0d7de; stroke-width: 0.5; }
    .diagonal { stroke: #57606a; } .band { fill: #57606a; fill-opacity: 0.12; }
    .dot { fill-opacity: 0.55; stroke-width: 1; }
    @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117; } .title, .label { fill: #e6edf3; } .frame { stroke: #6e7681; }
    .grid { stroke: #30363d; } .diagonal { stroke: #9da7b3; } .band { fill: #9da7b3; } }
    </style>

    """
}

/// A series' sign: a color and a shape.
private struct Mark {
  enum Shape: CaseIterable { case circle, square, triangle }

  let color: String
  private let shape: Shape

  init(place: Int, colors: [String]) {
    color = colors[place % colors.count]
    shape = Shape.allCases[place / colors.count % Shape.allCases.count]
  }

  func drawn(x: Double, y: Double, label: String) -> String {
    let title = SVG.element("title", [:], SVG.escaped(label))
    switch shape {
    case .circle:
      return SVG.element(
        "circle", ["class": "dot", "cx": SVG.number(x), "cy": SVG.number(y), "r": "3.5"], title)
    case .square:
      return SVG.element(
        "rect",
        ["class": "dot", "x": SVG.number(x - 3.2), "y": SVG.number(y - 3.2), "width": "6.4", "height": "6.4"], title)
    case .triangle:
      let corners = [(0.0, -4.2), (4, 3), (-4, 3)]
      let path = corners.map { "\(SVG.number(x + $0.0)),\(SVG.number(y + $0.1))" }.joined(separator: " ")
      return SVG.element("polygon", ["class": "dot", "points": path], title)
    }
  }
}
