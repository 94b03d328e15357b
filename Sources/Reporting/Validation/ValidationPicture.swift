import Bookkeeping
import Modeling
import Planning

extension ValidationReport {
  /// Predicted against measured, a dot for each scored row and a color for each source, as an SVG file.
  public var picture: String {
    func gibibytes(_ bytes: Bytes) -> Double { Double(bytes.count) / Double(1 << 30) }
    let points = validation.scored.compactMap { prediction -> ScatterChart.Point? in
      guard let measured = prediction.row.reading.bytes else { return nil }
      let predicted = prediction.predicted.expected
      return ScatterChart.Point(
        series: prediction.row.sourceKey, x: gibibytes(measured), y: gibibytes(predicted),
        label: "\(prediction.row.id), \(prediction.spec.name), \(prediction.row.setting.method): "
          + "predicted \(predicted), measured \(measured)")
    }
    return ScatterChart(
      title: "Predicted and measured memory of one GPU", xTitle: "measured (GiB)", yTitle: "predicted (GiB)",
      points: points
    ).svg
  }
}
