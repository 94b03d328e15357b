import Bookkeeping

/// Bars of stacked parts in groups, side by side, from zero up: memory by account, a bar a method, a group a model.
///
/// Ink and paper follow the reader's light or dark scheme; parts differ in lightness as well as in color.
struct StackedBars {
  struct Bar: Hashable {
    let name: String
    /// In the order of ``StackedBars/parts``.
    let values: [Double]
    /// What a pointer over the bar says.
    let label: String
  }

  struct Group: Hashable {
    let title: String
    let bars: [Bar]
  }

  let title: String
  /// Names of the parts, from the bottom up.
  let parts: [String]
  let groups: [Group]

  private static let columns = 4
  private static let plot = (width: 190.0, height: 180.0)
  private static let margin = (left: 44.0, top: 34.0, right: 14.0, bottom: 56.0)
  private static let legendHeight = 30.0

  /// After Okabe and Ito (2008), two lightnesses of most hues.
  private static let colors = [
    "#0072b2", "#56b4e9", "#009e73", "#d55e00", "#e69f00", "#cc79a7", "#f0e442", "#8c8c8c", "#7b61c4", "#c5b0e6",
    "#5a5a5a",
  ]

  var svg: String {
    let cell = (
      width: Self.margin.left + Self.plot.width + Self.margin.right,
      height: Self.margin.top + Self.plot.height + Self.margin.bottom
    )
    let columns = min(Self.columns, max(1, groups.count))
    let rows = (groups.count + columns - 1) / columns
    let width = Double(columns) * cell.width
    let height = 36 + Double(rows) * cell.height + Self.legendHeight * Double((parts.count + 5) / 6)
    var body = Self.style + SVG.element("title", [:], SVG.escaped(title))
    body += SVG.element("rect", ["class": "paper", "width": SVG.number(width), "height": SVG.number(height)])
    body += text(16, 26, title, "title")
    for (place, group) in groups.enumerated() {
      body += drawn(
        group, left: Double(place % columns) * cell.width + Self.margin.left,
        top: 36 + Double(place / columns) * cell.height + Self.margin.top)
    }
    let base = 36 + Double(rows) * cell.height
    for (place, part) in parts.enumerated() {
      let x = 16 + Double(place % 6) * (width - 16) / 6
      let y = base + Double(place / 6) * Self.legendHeight
      body += rectangle(x, y, 12, 12, color(place)) + text(x + 18, y + 10, part, "label")
    }
    return SVG.element(
      "svg",
      [
        "xmlns": "http://www.w3.org/2000/svg", "viewBox": "0 0 \(SVG.number(width)) \(SVG.number(height))",
        "width": SVG.number(width), "height": SVG.number(height), "role": "img",
      ], "\n" + body)
  }

  private func color(_ place: Int) -> String { Self.colors[place % Self.colors.count] }

  private func drawn(_ group: Group, left: Double, top: Double) -> String {
    let bottom = top + Self.plot.height
    let step = StackedBars.step(upTo: group.bars.map { $0.values.reduce(0, +) }.max() ?? 1)
    let most = step * 4
    var body = text(left, top - 12, group.title, "group")
    for tick in 0...4 {
      let y = bottom - Double(tick) / 4 * Self.plot.height
      body += SVG.element(
        "line",
        [
          "class": "grid", "x1": SVG.number(left), "y1": SVG.number(y), "x2": SVG.number(left + Self.plot.width),
          "y2": SVG.number(y),
        ])
      let value = Double(tick) * step
      body += text(left - 6, y + 4, Fixed.text(value, decimals: value == value.rounded() ? 0 : 1), "label end")
    }
    let pitch = Self.plot.width / Double(max(1, group.bars.count))
    for (place, bar) in group.bars.enumerated() {
      let x = left + (Double(place) + 0.14) * pitch
      var y = bottom
      var pieces = SVG.element("title", [:], SVG.escaped(bar.label))
      for (part, value) in bar.values.enumerated() where value > 0 {
        let height = value / most * Self.plot.height
        y -= height
        pieces += rectangle(x, y, 0.72 * pitch, height, color(part))
      }
      body += SVG.element("g", [:], pieces)
      let (tx, ty) = (SVG.number(x + 0.45 * pitch), SVG.number(bottom + 12))
      body += SVG.element(
        "text", ["class": "label end", "transform": "translate(\(tx) \(ty)) rotate(-45)"], SVG.escaped(bar.name))
    }
    return body
  }

  /// A quarter of the axis: 1, 1.5, 2, 2.5, 3, 4, 5 or 7.5 times a power of ten.
  private static func step(upTo most: Double) -> Double {
    guard most > 0, most.isFinite else { return 1 }
    var scale = 1e-6
    while scale < 1e12 {
      for digit in [1, 1.5, 2, 2.5, 3, 4, 5, 7.5] where digit * scale * 4 >= most { return digit * scale }
      scale *= 10
    }
    return most / 4
  }

  private func rectangle(_ x: Double, _ y: Double, _ width: Double, _ height: Double, _ color: String) -> String {
    SVG.element(
      "rect",
      [
        "x": SVG.number(x), "y": Fixed.text(y, decimals: 2), "width": SVG.number(width),
        "height": Fixed.text(height, decimals: 2), "fill": color,
      ])
  }

  private func text(_ x: Double, _ y: Double, _ content: String, _ style: String) -> String {
    SVG.element("text", ["class": style, "x": SVG.number(x), "y": SVG.number(y)], SVG.escaped(content))
  }

  private static let style = """
    <style>
    .paper { fill: #ffffff; } .title, .group, .label { fill: #1f2328; font-family: system-ui, sans-serif; }
    .title { font-size: 16px; font-weight: 600; } .group { font-size: 13px; font-weight: 600; }
    .label { font-size: 11px; } .end { text-anchor: end; } .grid { stroke: #d0d7de; stroke-width: 0.5; }
    @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117; } .title, .group, .label { fill: #e6edf3; } .grid { stroke: #30363d; } }
    </style>

    """
}
