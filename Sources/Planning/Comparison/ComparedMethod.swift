public import Modeling

/// A method as a comparison names it: one of ours, or one of ours on another base.
public struct ComparedMethod: Hashable, Sendable {
  /// As the command line says it.
  public let name: String
  public let method: Method.Name
  /// What the base is stored in; `nil` where the request or the method decides, `nil` inside for no quantization.
  let quantization: Quantization??

  /// The ways that guides set side by side: everything, the last layers, adapters, and adapters on 8 and 4 bits.
  public static let usual = [
    ComparedMethod(.full), ComparedMethod(.freeze), ComparedMethod(.lora), ComparedMethod(.dora, on: .some(.none)),
    int8, ComparedMethod(.qlora),
  ]

  /// LoRA on a base in LLM.int8()'s codes.
  public static let int8 = ComparedMethod(name: "int8", .qlora, .some(.some(.int8)))

  /// DoRA on a base in 4-bit codes.
  static let qdora = ComparedMethod(name: "qdora", .dora, .some(.some(.nf4(double: true))))

  /// Every name there is.
  public static var names: [String] { Method.Name.allCases.map(\.rawValue) + [int8.name, qdora.name] }

  private init(_ method: Method.Name, on quantization: Quantization?? = nil) {
    self.init(name: method.rawValue, method, quantization)
  }

  private init(name: String, _ method: Method.Name, _ quantization: Quantization??) {
    self.name = name
    self.method = method
    self.quantization = quantization
  }

  /// - Returns: `nil` for a name that is not one of ``names``.
  public static func named(_ name: String) -> ComparedMethod? {
    if let usual = usual.first(where: { $0.name == name }) { return usual }
    if name == qdora.name { return qdora }
    return Method.Name(rawValue: name).map { ComparedMethod($0) }
  }

  /// `request` with this method in place of its own; what the method has no use for is left out.
  public func request(within request: RecipeRequest) -> RecipeRequest {
    var own = RecipeRequest()
    own.method = method
    own.quantization = quantization
    var filled = own.filled(from: request)
    // A base that was asked for is for the methods that have one.
    if case .some(.none) = request.quantization, method == .qlora, quantization == nil { filled.quantization = nil }
    return filled
  }
}
