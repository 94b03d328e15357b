import Bookkeeping
import Planning
import Testing

@Suite struct `Errors of predictions` {
  @Test func `are summed up by hand-made numbers`() throws {
    let errors = try #require(ErrorStatistics([0.1, -0.3, 0.2, 0, -0.1]))
    #expect(errors.count == 5)
    #expect(abs(errors.median - 0.1) < 1e-12)
    #expect(abs(errors.mean - 0.14) < 1e-12)
    // Sorted sizes 0, 0.1, 0.1, 0.2, 0.3: nine tenths of four steps are 3.6, so 0.2 + 0.6 × 0.1.
    #expect(abs(errors.p90 - 0.26) < 1e-12)
    #expect(errors.worst == 0.3)
    #expect(abs(errors.bias + 0.02) < 1e-12)
    #expect(ErrorStatistics([]) == nil)
  }

  /// Rows that measured what is planned, times `factor`.
  private static func rows(_ changes: [(key: String, model: String, factor: Double)]) throws -> [Measurement] {
    let planned = try Prediction(of: MeasurementExamples.row()).allocated.expected.count
    let gibibytes = Double(planned) / Double(1 << 30)
    return try MeasurementExamples.file(
      changes.enumerated().map { place, change in
        [
          "id": "T\(place)", "source_key": change.key, "model_key": change.model,
          "measured_gib": "\(gibibytes * change.factor)",
        ]
      }
    ).measurements
  }

  @Test func `count each source and model once in the grouped mean`() throws {
    // Four rows of one source are right, one of another is planned a quarter too large.
    let validation = Validation(
      try Self.rows([("a", "m", 1), ("a", "m", 1), ("a", "m", 1), ("a", "m", 1), ("b", "m", 0.8)]))
    let mean = try #require(validation.summary.errors?.mean)
    let grouped = try #require(validation.summary.groupedMean)
    #expect(abs(mean - 0.05) < 1e-6)
    #expect(abs(grouped - 0.125) < 1e-6)
    #expect(validation.summary.pairs == 2)
    #expect(validation.summary.groups[.source]?.map(\.name) == ["a", "b"])
  }

  @Test func `a figure that was printed coarsely is inside where what it stands for may be`() throws {
    let planned = Double(try Prediction(of: MeasurementExamples.row()).allocated.expected.count) / Double(1 << 30)
    let tenths = (planned * 10).rounded() / 10
    let coarse = try MeasurementExamples.row(["raw_value": "\(tenths)", "measured_gib": "\(tenths)"])
    #expect(try Prediction(of: coarse).isInside == true)
    let far = try MeasurementExamples.row(["raw_value": "\(tenths + 0.2)", "measured_gib": "\(tenths + 0.2)"])
    #expect(try Prediction(of: far).isInside == false)
  }

  @Test func `beyond fifteen percent are outliers, with what probably explains them`() throws {
    let validation = Validation(try Self.rows([("a", "m", 1), ("a", "m", 0.5)]))
    #expect(validation.outliers.map(\.id) == ["T1"])
    #expect(try #require(validation.outliers.first).explanation.isEmpty == false)
  }

  @Test func `leave out rows of confidence C, runs out of memory and what is not to be scored`() throws {
    let file = try MeasurementExamples.file([
      ["id": "T1"], ["id": "T2", "confidence": "C"], ["id": "T3", "flag": "do-not-score"],
      ["id": "T4", "outcome": "oom", "measured_gib": ""], ["id": "T5", "optimizer": "a spell"],
    ])
    let validation = Validation(file.measurements, problems: file.problems)
    #expect(validation.scored.map(\.row.id) == ["T1"])
    #expect(validation.plausibility.map(\.row.id) == ["T2"])
    #expect(validation.unscored.map(\.row.id) == ["T3"])
    #expect(validation.outOfMemory.map(\.row.id) == ["T4"])
    // A run of SmolLM2 is far from filling 80 GB.
    #expect(validation.outOfMemory.compactMap(\.foresawOutOfMemory) == [false])
    #expect(validation.refused.map(\.row.id) == ["T5"])
    // T1, T4 and T5 are what the planner is judged by.
    #expect(validation.refusedShare == (1, 3))
  }

  @Test(arguments: [
    ("max_allocated", \Prediction.allocated), ("max_reserved", \.reserved), ("nvidia_smi", \.onDevice),
    ("unspecified", \.reserved),
  ])
  func `are of what the row measured`(metric: String, part: any KeyPath<Prediction, Interval> & Sendable) throws {
    let prediction = try Prediction(of: MeasurementExamples.row(["metric": metric]))
    #expect(prediction.predicted == prediction[keyPath: part])
    let error = try #require(prediction.error)
    #expect(abs(error - (Double(prediction.predicted.expected.count) / Double(1 << 30) - 1)) < 1e-12)
  }
}
