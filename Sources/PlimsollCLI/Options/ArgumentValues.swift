public import ArgumentParser
import Bookkeeping
public import Modeling
public import Reporting

// The values that flags take, under the names that the domain gives them.

extension Method.Name: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}
extension Optimizer.Implementation: ExpressibleByArgument {}
extension AttentionImplementation: ExpressibleByArgument {}
extension LossImplementation: ExpressibleByArgument {}
extension Stack: ExpressibleByArgument {}
extension Sharding: ExpressibleByArgument {}
extension ShardingSettings.Offload: ExpressibleByArgument {}
extension OutputFormat: ExpressibleByArgument {}

/// The formats in which weights and adapters can be loaded.
enum FloatingFormat: String, CaseIterable, ExpressibleByArgument {
  case bf16, fp32, fp16

  var format: ScalarFormat {
    switch self {
    case .bf16: .bf16
    case .fp32: .fp32
    case .fp16: .fp16
    }
  }
}

/// An optimizer under any of its names.
struct OptimizerName: ExpressibleByArgument {
  let named: Optimizer.Named

  init?(argument: String) {
    guard let named = Optimizer.named(argument) else { return nil }
    self.named = named
  }

  static var allValueStrings: [String] { Optimizer.Kind.allCases.map(\.rawValue) }
}
