import Kernels

/// How many threads the engine's kernels and products run on.
public enum EngineThreads {
  /// Set once, before training: attention borrows a workspace for each.
  public static func configure(_ count: Int) { Parallelism.configure(threads: count) }

  public static var count: Int { Parallelism.threads }

  /// Runs products that fill the packing buffers of the BLAS and start the threads.
  ///
  /// Those buffers are the library's and stay for the life of the process, whatever is trained: they have to be there
  /// before anyone reads how much memory the process has without a model.
  public static func warmUp() {
    // As deep as a panel, wider and taller than any: packing then touches all that it ever will.
    let (rows, depth, width) = (1024, 512, 4096 * count)
    let wide = [Float](repeating: 0, count: depth * width)
    let narrow = [Float](repeating: 0, count: rows * depth)
    var product = [Float](repeating: 0, count: rows * width)
    MatrixProduct.forward(
      x: narrow.span, weight: wide.span, rows: rows, input: depth, output: width, into: product.mutableSpan)
    MatrixProduct.weightGradient(
      dy: wide.span, x: narrow.span, rows: depth, input: rows, output: width, into: product.mutableSpan)
  }
}
