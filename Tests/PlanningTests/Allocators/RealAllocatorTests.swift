import Bookkeeping
import Foundation
import Modeling
import Planning
import Testing

/// Requests that torch's own allocator was run on.
///
/// `Resources/allocator.json` was written by torch 2.15's `c10_cuda` library itself, on a machine without a GPU: a CUDA
/// runtime that hands out addresses with nothing behind them was put in its place (cudaMalloc, cudaFree, cudaMemGetInfo,
/// cuMemCreate and their like, with a limit where a case has a capacity). After each of the seeded random operations the
/// current allocated and reserved bytes were read from its statistics, in units of 512 bytes. A positive operation
/// allocates so many bytes, a negative one frees the allocation of that number (counted from one), 0 empties the cache.
@Suite struct `torch's own allocator` {
  struct Run: Decodable, Sendable, CustomTestStringConvertible {
    let settings: String
    let capacity: Int
    let operations: [Int]
    let allocated: [Int]
    let reserved: [Int]
    let peaks: [Int]

    var testDescription: String { "'\(settings)' in \(capacity >> 20) MiB" }
  }

  static let runs: [Run] = {
    guard let url = Bundle.module.url(forResource: "allocator", withExtension: "json", subdirectory: "Resources"),
      let data = try? Data(contentsOf: url), let runs = try? JSONDecoder().decode([Run].self, from: data)
    else { return [] }
    return runs
  }()

  @Test func `ran sixteen times`() { #expect(Self.runs.count == 16) }

  @Test(arguments: runs)
  func `held as much after every operation`(run: Run) throws {
    var allocator = try AllocatorProbe(
      AllocatorSettings(parsing: run.settings), capacity: run.capacity == 0 ? nil : Bytes(run.capacity))
    var blocks: [Int] = []
    for (place, operation) in run.operations.enumerated() {
      if operation > 0 {
        blocks.append(allocator.allocate(operation))
      } else if operation < 0 {
        allocator.free(blocks[-operation - 1])
      } else {
        allocator.emptyCache()
      }
      try #require(allocator.allocated == 512 * run.allocated[place], "operation \(place): \(operation)")
      try #require(allocator.reserved == 512 * run.reserved[place], "operation \(place): \(operation)")
    }
    #expect(allocator.peaks.allocated.count == run.peaks[0])
    #expect(allocator.peaks.reserved.count == run.peaks[1])
    #expect(!allocator.ranOut)
  }
}
