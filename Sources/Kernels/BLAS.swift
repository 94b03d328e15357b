import COpenBLAS

/// What does the matrix products, for the stamp on a measurement.
public enum BLAS {
  /// The kernels it chose for this processor: `Cooperlake`, `Haswell`.
  public static var core: String { openblas_get_corename().map { String(cString: $0) } ?? "unknown" }

  /// Whether those are written for AVX-512.
  static let usesAVX512 = ["SkylakeX", "Cooperlake", "SapphireRapids"].contains(core)

  /// Its name and version.
  public static var version: String {
    let words = openblas_get_config().map { String(cString: $0) } ?? "OpenBLAS"
    return words.split(separator: " ").prefix(2).joined(separator: " ")
  }
}
